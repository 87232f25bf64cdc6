"""Keras models with redundancy planted by hand around layers that act on each value, or do nothing in inference."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from planting_by_hand import checked, copied, weighted

from redundancy.algebra import NAMES
from redundancy.frameworks.keras import read, write
from redundancy.frameworks.keras.kinds.pointwise import AUGMENTATIONS, NOTHING

pytestmark = pytest.mark.usefixtures("in_float64")


def followed(first, after, shape=(4,)):
    """A model in which a function of a tensor follows a layer, and a dense layer reads the result."""
    x = keras.Input(shape)
    return weighted(keras.Model(x, layers.Dense(3)(layers.Flatten()(after(first(x))))))


def multiplied(layer, source, copy, factor):
    """Makes unit `copy` of a layer `factor` times unit `source`, bias and all."""
    weights = [weight.copy() for weight in layer.get_weights()]
    for weight in weights:
        weight[..., copy] = factor * weight[..., source]
    layer.set_weights(weights)


@pytest.mark.parametrize("name", NAMES)
def test_twins_fold_before_every_activation(name):
    first = layers.Dense(5, activation=name)
    model = followed(first, layers.Dense(4, activation="tanh"))
    copied(first, 0, 2)
    checked(model, 1)


TOGETHER = [(name, how) for name in ("softmax", "log_softmax") for how in ("argument", "layer", "operation")]


# Keras gives a layer whose argument is `glu` a shape that its output does not have, and cannot record `sparsemax`.
@pytest.mark.parametrize(("name", "how"), [*TOGETHER, ("glu", "operation"), ("sparsemax", "layer")])
def test_what_is_no_function_of_one_unit_is_refused_by_name(name, how):
    function = getattr(keras.activations, name)
    first = layers.Dense(6, name="first", activation=function if how == "argument" else None)
    after = {"argument": layers.Identity(), "layer": layers.Activation(function), "operation": function}[how]
    model = followed(first, after)
    copied(first, 0, 2)
    (refusal,) = checked(model, 0).refusals
    assert refusal.space == "first"


TENSORS = {
    "relu": (keras.activations.relu, 2.0),
    "relu with a slope": (lambda x: keras.activations.relu(x, negative_slope=0.3), 2.0),
    "ops.relu": (ops.relu, 2.0),
    "ops.leaky_relu": (lambda x: ops.leaky_relu(x, negative_slope=0.4), 2.0),
    "ops.abs": (ops.abs, -1.0),
    "ops.square": (ops.square, -1.0),
    "ops.cos": (ops.cos, -1.0),
    "ops.sin": (ops.sin, -1.0),
    "ops.tanh": (ops.tanh, -1.0),
    "ops.sigmoid": (ops.sigmoid, -1.0),
    "ops.exp": (ops.exp, 1.0),
    "ops.gelu": (lambda x: ops.gelu(x, approximate=True), 1.0),
    "ops.silu": (ops.silu, 1.0),
    "ops.celu": (lambda x: ops.celu(x, alpha=0.5), 1.0),
    "ops.threshold": (lambda x: ops.threshold(x, 0.0, 0.0), 2.0),
    "ops.soft_shrink": (lambda x: ops.soft_shrink(x, 0.1), -1.0),
    "ops.maximum with zero": (lambda x: ops.maximum(x, 0.0), 2.0),
    "a square": (lambda x: x**2, -1.0),
    "ops.erf": (ops.erf, -1.0),
    "gelu by hand": (lambda x: 0.5 * x * (1.0 + ops.erf(x / np.sqrt(2.0))), 1.0),
    "hard swish by hand": (lambda x: x * ops.relu6(x + 3.0) / 6.0, 1.0),
    "ops.clip to one": (lambda x: ops.clip(x, -1, 1), -1.0),
    "ops.clip": (lambda x: ops.clip(x, 0.0, 2.0), 1.0),
}


@pytest.mark.parametrize(("function", "factor"), TENSORS.values(), ids=TENSORS)
def test_functions_of_tensors(function, factor):
    first = layers.Dense(5)
    model = followed(first, function)
    multiplied(first, 0, 2, factor)
    checked(model, 1)


LAYERS = {
    "ReLU with a limit": (lambda: layers.ReLU(max_value=2.0), [1.0], [2.0, -1.0]),
    "ReLU with a threshold": (lambda: layers.ReLU(threshold=0.2), [1.0], [2.0, -1.0]),
    "ReLU with all": (lambda: layers.ReLU(3.0, 0.1, 0.2), [1.0], [2.0, -1.0]),
    "LeakyReLU": (lambda: layers.LeakyReLU(0.3), [1.0, 2.0], [-1.0]),
    "ELU": (lambda: layers.ELU(0.7), [1.0], [2.0, -1.0]),
    "Activation of a layer": (lambda: layers.Activation(layers.LeakyReLU(0.3)), [1.0, 2.0], [-1.0]),
}


@pytest.mark.parametrize(("made", "pass_", "stay"), LAYERS.values(), ids=LAYERS)
def test_layers_of_functions(made, pass_, stay):
    for factor in (*pass_, *stay):
        first = layers.Dense(5)
        model = followed(first, made())
        multiplied(first, 0, 2, factor)
        checked(model, int(factor in pass_))


def test_a_layer_as_an_argument_comes_back():
    first = layers.Dense(5, activation=layers.LeakyReLU(0.3))
    model = followed(first, layers.Dense(4, activation="tanh"))
    multiplied(first, 0, 2, 2.0)
    small = checked(model, 1).model
    assert small.layers[1].activation.negative_slope == 0.3


@pytest.mark.parametrize(("equal", "removed"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_slopes_that_are_weights(equal, removed, factor):
    first, rectifier = layers.Dense(5), layers.PReLU()
    model = followed(first, rectifier)
    multiplied(first, 0, 2, factor)
    if equal:
        copied(rectifier, 0, 2)
    small = checked(model, removed).model
    assert small.layers[2].alpha.shape == (5 - removed,)


@pytest.mark.parametrize("shared", [None, [1], [1, 2], [1, 2, 3]])
@pytest.mark.parametrize("layout", ["channels_last", "flat"])
def test_slopes_of_maps(shared, layout):
    if layout == "flat" and shared not in (None, [1]):
        shared = None
    first, rectifier = layers.Conv2D(5, 3), layers.PReLU(shared_axes=shared)
    between = layers.Flatten() if layout == "flat" else layers.Identity()
    model = followed(first, lambda x: rectifier(between(x)), (6, 6, 2))
    multiplied(first, 0, 2, 3.0)
    (alpha,) = rectifier.get_weights()
    units = alpha.reshape(-1, 5) if alpha.shape[-1] > 1 else alpha
    if units.shape[-1] > 1:
        units[:, 2] = units[:, 0]
    rectifier.set_weights([units.reshape(alpha.shape)])
    checked(model, 1)


def test_slopes_that_differ_at_one_position_keep_units_apart():
    first, rectifier = layers.Conv2D(5, 3), layers.PReLU()
    model = followed(first, rectifier, (6, 6, 2))
    copied(first, 0, 2)
    (alpha,) = rectifier.get_weights()
    alpha[..., 2] = alpha[..., 0]
    alpha[1, 1, 2] += 0.5
    rectifier.set_weights([alpha])
    checked(model, 0)


@pytest.mark.parametrize(("value", "shared", "removed"), [(0.7, None, 1), (-0.7, [1, 2], 1), (-0.7, None, 0)])
def test_a_constant_before_slopes_of_its_own(value, shared, removed):
    """Below zero it is another value wherever the slope is another."""
    first = layers.Conv2D(5, 3)
    model = followed(first, layers.PReLU(shared_axes=shared), (6, 6, 2))
    kernel, bias = first.get_weights()
    kernel[..., 1], bias[1] = 0.0, value
    first.set_weights([kernel, bias])
    checked(model, removed)


@pytest.mark.parametrize("name", [*NOTHING, "Dropout"])
def test_what_does_nothing_in_inference(name):
    rank = int(name[-2]) if name[-1] == "D" else 1
    made = getattr(layers, name)
    layer = made() if name in ("Identity", "ActivityRegularization") else made(0.3)
    first = layers.Dense(5, activation="relu")
    model = followed(first, layer, (*[3] * rank, 4))
    copied(first, 0, 2)
    assert type(checked(model, 1).model.layers[2]) is made


ARGUMENTS = {"RandomZoom": (0.3,), "RandomTranslation": (0.3, 0.3), "MaxNumBoundingBoxes": (3,)}


def augmentation(name):
    required = name in ("RandomRotation", "RandomContrast", "RandomBrightness", "RandomHue", "RandomPosterization")
    factor = {"RandomPosterization": 4}.get(name, 0.5)
    asked = name in ("RandomColorDegeneration", "RandomSaturation", "RandomSharpness", "RandomInvert", "RandomErasing")
    keywords = {"factor": 1.0 if name in ("RandomInvert", "RandomErasing") else 0.5} if asked else {}
    return getattr(layers, name)(*ARGUMENTS.get(name, (factor,) if required else ()), **keywords)


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_hands_images_on_in_inference(name, scale):
    images = np.random.default_rng(0).uniform(-0.3, 1.0, (2, 8, 8, 3)) * scale
    assert np.array_equal(augmentation(name)(images, training=False), images)


@pytest.mark.parametrize("name", ["RandomFlip", "RandomContrast", "MixUp"])
def test_what_lies_before_augmentation_folds(name):
    first = layers.Conv2D(3, 3, activation="relu")
    model = followed(first, augmentation(name), (8, 8, 2))
    copied(first, 0, 2)
    assert type(checked(model, 1).model.layers[2]).__name__ == name


# Keras itself makes no model of some of them one after the other.
@pytest.mark.parametrize(
    "names", [["Equalization"], [name for name in AUGMENTATIONS if name != "Equalization"]], ids=str
)
def test_what_lies_behind_augmentation_folds(names):
    first = layers.Conv2D(5, 3, activation="relu")
    stack = [augmentation(name) for name in names]
    model = weighted(
        keras.Sequential([keras.Input((8, 8, 3)), *stack, first, layers.Flatten(), layers.Dense(2)]),
    )
    copied(first, 0, 2)
    small = checked(model, 1).model
    assert [layer.get_config() for layer in small.layers[:-3]] == [layer.get_config() for layer in stack]


SCALES = np.array([1.0, 3.0, 3.0, 4.0, 1 / 3])
SCALINGS = {
    "Rescaling": lambda: layers.Rescaling(1 / 127.5, -1.0),
    "Rescaling of units": lambda: layers.Rescaling(SCALES, list(SCALES)),
    "times an array": lambda: lambda x: x * SCALES,
    "over an array": lambda: lambda x: ops.divide(x, SCALES.reshape(1, 1, 1, 5)),
    "an array less": lambda: lambda x: ops.subtract(SCALES, x),
    "plus an array": lambda: lambda x: x + SCALES.reshape(1, 5),
    "Normalization": lambda: layers.Normalization(mean=SCALES, variance=SCALES),
    "Normalization undone": lambda: layers.Normalization(mean=SCALES, variance=SCALES, invert=True),
    "Normalization by one number": lambda: layers.Normalization(axis=None, mean=0.3, variance=2.0),
}


@pytest.mark.parametrize("scaling", SCALINGS.values(), ids=SCALINGS)
def test_units_that_are_scaled_alike(scaling):
    first = layers.Conv2D(5, 3)
    after = scaling()
    model = followed(first, lambda x: keras.activations.tanh(after(x)), (6, 6, 2))
    copied(first, 1, 2)
    checked(model, 1)


@pytest.mark.parametrize("scaling", ["Rescaling of units", "times an array", "Normalization"])
def test_units_that_are_scaled_differently_stay(scaling):
    first = layers.Conv2D(5, 3)
    after = SCALINGS[scaling]()
    model = followed(first, lambda x: keras.activations.tanh(after(x)), (6, 6, 2))
    copied(first, 1, 3)
    checked(model, 0)


def test_positions_that_are_scaled_differently_are_refused_by_name():
    first = layers.Conv2D(5, 3, name="first")
    model = followed(first, layers.Rescaling(np.arange(16.0).reshape(4, 4, 1), name="ramp"), (6, 6, 2))
    copied(first, 1, 3)
    (refusal,) = checked(model, 0).refusals
    assert (refusal.space, refusal.layer) == ("first", "ramp")


@pytest.mark.parametrize("axis", [-1, (1, -1), None])
def test_statistics_that_were_adapted(axis):
    first, normal = layers.Dense(5, activation="relu"), layers.Normalization(axis=axis)
    model = followed(first, lambda x: ops.tanh(normal(x)), (3, 4))
    copied(first, 0, 2)
    x = np.random.default_rng(0).standard_normal((20, 3, 4))
    normal.adapt(np.asarray(first(x)))
    small = checked(model, 0 if axis == (1, -1) else 1).model
    assert small.layers[2].count.dtype == normal.count.dtype


def test_noise_with_a_shape_of_its_own_stays_as_it_fits():
    first = layers.Dense(5, activation="relu")
    model = followed(first, layers.Dropout(0.3, noise_shape=(None, 5)))
    copied(first, 0, 2)
    checked(model, 0)


@pytest.mark.parametrize("scaling", [*SCALINGS.values(), lambda: layers.PReLU(), lambda: layers.ReLU(2.0, 0.1)])
def test_what_acts_on_values_comes_back_as_it_was(scaling):
    model = followed(layers.Conv2D(5, 3), scaling(), (6, 6, 2))
    again = write(read(model))
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 2))
    assert np.array_equal(model(x), again(x))
    assert [type(a) for a in model.operations] == [type(b) for b in again.operations]
    assert model.get_config() == again.get_config()


REDUCTIONS = {
    "mean": (lambda x: ops.mean(x, axis=(1, 2)), 2.0, 1),
    "mean of one axis": (lambda x: ops.mean(x, axis=-2, keepdims=True), 2.0, 1),
    "sum": (lambda x: ops.sum(x, axis=(1, 2)), 2.0, 1),
    "max": (lambda x: ops.max(x, axis=(1, 2)), 2.0, 1),
    "max of negatives": (lambda x: ops.max(x, axis=(1, 2)), -1.0, 0),
    "amin": (lambda x: ops.amin(x, axis=1), 2.0, 1),
    "of the units": (lambda x: ops.mean(x, axis=-1), 1.0, 0),
    "axes that come": (lambda x: ops.expand_dims(x, (1, -2)), 1.0, 1),
    "axes that go": (lambda x: ops.squeeze(ops.mean(x, axis=1, keepdims=True), 1), 2.0, 1),
    "stacked": (lambda x: ops.stack([x, ops.tanh(x)], axis=2), -1.0, 1),
    "stacked behind": (lambda x: ops.stack([x, -x], axis=-1), 1.0, 1),
}


@pytest.mark.parametrize(("reduce", "factor", "removed"), REDUCTIONS.values(), ids=REDUCTIONS)
def test_reductions_of_maps(reduce, factor, removed):
    first = layers.Conv2D(5, 3)
    model = followed(first, reduce, (6, 6, 2))
    multiplied(first, 0, 2, factor)
    checked(model, removed)


@pytest.mark.parametrize("reduce", [ops.sum, ops.mean, ops.max, ops.min])
@pytest.mark.parametrize("size", [6, None])
def test_constants_that_are_reduced(reduce, size):
    first = layers.Conv1D(5, 3)
    x = keras.Input((size, 2))
    model = weighted(keras.Model(x, layers.Dense(3)(reduce(first(x), axis=1))))
    kernel, bias = first.get_weights()
    kernel[..., 1], bias[1] = 0.0, 0.7
    first.set_weights([kernel, bias])
    checked(model, 0 if reduce is ops.sum and size is None else 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.matmul(x, np.ones((5, 5))),
        lambda x: ops.einsum("bi,ij->bj", x, np.ones((5, 5))),
        lambda x: ops.split(x, 5, axis=-1)[0],
        lambda x: ops.roll(x, 1, axis=-1),
        lambda x: ops.cumsum(x, axis=-1),
        lambda x: ops.floor(x),
        lambda x: x**3,
        lambda x: layers.Dot(-1)([x, x]),
    ],
)
def test_an_operation_without_a_rule_is_refused_by_name(function):
    first = layers.Dense(5, activation="relu", name="first")
    model = followed(first, lambda x: ops.reshape(function(x), (-1, 5)) if function(x).shape[-1] == 5 else function(x))
    copied(first, 0, 2)
    (refusal,) = checked(model, 0).refusals
    assert refusal.space == "first"
    assert refusal.layer in [operation.name for operation in model.operations]
