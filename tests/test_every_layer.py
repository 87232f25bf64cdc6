"""Every class in `keras.layers`, between layers with twins or on an input: it is handled, or refused by its name."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import copied, weighted

from redundancy.frameworks.keras.kinds.pointwise import AUGMENTATIONS
from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")

CLASSES = {cls.__name__: cls for cls in vars(layers).values() if inspect.isclass(cls) and issubclass(cls, keras.Layer)}

ELSEWHERE = {
    "FlaxLayer": "it wraps a module of another framework",
    "InputLayer": "every other case has one",
    "JaxLayer": "it wraps a function of another framework",
    "Layer": "it does nothing but give others what they share",
    "TFSMLayer": "it wraps what TensorFlow saved, whose code is not looked at",
    "TorchModuleWrapper": "it wraps a module of another framework",
    "Wrapper": "it does nothing but give others what they share",
}
"""The classes of which no model is made here, and why."""

REFUSED = {
    *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D"),
    *("AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "AdditiveAttention", "Attention", "AugMix", "AutoContrast"),
    *("CenterCrop", "ContrastLimitedAdaptiveHistogramEqualization", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
    *("Discretization", "Dot", "GRUCell", "GroupNormalization", "GroupedQueryAttention", "LSTMCell", "Lambda"),
    *("LayerNormalization", "Masking", "MelSpectrogram", "Pipeline", "RMSNormalization", "RNN", "RandAugment"),
    *("RandomColorDegeneration", "RandomColorJitter", "RandomCrop", "RandomGrayscale", "RandomHue"),
    *("RandomSaturation", "Resizing", "STFTSpectrogram", "SimpleRNNCell", "Softmax", "SpectralNormalization"),
    *("StackedRNNCells", "UnitNormalization"),
}
"""The classes that may keep what they read; all others let twins go."""

COLOURS = ("AugMix", "RandAugment", "RandomColorDegeneration", "RandomColorJitter", "RandomGrayscale", "RandomHue")

SEVERAL = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
CELLS = {"GRUCell": 1, "LSTMCell": 2, "SimpleRNNCell": 1, "StackedRNNCells": 2}

# What a class needs besides; its options are a function of nothing, so that layers in them are made for each test.
ARGUMENTS = {
    "Activation": lambda: ("tanh",),
    "AdaptiveAveragePooling1D": lambda: (2,),
    "AdaptiveAveragePooling2D": lambda: (2,),
    "AdaptiveAveragePooling3D": lambda: (2,),
    "AdaptiveMaxPooling1D": lambda: (2,),
    "AdaptiveMaxPooling2D": lambda: (2,),
    "AdaptiveMaxPooling3D": lambda: (2,),
    "AlphaDropout": lambda: (0.3,),
    "AveragePooling1D": lambda: (2,),
    "AveragePooling2D": lambda: (2,),
    "AveragePooling3D": lambda: (2,),
    "Bidirectional": lambda: (layers.LSTM(3),),
    "CategoryEncoding": lambda: (4,),
    "CenterCrop": lambda: (4, 4),
    "ConvLSTM1D": lambda: (3, 2),
    "ConvLSTM2D": lambda: (3, 2),
    "ConvLSTM3D": lambda: (3, 2),
    "Dense": lambda: (3,),
    "DepthwiseConv1D": lambda: (2,),
    "DepthwiseConv2D": lambda: (2,),
    "Dot": lambda: (-1,),
    "Dropout": lambda: (0.3,),
    "EinsumDense": lambda: ("ab,bc->ac", 3),
    "Embedding": lambda: (7, 3),
    "GRU": lambda: (3,),
    "GRUCell": lambda: (3,),
    "GaussianDropout": lambda: (0.3,),
    "GaussianNoise": lambda: (0.3,),
    "GroupNormalization": lambda: (2,),
    "GroupedQueryAttention": lambda: (3, 4, 2),
    "HashedCrossing": lambda: (5,),
    "Hashing": lambda: (5,),
    "LSTM": lambda: (3,),
    "LSTMCell": lambda: (3,),
    "Lambda": lambda: (_halved,),
    "MaxNumBoundingBoxes": lambda: (3,),
    "MultiHeadAttention": lambda: (2, 3),
    "Permute": lambda: ((1,),),
    "Pipeline": lambda: ([layers.Rescaling(0.5), layers.RandomFlip()],),
    "RNN": lambda: (layers.SimpleRNNCell(3),),
    "RandomBrightness": lambda: (0.5,),
    "RandomContrast": lambda: (0.5,),
    "RandomCrop": lambda: (8, 8),
    "RandomHue": lambda: (0.5,),
    "RandomPosterization": lambda: (4,),
    "RandomRotation": lambda: (0.5,),
    "RandomTranslation": lambda: (0.3, 0.3),
    "RandomZoom": lambda: (0.3,),
    "RepeatVector": lambda: (2,),
    "Rescaling": lambda: (0.5,),
    "Reshape": lambda: ((1, 4),),
    "Resizing": lambda: (4, 4),
    "ReversibleEmbedding": lambda: (7, 3),
    "SimpleRNN": lambda: (3,),
    "SimpleRNNCell": lambda: (3,),
    "SpatialDropout1D": lambda: (0.3,),
    "SpatialDropout2D": lambda: (0.3,),
    "SpatialDropout3D": lambda: (0.3,),
    "SpectralNormalization": lambda: (layers.Dense(3),),
    "StackedRNNCells": lambda: ([layers.SimpleRNNCell(3), layers.SimpleRNNCell(3)],),
    "TimeDistributed": lambda: (layers.Dense(3),),
    "UpSampling1D": lambda: (2,),
}
OPTIONS = {
    "Discretization": {"bin_boundaries": [-0.5, 0.0, 0.5]},
    "IntegerLookup": {"vocabulary": [1, 2, 3]},
    "Normalization": {"mean": 0.5, "variance": 2.0},
    "STFTSpectrogram": {"frame_length": 8, "frame_step": 4, "fft_length": 8},
    "StringLookup": {"vocabulary": ["a", "b"]},
    "TextVectorization": {"vocabulary": ["a", "b"], "output_sequence_length": 3},
    "MelSpectrogram": {
        "sequence_length": 8,
        "sequence_stride": 4,
        "fft_length": 8,
        "sampling_rate": 100,
        "max_freq": 50,
    },
}
SHAPES = {
    **dict.fromkeys([*AUGMENTATIONS, *COLOURS, "RandomSaturation"], (8, 8, 3)),
    **dict.fromkeys(["AutoContrast", "CenterCrop", "Pipeline", "RandomCrop", "Resizing"], (8, 8, 3)),
    "ContrastLimitedAdaptiveHistogramEqualization": (8, 8, 3),
    **dict.fromkeys(["Bidirectional", "GRU", "LSTM", "Masking", "RNN", "SimpleRNN", "TimeDistributed"], (5, 4)),
    **dict.fromkeys(["AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"], (5, 4)),
    "STFTSpectrogram": (32, 1),
    "MelSpectrogram": (32,),
    "GlobalAveragePooling1D": (8, 4),
    "GlobalAveragePooling2D": (6, 6, 4),
    "GlobalMaxPooling2D": (6, 6, 4),
    "ConvLSTM1D": (3, 6, 4),
    "ConvLSTM2D": (3, 6, 6, 4),
    "ConvLSTM3D": (3, 4, 4, 4, 4),
}
INTEGERS = ("CategoryEncoding", "Embedding", "HashedCrossing", "Hashing", "IntegerLookup", "ReversibleEmbedding")
STRINGS = ("StringLookup", "TextVectorization")


def _halved(x):
    return x / 2


def made(name):
    cls = CLASSES[name]
    options = dict(OPTIONS.get(name, {}))
    required = [
        p.name
        for p in inspect.signature(cls.__init__).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if name not in ARGUMENTS and "filters" in required:
        return cls(3, 2, **options)
    if name not in ARGUMENTS and "factor" in required:
        return cls(0.5)
    return cls(*ARGUMENTS.get(name, tuple)(), **options)


def shape_for(name):
    ranks = {"1": (8, 4), "2": (6, 6, 4), "3": (4, 4, 4, 4)}
    by_rank = next((ranks[n] for n in ranks if f"{n}D" in name), (4,))
    return SHAPES.get(name, by_rank)


def called(layer, name, x):
    if name in (*SEVERAL, "Attention", "AdditiveAttention", "HashedCrossing"):
        return layer([x, x])
    if name in ("MultiHeadAttention", "GroupedQueryAttention"):
        return layer(x, x)
    if name in CELLS:
        return layer(x, [layers.Dense(3)(x) for _ in range(CELLS[name])])[0]
    return layer(x)


def flat(y):
    first = keras.tree.flatten(y)[0] * 1.0
    return layers.Flatten()(first if len(first.shape) > 1 else keras.ops.expand_dims(first, -1))


def on_an_input(layer, name, x):
    hidden = layers.Dense(5, activation="relu", name="hidden")
    model = weighted(keras.Model(x, layers.Dense(2)(hidden(flat(called(layer, name, x))))))
    copied(hidden, 0, 1)
    assert [removal.space for removal in compact(model).removals] == ["hidden"]


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - ELSEWHERE.keys() - {*INTEGERS, *STRINGS, "Equalization"}))
def test_every_layer_is_handled_or_refused_by_its_name(name):
    if "Pooling3D" in name or name == "MelSpectrogram":
        keras.config.set_dtype_policy("float32")  # Keras, or TensorFlow, does not do it in float64
    shape = shape_for(name)
    first, layer = layers.Dense(shape[-1] if shape[-1] > 1 else 1, activation="tanh", name="first"), made(name)
    x = keras.Input((*shape[:-1], 2))
    model = weighted(keras.Model(x, layers.Dense(2)(flat(called(layer, name, first(x))))))
    # A layer that has weights for each unit that passes has equal ones.
    layer.set_weights([np.full_like(weight, 0.3) for weight in layer.get_weights()])
    twins = shape[-1] > 1
    if twins:
        copied(first, 0, 1)
    result = compact(model)
    removed = [removal for removal in result.removals if removal.space == "first"]
    named = [refusal for refusal in result.refusals if refusal.layer == layer.name and refusal.reason]
    assert removed or (named and name in REFUSED) or not twins, str(result)


@pytest.mark.parametrize("name", [*INTEGERS, *STRINGS])
def test_what_reads_numbers_or_words_does_not_keep_others_from_folding(name):
    dtype = "string" if name in STRINGS else "int32"
    x = keras.Input((1,) if name in STRINGS or name == "HashedCrossing" else (3,), dtype=dtype)
    on_an_input(made(name), name, x)


def test_what_keras_itself_does_not_put_between_others_is_tried_on_an_input():
    on_an_input(layers.Equalization(), "Equalization", keras.Input((8, 8, 3)))


def test_every_class_has_a_case():
    assert not [name for name in ELSEWHERE if name not in CLASSES]
    assert not [name for name in {*ARGUMENTS, *OPTIONS, *SHAPES} if name not in CLASSES]
