"""Layers that tie their units together, so that none can go: to remove one would change all the others."""

from __future__ import annotations

from collections.abc import Mapping

_NORMALISES = (
    "it normalises over its units, so that to remove one would change all the others; what lies between other layers"
    " can still change"
)
_WRAPPED = "what the layer that it wraps does at every step is not known"
_CALLED = "it is given a gate, a mask that is no tensor, or returns its scores, or is called in training mode"
_STEPS = "what its cells do at a step is not known"
_OWN = (
    "its activation is not Keras's own, it is called in a way that changes what it does, or Keras adds its bias along"
    " the wrong axis"
)
_MASKED = "it is given a mask, or is called in training mode, or works along several axes"
_RESAMPLES = "it crops or resamples maps in a way that is not followed"
_ADJUSTS = "it rescales its units by the values that it finds"
_COLOURS = "it handles its units as colours in training, so that it needs all of them"
_LOOKS_UP = "it puts numbers in classes, of which none is a multiple of another"
_SCORES = "it multiplies its units with each other"

WHOLE = "it calculates with whole numbers, which wrap around where their type ends"
"""Why the units stay that are made of whole numbers before a layer makes floating ones of them."""

REASONS: Mapping[str, str] = {
    "LayerNormalization": _NORMALISES,
    "GroupNormalization": _NORMALISES,
    "RMSNormalization": _NORMALISES,
    "UnitNormalization": _NORMALISES,
    "SpectralNormalization": "it divides its weights by their largest singular value, which any unit can change",
    "Dot": "it multiplies its units with each other and adds the products up",
    "Bidirectional": "it wraps other layers than Keras's own recurrent ones, or is called in training mode",
    "TimeDistributed": _WRAPPED,
    "RNN": _STEPS,
    "ConvLSTM1D": _STEPS,
    "ConvLSTM2D": _STEPS,
    "ConvLSTM3D": _STEPS,
    "SimpleRNN": "it is given a function that is not Keras's own, or is called in training mode",
    "GRU": "it is given a function that is not Keras's own, or is called in training mode",
    "LSTM": "it is given a function that is not Keras's own, or is called in training mode",
    "MultiHeadAttention": _CALLED,
    "Attention": _SCORES,
    "AdditiveAttention": "it scales its units and compares the sums of queries and keys",
    "GroupedQueryAttention": "its queries share keys and values in groups",
    "GlobalResponseNormalization": _NORMALISES,
    "Masking": "it hides the rows in which all of its units are equal to one value",
    "Lambda": "its function is not looked at",
    "Activation": "its function is not Keras's own",
    "Reshape": "it moves values from one row of the batch to another, or its input has no fixed size",
    **dict.fromkeys(("Dense", "EinsumDense", "DepthwiseConv1D", "DepthwiseConv2D"), _OWN),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D", "Conv1D", "Conv2D", "Conv3D"), _OWN),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _OWN),
    **dict.fromkeys(("BatchNormalization", "GlobalAveragePooling1D", "Softmax"), _MASKED),
    **dict.fromkeys(("CenterCrop", "RandomCrop", "Resizing"), _RESAMPLES),
    **dict.fromkeys(("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"), _ADJUSTS),
    **dict.fromkeys(("AugMix", "RandAugment", "RandomColorDegeneration", "RandomColorJitter"), _COLOURS),
    **dict.fromkeys(("RandomGrayscale", "RandomHue", "RandomSaturation"), _COLOURS),
    **dict.fromkeys(("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup"), _LOOKS_UP),
}
"""Why the units of a layer stay as they are, by its class."""
