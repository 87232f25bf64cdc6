"""What a claim is given: the data, the store, and runs of networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from redundancy.errors import RedundancyError
from redundancy.hearing import under_way
from redundancy.plugin.options import CHOICES, DATASET
from redundancy.verdict import ClaimError

if TYPE_CHECKING:
    from redundancy.data import Dataset
    from redundancy.zoo import Recipe, Run, Store
    from redundancy.zoo.sampling import Sampling

T = TypeVar("T")


def or_fail(make: Callable[[], T]) -> T:
    """What is made, or one line that says why it cannot be."""
    try:
        return make()
    except RedundancyError as error:
        problem = str(error)
    # Outside the handler, so that pytest shows this line and not how it came about.
    pytest.fail(problem, pytrace=False)


@pytest.fixture(scope="session")
def dataset(pytestconfig: pytest.Config) -> Dataset:
    """The chosen data set."""
    from redundancy.data import choose, load

    if DATASET not in pytestconfig.stash:
        chosen = choose(pytestconfig.stash[CHOICES].data or None, os.environ)
        pytestconfig.stash[DATASET] = or_fail(lambda: load(chosen))
    return pytestconfig.stash[DATASET]


@pytest.fixture(scope="session")
def store(pytestconfig: pytest.Config) -> Store:
    """The store that keeps trained networks."""
    from redundancy.zoo import Store

    chosen = pytestconfig.stash[CHOICES].store
    return or_fail(lambda: Store(Path(chosen).expanduser()) if chosen else Store.default())


@pytest.fixture(scope="session")
def root_seed(pytestconfig: pytest.Config) -> int:
    """The root seed of the session."""
    return pytestconfig.stash[CHOICES].seed


@pytest.fixture(scope="session")
def trained(
    dataset: Dataset, store: Store, pytestconfig: pytest.Config
) -> Callable[[Recipe, Iterable[int]], tuple[Run, ...]]:
    """`trained(recipe, seeds)`: networks trained on the chosen data, each counted as a run of the claim under way."""
    from redundancy.zoo import train

    cluster = pytestconfig.stash[CHOICES].cluster

    def runs(recipe: Recipe, seeds: Iterable[int]) -> tuple[Run, ...]:
        seeds = tuple(seeds)
        if len(set(seeds)) < len(tuple(seeds)):
            raise ClaimError("a seed is there twice, but a run that is repeated is one run: give different seeds")
        if hearing := under_way():
            hearing.trained((recipe, seed) for seed in seeds)
        return train(recipe, seeds, data=dataset, store=store, workers=cluster)

    return runs


# Of the session, though it serves each claim its own seeds: Hypothesis refuses fixtures of a function under @given.
@pytest.fixture(scope="session")
def seeds(root_seed: int) -> Callable[..., tuple[int, ...]]:
    """`seeds(count, *keys)`: independent seeds for the claim under way; other keys give unrelated ones."""
    from redundancy.zoo import seeds as independent

    def bound(count: int, *keys: str | int | float | Recipe) -> tuple[int, ...]:
        hearing = under_way()
        if hearing is None:
            raise ClaimError("there is no claim to draw seeds for: call seeds() inside a test marked with @claim")
        return independent(hearing.claim.sentence, *keys, root=root_seed, count=count)

    return bound


@pytest.fixture(scope="session")
def run(dataset: Dataset, trained: Callable[[Recipe, Iterable[int]], tuple[Run, ...]], root_seed: int) -> Sampling:
    """Under a claim with a rate: one run after another, each with a seed of its own.

    `run.trained(recipe)` is a recipe trained from it; `run.network`, `run.accuracy` and `run.loss` are those of the one
    recipe that the test draws; `run.seed` is an int.
    """
    from redundancy.zoo.sampling import Sampling

    return Sampling(trained, root_seed, dataset.name, dataset.digest)
