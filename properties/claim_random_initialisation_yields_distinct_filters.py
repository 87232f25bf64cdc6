"""Is there anything that keeps filters from ending up the same? Nothing but chance, and chance suffices: here is where.

Two filters of d weights coincide with probability at most q^d, where q = 2^-p is the chance that two random weights
with p bits of mantissa do. Among n filters there are n (n - 1) / 2 pairs. The domain of the claim is where the expected
number of coincidences is below one in a hundred; outside it, filters do end up the same, and the last claim shows it.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redundancy import claim, judge, observe
from redundancy.similarity import identical
from redundancy.statistics import runs_needed
from redundancy.strategies import initializers
from redundancy.zoo import Recipe, conv, dense, draw, flatten

MANTISSA = {"bfloat16": 7, "float16": 10, "float32": 23, "float64": 52}


def coincidences(filters: int, weights: int, dtype: str) -> float:
    """How many pairs of equal filters chance makes, at most, on average."""
    return filters * (filters - 1) / 2 * 2.0 ** (-MANTISSA[dtype] * weights)


def kernels(initializer, shape, seeds, dtype):
    """One random kernel a seed, each as a row a filter."""
    drawn = [draw(initializer, shape, seed, dtype) for seed in seeds]
    return [kernel.reshape(-1, shape[-1]).T for kernel in drawn]


def distinct(filters) -> bool:
    return len(np.unique(identical(filters))) == len(filters)


@claim("random initialisation yields distinct filters, wherever chance makes few of them coincide")
@given(
    initializer=initializers(),
    size=st.sampled_from([(1, 1), (3, 1), (3, 3), (5, 5)]),
    channels=st.integers(1, 8),
    filters=st.integers(2, 256),
    dtype=st.sampled_from(list(MANTISSA)),
)
def test_initialisation(initializer, size, channels, filters, dtype, seeds):
    assume(coincidences(filters, size[0] * size[1] * channels, dtype) < 0.01)
    chosen = seeds(runs_needed(0.95), str(initializer), *size, channels, filters, dtype)
    drawn = kernels(initializer, (*size, channels, filters), chosen, dtype)
    # Runs that are all the same network would be one run. Two small kernels may coincide; most may not.
    assert len({kernel.tobytes() for kernel in drawn}) > len(chosen) / 2, "most seeds drew the same kernel"
    judge(sum(map(distinct, drawn)), len(drawn), at_least=0.95, what="initialisations with all filters distinct")


@claim("filters that start distinct are still distinct after training")
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.2), ("adam", 3e-3)])
def test_training(optimizer, rate, dataset, trained, seeds):
    layers = (conv(16, 3, strides=3, activation="relu"), flatten(), dense(dataset.classes))
    recipe = Recipe(layers, optimizer=optimizer, learning_rate=rate, steps=60, data=dataset.name)
    runs = trained(recipe, seeds(runs_needed(0.9), optimizer))
    filters = [run.network["conv_1"].weights["kernel"].reshape(9, -1).T for run in runs]
    observe("accuracy of the trained networks", float(np.mean([run.accuracy for run in runs])))
    judge(sum(map(distinct, filters)), len(filters), at_least=0.9, what="trained networks with all filters distinct")


@claim("beyond that domain filters do coincide: one weight, low precision or very many filters")
@pytest.mark.parametrize(("dtype", "filters"), [("bfloat16", 64), ("float16", 192), ("float32", 12_000)])
def test_boundary(dtype, filters, seeds):
    assert coincidences(filters, 1, dtype) > 5
    drawn = kernels("random_uniform", (1, 1, 1, filters), seeds(runs_needed(0.95), dtype, filters), dtype)
    equal = [filters - len(np.unique(identical(kernel))) for kernel in drawn]
    observe("filters that equal another one", {f"{filters} filters of one {dtype} weight": float(np.mean(equal))})
    judge(
        sum(count > 0 for count in equal), len(equal), at_least=0.95, what=f"{dtype} initialisations with equal filters"
    )
