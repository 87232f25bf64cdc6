"""n features of which two are equal are n - 1 features: in what can be computed, and in what can be learned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from redundancy import claim, compact, observe
from redundancy.frameworks.keras import evaluate
from redundancy.strategies import networks, planted
from redundancy.zoo import Recipe, Twins, conv, dense, flatten


@claim("a network with n features, two of them equal, computes exactly what one with n - 1 features computes")
@given(plant=planted(["duplicate"], networks(dtype="float64")))
def test_computes(plant):
    result = compact(plant.network, notions=["duplicate"])
    inputs = np.random.default_rng(0).standard_normal((8, *plant.network[plant.network.inputs[0]].shape))
    before, after = evaluate(plant.network, inputs), evaluate(result.network, inputs)
    difference = float(np.max(np.abs(after - before)) / (1 + np.max(np.abs(before))))
    observe("largest relative difference of an output, in float64", difference)
    assert {removal.unit for removal in result.removals if removal.space == plant.space} & set(plant.units)
    assert difference < 1e-12


def apart(run) -> float:
    """The relative distance of the first two features."""
    kernel = run.network["conv_1"].weights["kernel"].astype(np.float64)
    return float(np.linalg.norm(kernel[..., 0] - kernel[..., 1]) / np.linalg.norm(kernel[..., 0]))


@claim(
    "a network whose two features stay tied mostly ends with a higher training loss than its untied twin",
    at_least=0.5,
)
@pytest.mark.parametrize("features", [2, 3])
def test_learns(features, dataset, run):
    layers = (conv(features, 5, strides=3, activation="tanh"), flatten(), dense(dataset.classes))
    untied = Recipe(layers, learning_rate=3e-3, steps=100)
    tied = replace(untied, twins=(Twins("conv_1", (0, 1)),))
    first, second = run.trained(tied), run.trained(untied)
    assert apart(first) < 1e-3 < apart(second), "the pair was not tied, or not untied"
    observe(f"training loss of {features} features, tied", first.loss)
    observe(f"training loss of {features} features, untied", second.loss)
    assert first.loss > second.loss
