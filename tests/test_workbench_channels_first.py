"""Keras models whose channels come first, for which TensorFlow has few CPU kernels: run, compacted and compared."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import checked, copied, weighted

from redundancy.frameworks.keras import evaluate, read
from redundancy.frameworks.keras.probes import outputs_of
from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")


def image_network(data_format):
    """A two-dimensional model of many layers, in either layout."""
    first = data_format == "channels_first"
    laid = {"data_format": data_format}
    x = keras.Input((2, 12, 12) if first else (12, 12, 2))
    y = layers.Conv2D(5, 3, name="conv", **laid)(x)
    y = layers.ReLU()(layers.BatchNormalization(axis=1 if first else -1, name="normal")(y))
    y = layers.MaxPooling2D(2, **laid)(layers.ZeroPadding2D(1, **laid)(y))
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise", activation="tanh", **laid)(y)
    y = layers.SeparableConv2D(4, 3, padding="same", activation="relu", name="separable", **laid)(y)
    y = layers.Conv2DTranspose(6, 3, strides=2, name="transposed", activation="relu", **laid)(y)
    y = layers.Conv2D(4, 3, strides=2, name="last", activation="relu", **laid)(y)
    branches = [layers.GlobalAveragePooling2D(**laid)(y), layers.Flatten(**laid)(layers.AveragePooling2D(3, **laid)(y))]
    return weighted(keras.Model(x, layers.Dense(3)(layers.Concatenate()(branches))))


def test_what_runs_compiled_computes_what_the_other_layout_does():
    first, last = (image_network(layout) for layout in ("channels_first", "channels_last"))
    x = np.random.default_rng(0).standard_normal((3, 12, 12, 2))
    (expected,), (got,) = outputs_of(last, (x,)), outputs_of(first, (np.moveaxis(x, -1, 1),))
    assert np.max(np.abs(expected - got)) <= 1e-12 * np.max(np.abs(expected))


def test_two_axes():
    model = image_network("channels_first")
    for name in ("conv", "normal", "last"):
        copied(model.get_layer(name), 0, 1)
    copied(model.get_layer("transposed"), 0, 1, axis=-2)
    for name in ("depthwise", "separable"):
        depthwise, *others = (weight.copy() for weight in model.get_layer(name).get_weights())
        depthwise[:, :, 1] = depthwise[:, :, 0]
        model.get_layer(name).set_weights([depthwise, *others])
    bias = model.get_layer("depthwise").bias
    bias.assign([bias[0], bias[0], *bias[2:]])
    checked(model, 3)


@pytest.mark.parametrize("rank", [1, 3])
def test_one_axis_and_three(rank):
    laid = {"data_format": "channels_first"}
    first = getattr(layers, f"Conv{rank}D")(4, 3, activation="relu", **laid)
    pooling = getattr(layers, f"AveragePooling{rank}D")(2, **laid)
    transposed = getattr(layers, f"Conv{rank}DTranspose")(5, 2, **laid)
    stack = [first, pooling, transposed, layers.PReLU(), layers.Flatten(**laid), layers.Dense(2)]
    model = weighted(keras.Sequential([keras.Input((2, *[7] * rank)), *stack]))
    copied(first, 0, 1)
    checked(model, 1)


def test_a_network_whose_channels_come_first_is_evaluated():
    network = read(image_network("channels_first"))
    assert evaluate(network, np.ones((2, 2, 12, 12))).shape == (2, 3)


def test_a_bias_that_keras_adds_along_the_wrong_axis_is_not_followed():
    """Four channels of a map that is four wide."""
    first = layers.Conv1D(4, 3, data_format="channels_first", name="first")
    model = weighted(keras.Sequential([keras.Input((2, 6)), first, layers.Flatten(), layers.Dense(2)]))
    copied(first, 0, 1)
    checked(model, 0)


def test_a_layer_whose_bias_keras_would_then_misplace_stays_as_it_is():
    first = layers.Conv1D(5, 3, data_format="channels_first", name="first")
    model = weighted(keras.Sequential([keras.Input((2, 6)), first, layers.Flatten(), layers.Dense(2)]))
    copied(first, 0, 1)
    result = compact(model)
    assert result.removals == ()
    assert ["adds its bias along the wrong axis" in refusal.reason for refusal in result.refusals] == [True]
