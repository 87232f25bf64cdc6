"""Independent runs for a claim with a rate: what its test gets as `run`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redundancy.errors import RecipeError
from redundancy.network import Network
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import seeds

Trained = Callable[[Recipe, Iterable[int]], tuple[Run, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One run: a seed, and what is trained from it.

    Attributes:
        seed: Independent of every other run's.
    """

    seed: int
    _batch: Batch

    def trained(self, recipe: Recipe) -> Run:
        """The recipe, on the data of the session, trained from this seed, and with it those of the next runs."""
        return self._batch.trained(recipe, self.seed)

    @property
    def result(self) -> Run:
        """The run of the recipe that the test draws.

        Raises:
            RecipeError: It draws none, or several.
        """
        return self.trained(self._batch.recipe())

    @property
    def network(self) -> Network:
        """With the weights after the last step."""
        return self.result.network

    @property
    def accuracy(self) -> float:
        """Share of the test images classified rightly, in [0, 1]."""
        return self.result.accuracy

    @property
    def loss(self) -> float:
        """Mean cross-entropy over the training set."""
        return self.result.loss

    def __str__(self) -> str:
        return f"seed {self.seed}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Runs that are trained side by side.

    Attributes:
        seeds: Of all of them.
        drawn: What the test drew.
        training: Trains recipes.
        data: Name of the data set.
    """

    seeds: tuple[int, ...]
    drawn: Mapping[str, Any]
    training: Trained
    data: str
    _runs: dict[Recipe, dict[int, Run]] = field(default_factory=dict)

    def recipe(self) -> Recipe:
        """The only recipe that was drawn.

        Raises:
            RecipeError: There is none, or several.
        """
        found = [value for value in self.drawn.values() if isinstance(value, Recipe)]
        if len(found) != 1:
            raise RecipeError(f"the test draws {len(found)} recipes, so say which: run.trained(recipe).network")
        return found[0]

    def trained(self, recipe: Recipe, seed: int) -> Run:
        """A run, trained together with the others of the batch."""
        recipe = replace(recipe, data=self.data)
        if recipe not in self._runs:
            self._runs[recipe] = dict(zip(self.seeds, self.training(recipe, self.seeds), strict=True))
        return self._runs[recipe][seed]


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """Where the runs of a claim come from.

    Attributes:
        training: Trains recipes.
        root: The root seed of the session.
        data: Name of the data set.
        data_digest: Of it.
    """

    training: Trained
    root: int
    data: str
    data_digest: str

    def samples(self, keys: tuple[str, ...], start: int, count: int, drawn: Mapping[str, Any]) -> list[Sample]:
        """Runs number `start` to `start + count` of the stream that the keys name."""
        chosen = seeds(*keys, root=self.root, count=start + count)[start:]
        batch = Batch(chosen, drawn, self.training, self.data)
        return [Sample(seed, batch) for seed in chosen]

    def __str__(self) -> str:
        return f"runs on {self.data}, root seed {self.root}"

    __repr__ = __str__
