"""What is redundant and stays is named, with the layer that does not let it go."""

import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.search import search

RNG = np.random.default_rng(0)


def convolutions(change, padding="same", second="conv"):
    """Two convolutions, the first one with 6 units and ReLU."""
    weights = {"kernel": RNG.standard_normal((3, 3, 2, 6)), "bias": np.zeros(6)}
    change(weights)
    b = Builder()
    y = b.add("conv", b.input((8, 8, 2), dtype="float64"), weights=weights, name="first")
    y = b.add("activation", y, function="relu")
    if second == "depthwise_conv":
        y = b.add(second, y, weights={"kernel": RNG.standard_normal((3, 3, 6, 1))}, name="second", padding=padding)
        padding, name = "valid", "third"
    else:
        name = "second"
    y = b.add("conv", y, weights={"kernel": RNG.standard_normal((3, 3, 6, 4))}, name=name, padding=padding)
    return b.network(y)


def constant(weights):
    weights["kernel"][..., 5], weights["bias"][5] = 0.0, 0.7


def twins(weights):
    weights["kernel"][..., 5] = weights["kernel"][..., 1]


def dead(weights):
    weights["kernel"][:], weights["bias"][:] = 0.0, -1.0


def told(network):
    return [(refusal.space, refusal.layer, refusal.units) for refusal in search(network).refusals]


def test_a_constant_that_meets_zeros_at_the_border_is_named():
    network = convolutions(constant)
    assert told(network) == [("first", "second", 1)]
    assert "no bias can take a constant there" in search(network).refusals[0].reason
    assert told(convolutions(constant, "valid")) == []


def test_channels_that_a_depthwise_layer_makes_different_are_named():
    network = convolutions(twins, second="depthwise_conv")
    assert told(network) == [("first", "second", 1)]
    assert told(convolutions(lambda weights: None, second="depthwise_conv")) == []


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_of_a_layer_that_is_dead_the_unit_that_stays_is_named(padding):
    network = convolutions(dead, padding)
    (found,) = search(network).found
    assert len(found.units) == 5
    assert told(network) == [("first", "first", 1)]
