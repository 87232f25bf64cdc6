"""Which runs are trained at once: what can share a group does, here or in units that others train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from redundancy.data.dataset import Dataset
from redundancy.errors import RecipeError
from redundancy.zoo.memory import check_memory
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.store import Pair
from redundancy.zoo.structure import structure

AT_ONCE = 16
"""Runs without a fused form that are taken from a store's other users, or given to a worker, at a time."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work: runs that are trained in one go by one process.

    Attributes:
        pairs: (recipe, seed) of each run; all recipes have the same `shared` part.
        size: Places in its group; more than there are pairs in the last unit of several, so that all compile alike.
        alone: Why its runs are trained one at a time; "" where they are trained side by side.
    """

    pairs: tuple[Pair, ...]
    size: int
    alone: str


def grouping(pairs: Iterable[Pair], data: Dataset) -> Callable[[Iterable[Pair]], Sequence[Pair]]:
    """What picks, of some of these pairs, the first few that are trained at once.

    Groups are as large as they would be if all the pairs were trained here, so that each size is compiled once.
    """
    from redundancy.zoo.fused.training import runs_at_once, shared, why_alone

    numbers = Counter(recipe for recipe, _ in pairs)
    kinds = {recipe: shared(recipe) for recipe in numbers}
    wanted = {kind: sum(numbers[recipe] for recipe in kinds if kinds[recipe] == kind) for kind in set(kinds.values())}
    sizes = {kind: AT_ONCE if why_alone(kind) else runs_at_once(kind, data, number) for kind, number in wanted.items()}

    def first(free: Iterable[Pair]) -> Sequence[Pair]:
        picked: list[Pair] = []
        for recipe, seed in free:
            if not picked or kinds[recipe] == kinds[picked[0][0]]:
                picked.append((recipe, seed))
            if picked and len(picked) == sizes[kinds[picked[0][0]]]:
                break
        return picked

    return first


def trained_together(pairs: Sequence[Pair], data: Dataset) -> Iterator[Run]:
    """Runs of several recipes, none of them from a store, as they are finished: what can share a group does.

    Args:
        pairs: (recipe, seed), in any order; the runs come by groups.
        data: The data set that the recipes name.

    Raises:
        RecipeError: A recipe does not fit the data, or into the memory.
    """
    from redundancy.zoo.fused.training import fused

    for common, group in _alike(pairs).items():
        check_memory(group[0][0], data)
        if not (why := _why_alone(common, data)):
            yield from fused(group, data)
            continue
        for few in _by_recipe(group):
            yield from _one_by_one(few, data, why)


def units(pairs: Iterable[Pair], data: Dataset, workers: int) -> list[Unit]:
    """The work on these pairs, cut into groups as they would be trained here, but so that no worker is left without.

    Args:
        pairs: (recipe, seed), in any order.
        data: The data set that the recipes name.
        workers: How many train units at the same time, 1 or more.

    Raises:
        RecipeError: A recipe does not fit the data.
    """
    from redundancy.zoo.fused.training import runs_at_once

    found: list[Unit] = []
    for common, group in _alike(pairs).items():
        share = -(-len(group) // workers)
        if why := _why_alone(common, data):
            size = min(AT_ONCE, share)
            found += [unit for few in _by_recipe(group) for unit in _cut(few, size, why)]
        else:
            found += _cut(group, runs_at_once(common, data, share), "")
    return found


def trained(unit: Unit, data: Dataset) -> Iterator[Run]:
    """The runs of a unit, in their order, trained in this process.

    Raises:
        RecipeError: There is not as much memory here.
    """
    from redundancy.zoo.fused.training import fused

    check_memory(unit.pairs[0][0], data)
    if unit.alone:
        return _one_by_one(unit.pairs, data, unit.alone)
    return fused(unit.pairs, data, unit.size)


def _one_by_one(pairs: Sequence[Pair], data: Dataset, why: str) -> Iterator[Run]:
    """Of pairs of one recipe."""
    from redundancy.zoo.alone import alone

    return alone(pairs[0][0], [seed for _, seed in pairs], data, why)


def _cut(pairs: Sequence[Pair], size: int, why: str) -> Iterator[Unit]:
    return (Unit(tuple(pairs[start : start + size]), size, why) for start in range(0, len(pairs), size))


def _alike(pairs: Iterable[Pair]) -> dict[Recipe, list[Pair]]:
    """What can share a group, by what it has in common."""
    from redundancy.zoo.fused.training import shared

    kinds: dict[Recipe, Recipe] = {}
    alike: dict[Recipe, list[Pair]] = {}
    for recipe, seed in pairs:
        if recipe not in kinds:
            kinds[recipe] = shared(recipe)
        alike.setdefault(kinds[recipe], []).append((recipe, seed))
    return alike


def _by_recipe(pairs: Iterable[Pair]) -> Iterable[list[Pair]]:
    found: dict[Recipe, list[Pair]] = {}
    for recipe, seed in pairs:
        found.setdefault(recipe, []).append((recipe, seed))
    return found.values()


def _why_alone(common: Recipe, data: Dataset) -> str:
    from redundancy.zoo.fused.training import why_alone

    check_outputs(common, data)
    return why_alone(common)


def check_outputs(recipe: Recipe, data: Dataset) -> None:
    """Raises RecipeError where a recipe does not fit the data, or gives fewer numbers than there are classes."""
    network = structure(recipe, data.input_shape)
    last = network[network.outputs[0]]
    if (last.shape[-1] or 0) < data.classes:
        sizes = f"{last.shape[-1]} outputs for the {data.classes} classes of {data.name!r}"
        raise RecipeError(f"layer {last.layer!r} has {sizes}; give it {data.classes}")
