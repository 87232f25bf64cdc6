"""Gradients of single weights, example by example; `tox run -e jax` and `-e torch` run this on theirs."""

import keras
import numpy as np
import pytest
from forward import forward
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from redundancy.building import Builder
from redundancy.errors import OptionError, UnsupportedError
from redundancy.frameworks.keras import read
from redundancy.frameworks.keras.weightwise import differentiable, weight_gradients
from redundancy.strategies import networks

RNG = np.random.default_rng(0)


def joined(network, *arguments, **options):
    names = differentiable(network)
    pieces = list(weight_gradients(network, names, *arguments, **options))
    return {n: {w: np.concatenate([p[n][w] for p in pieces]) for w in network[n].weights} for n in names}


def loss(network, x, labels):
    return -log_softmax(forward(network, x), axis=-1)[np.arange(len(labels)), labels]


@settings(max_examples=20)
@given(networks(dtype="float64", functions=["tanh", "sigmoid", "softplus"]), st.data())
def test_against_numerical_differentiation(network, data):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((3, *network[network.inputs[0]].shape)), rng.integers(0, 3, 3)
    name = data.draw(st.sampled_from(differentiable(network)))
    weight = data.draw(st.sampled_from(sorted(network[name].weights)))
    before = network[name].weights[weight]
    at = tuple(data.draw(st.integers(0, extent - 1)) for extent in before.shape)
    step = np.zeros(before.shape)
    step[at] = 1e-5
    above, below = (loss(network.with_weights({name: {weight: w}}), x, labels) for w in (before + step, before - step))
    found = joined(network, (x,), labels)[name][weight]
    np.testing.assert_allclose(
        found[(slice(None), *at)], (above - below) / 2e-5, atol=1e-6 * max(1, np.abs(found).max())
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_strides_and_dilation(padding):
    for options in ({"strides": (2, 3)}, {"dilation": (2, 1)}):
        b = Builder()
        kernel = RNG.standard_normal((3, 2, 2, 3))
        h = b.add(
            "conv",
            b.input((7, 8, 2), dtype="float64"),
            name="c",
            weights={"kernel": kernel},
            padding=padding,
            **options,
        )
        network = b.network(b.add("global_average_pooling", h))
        x, labels = RNG.standard_normal((3, 7, 8, 2)), np.array([0, 1, 2])
        found = joined(network, (x,), labels)["c"]["kernel"]
        step = np.zeros(kernel.shape)
        step[2, 1, 0, 1] = 1e-5
        above, below = (
            loss(network.with_weights({"c": {"kernel": k}}), x, labels) for k in (kernel + step, kernel - step)
        )
        np.testing.assert_allclose(found[:, 2, 1, 0, 1], (above - below) / 2e-5, atol=1e-7)


def dense(last="linear"):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, last, name="top")])
    return read(model)


def test_a_dense_layer_by_hand():
    network, x, targets = dense(), RNG.standard_normal((100, 4)).astype("float32"), RNG.standard_normal((100, 3))
    residuals = x @ network["top"].weights["kernel"] + network["top"].weights["bias"] - targets
    found = joined(network, (x,), targets)["top"]
    np.testing.assert_allclose(found["kernel"], x[:, :, None] * residuals[:, None, :], atol=1e-5)
    np.testing.assert_allclose(found["bias"], residuals, atol=1e-5)


def test_layers_that_are_not_known_are_named():
    inputs = keras.Input((6, 3))
    network = read(keras.Model(inputs, keras.layers.Dense(2, name="top")(keras.layers.GRU(4, name="gru")(inputs))))
    assert differentiable(network) == ("top",)
    with pytest.raises(UnsupportedError, match="layer 'gru'"):
        next(weight_gradients(network, ("gru",), (np.zeros((1, 6, 3)),)))


def test_a_layer_that_is_called_twice_is_left_out():
    inputs, twice = keras.Input((4,)), keras.layers.Dense(4, name="twice")
    assert differentiable(read(keras.Model(inputs, keras.layers.Dense(2, name="top")(twice(twice(inputs)))))) == (
        "top",
    )


def test_labels_that_are_too_few_are_refused():
    with pytest.raises(OptionError, match="2 labels for 5 rows"):
        next(weight_gradients(dense(), ("top",), (np.zeros((5, 4)),), np.zeros(2, int)))
