"""Twins in incoming and outgoing weights receive the same gradients, so no elementwise optimiser can part them.

Not bit for bit: a matrix product may treat its last columns differently, so that twins differ by rounding, which
training amplifies: in float32 to as much as a thousandth of their size within 40 steps of momentum behind a
BatchNormalization. The claim is about the gradients, so it is tested in float64, with a tolerance, and never `==`.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from redundancy import claim, observe
from redundancy.strategies import recipes
from redundancy.zoo import Recipe, Twins, conv, dense, dropout, flatten

TOGETHER, APART = 1e-6, 5e-3


def distance(run) -> float:
    """How far the incoming weights of the twins lie apart, relative to their size."""
    (twins,) = run.recipe.twins
    kernel = run.network[twins.layer].weights["kernel"].astype(np.float64)
    first, second = kernel[..., twins.units[0]], kernel[..., twins.units[1]]
    return float(np.linalg.norm(first - second) / np.linalg.norm(first))


@claim("twins in incoming and outgoing weights stay twins through training, whatever the optimiser")
@settings(max_examples=12)
@given(recipe=recipes(twins=True))
def test_twins_stay(recipe, dataset, trained, seeds):
    (run,) = trained(replace(recipe, data=dataset.name, dtype="float64"), seeds(1, recipe))
    observe("largest relative distance of twins, in float64", distance(run))
    assert distance(run) < TOGETHER


def convolutional(dataset, *between, outgoing) -> Recipe:
    layers = (conv(8, 3, strides=3, activation="relu"), *between, flatten(), dense(dataset.classes))
    return Recipe(
        layers, learning_rate=3e-3, steps=100, twins=(Twins("conv_1", (1, 6), outgoing=outgoing),), data=dataset.name
    )


@claim("twins in incoming weights only are parted by training, and so are whole twins under dropout", at_least=0.8)
@pytest.mark.parametrize("what", ["incoming only", "under dropout"])
def test_twins_part(what, dataset, run):
    between, outgoing = ((), False) if what == "incoming only" else ((dropout(0.5),), True)
    parted = distance(run.trained(convolutional(dataset, *between, outgoing=outgoing)))
    observe(f"relative distance of twins, {what}", parted)
    assert parted > APART
