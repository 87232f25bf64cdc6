"""Is there anything that keeps filters from ending up the same? Nothing but chance, and chance suffices: here is where.

Two filters of d weights coincide with probability at most q^d, where q = 2^-p is the chance that two random weights
with p bits of mantissa do. Among n filters there are n (n - 1) / 2 pairs. The domain of the claim is where the expected
number of coincidences is below one in a hundred; outside it, filters do end up the same, and the last claim shows it.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redundancy import claim, observe
from redundancy.similarity import identical
from redundancy.strategies import initializers
from redundancy.zoo import Recipe, conv, dense, draw, flatten

MANTISSA = {"bfloat16": 7, "float16": 10, "float32": 23, "float64": 52}


def coincidences(filters: int, weights: int, dtype: str) -> float:
    """How many pairs of equal filters chance makes, at most, on average."""
    return filters * (filters - 1) / 2 * 2.0 ** (-MANTISSA[dtype] * weights)


def filters_of(kernel):
    """A row a filter."""
    return kernel.reshape(-1, kernel.shape[-1]).T


def repeated(filters) -> int:
    """How many of them equal another one before them."""
    return len(filters) - len(np.unique(identical(filters)))


@claim("random initialisation yields distinct filters, wherever chance makes few of them coincide", at_least=0.95)
@given(
    initializer=initializers(),
    size=st.sampled_from([(1, 1), (3, 1), (3, 3), (5, 5)]),
    channels=st.integers(1, 8),
    filters=st.integers(2, 256),
    dtype=st.sampled_from(list(MANTISSA)),
)
def test_initialisation(initializer, size, channels, filters, dtype, run):
    assume(coincidences(filters, size[0] * size[1] * channels, dtype) < 0.01)
    shape = (*size, channels, filters)
    kernel, other = (draw(initializer, shape, seed, dtype) for seed in (run.seed, run.seed + 1))
    assert repeated(filters_of(kernel)) == 0
    # Runs that are all the same network would be one run.
    assert not np.array_equal(kernel, other), "two seeds drew the same kernel"


@claim("filters that start distinct are still distinct after training", at_least=0.9)
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.2), ("adam", 3e-3)])
def test_training(optimizer, rate, dataset, run):
    layers = (conv(16, 3, strides=3, activation="relu"), flatten(), dense(dataset.classes))
    network = run.trained(Recipe(layers, optimizer=optimizer, learning_rate=rate, steps=60))
    observe("accuracy of the trained networks", network.accuracy)
    assert repeated(filters_of(network.network["conv_1"].weights["kernel"])) == 0


@claim("beyond that domain filters do coincide: one weight, low precision or very many filters", at_least=0.95)
@pytest.mark.parametrize(("dtype", "filters"), [("bfloat16", 64), ("float16", 192), ("float32", 12_000)])
def test_boundary(dtype, filters, run):
    assert coincidences(filters, 1, dtype) > 5
    equal = repeated(filters_of(draw("random_uniform", (1, 1, 1, filters), run.seed, dtype)))
    observe(f"filters that equal another one, of {filters} of one {dtype} weight", equal)
    assert equal > 0
