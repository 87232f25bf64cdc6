"""Trains a recipe from seeds, many at once, and looks for runs where they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redundancy.data.dataset import Dataset
from redundancy.errors import RecipeError
from redundancy.network import Network
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import checked_seed
from redundancy.zoo.store import Store
from redundancy.zoo.structure import structure


def train(recipe: Recipe, seeds: Iterable[int], *, data: Dataset, store: Store | None = None) -> tuple[Run, ...]:
    """The runs of a recipe from these seeds, in their order.

    A seed decides the initial weights, the order of the data and what dropout drops; nothing else does. Runs are
    trained side by side, as many at once as fit a processor's cache, and those without a fused form one at a time:
    `Run.alone` says which, and why. Either way a run is what a plain `fit` of Keras makes of the same model, optimiser
    and order of the data, but for rounding.

    The same call gives the same weights, bit for bit, on the same machine with as many threads
    (`TF_NUM_INTRAOP_THREADS`, or the processors that the process may use), whatever was trained before. In another
    group, or alone, a run is the same but for rounding: 1e-12 of the largest weight after six steps in float64; in
    float32 1e-6 after three steps and 1e-4 after 200. Rounding grows where training itself is unstable, and where
    a gradient is zero but for rounding and the optimiser divides by its size, as Adam does: a bias that
    BatchNormalization takes out again wanders freely.

    A run whose loss becomes NaN or infinite ends there, as `Run.diverged` says, and harms no other. All of it runs
    on the CPU. No global state is set, and no global source of randomness is read or moved.

    Args:
        recipe: What to train.
        seeds: From 0 up. One that is there twice is trained once.
        data: The data set that the recipe names.
        store: Where runs are looked for, and kept; None to train them all.

    Raises:
        RecipeError: The recipe is for another data set, or does not fit it, or a seed is none.
        DataError: The store cannot be used.
    """
    wanted = tuple(checked_seed(seed) for seed in seeds)
    _check_data(recipe, data)
    runs = _stored(recipe, wanted, data, store)
    if len(runs) < len(set(wanted)):
        runs.update(_missing(recipe, tuple(dict.fromkeys(wanted)), data, store, runs))
    return tuple(runs[seed] for seed in wanted)


def _check_data(recipe: Recipe, data: Dataset) -> None:
    if recipe.data != data.name:
        raise RecipeError(f"the recipe is for the data set {recipe.data!r}, not {data.name!r}; give that one")


def _stored(recipe: Recipe, seeds: Sequence[int], data: Dataset, store: Store | None) -> dict[int, Run]:
    if store is None:
        return {}
    found = {seed: store.load(recipe, seed, data.digest, data.input_shape) for seed in seeds}
    return {seed: run for seed, run in found.items() if run is not None}


def _missing(
    recipe: Recipe, seeds: Sequence[int], data: Dataset, store: Store | None, known: dict[int, Run]
) -> dict[int, Run]:
    if store is None:
        return {run.seed: run for run in trained(recipe, seeds, data)}
    with store.held(recipe, data.digest):
        # Another process may have trained some of them while this one waited.
        runs = {**_stored(recipe, [seed for seed in seeds if seed not in known], data, store), **known}
        for run in trained(recipe, [seed for seed in seeds if seed not in runs], data):
            store.save(run)
            runs[run.seed] = run
    return runs


def trained(recipe: Recipe, seeds: Sequence[int], data: Dataset) -> Iterator[Run]:
    """Runs as they are finished, none of them from a store. Arguments and errors are those of `train`."""
    return trained_together([(recipe, seed) for seed in seeds], data)


def trained_together(pairs: Sequence[tuple[Recipe, int]], data: Dataset) -> Iterator[Run]:
    """Runs of several recipes, as they are finished: those that differ in no more than a group may, side by side.

    Args:
        pairs: (recipe, seed), in any order; the runs come by groups.
        data: The data set that the recipes name.

    Raises:
        RecipeError: A recipe does not fit the data.
    """
    from redundancy.zoo.alone import alone
    from redundancy.zoo.fused.training import fused, shared, why_alone

    alike: dict[Recipe, list[tuple[Recipe, int]]] = {}
    for recipe, seed in pairs:
        alike.setdefault(shared(recipe), []).append((recipe, seed))
    for common, group in alike.items():
        _check_outputs(structure(common, data.input_shape), data)
        if not (why := why_alone(common)):
            yield from fused(group, data)
            continue
        for recipe in dict.fromkeys(recipe for recipe, _ in group):
            yield from alone(recipe, [seed for one, seed in group if one == recipe], data, why)


def _check_outputs(network: Network, data: Dataset) -> None:
    last = network[network.outputs[0]]
    if (last.shape[-1] or 0) < data.classes:
        sizes = f"{last.shape[-1]} outputs for the {data.classes} classes of {data.name!r}"
        raise RecipeError(f"layer {last.layer!r} has {sizes}; give it {data.classes}")
