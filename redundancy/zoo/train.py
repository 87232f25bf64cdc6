"""Trains recipes from seeds, many runs at once, and looks for runs where they are kept."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from redundancy.data.dataset import Dataset
from redundancy.errors import RecipeError
from redundancy.zoo.groups import grouping, trained_together
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import checked_seed
from redundancy.zoo.store import Pair, Store
from redundancy.zoo.workers import HERE, Workers, trained_by

PAUSE = 0.2
"""Seconds between two looks at what other processes have trained."""

PATIENCE = 3600.0
"""Seconds without any run from other processes after which their work is done here as well."""

SLACK = 0.05
"""The share of a store's room that may be written before it is looked at whether there is too much."""


def train(
    recipe: Recipe,
    seeds: Iterable[int],
    *,
    data: Dataset,
    store: Store | None = None,
    workers: Workers | str = HERE,
) -> tuple[Run, ...]:
    """The runs of a recipe from these seeds, in their order.

    A seed decides the initial weights, the order of the data and what dropout drops; nothing else does. Runs are
    trained side by side, as many at once as fit a processor's cache, and those without a fused form one at a time:
    `Run.alone` says which, and why. Either way a run is what a plain `fit` of Keras makes of the same model, optimiser
    and order of the data, but for rounding.

    The same call without a store gives the same weights, bit for bit, on the same machine with as many threads
    (`TF_NUM_INTRAOP_THREADS`, or the processors that the process may use), whatever was trained before. In another
    group, alone, or on another machine, a run is the same but for rounding: 1e-12 of the largest weight after six
    steps in float64; in float32 1e-6 after three steps and 1e-4 after 200. Rounding grows where training itself is
    unstable, and where a gradient is zero but for rounding and the optimiser divides by its size, as Adam does: a
    bias that BatchNormalization takes out again wanders freely.

    A store gives the bits that it keeps, whoever trained them, in whatever group and on whatever machine: the same
    call gives the same bits as long as the runs are kept there, and the same but for rounding where they were
    trained anew. Runs are kept as each group is finished, so that whoever is killed loses one group at most; several
    processes, or machines, that share a store share the work as well (see `Store.turn`).

    Other processes and machines may train (`workers`): each gets whole groups, and this process keeps their runs as
    they arrive. How many workers there are decides how large the groups are, and so the rounding; the same groups give
    the same bits wherever they are trained with as many threads, on processors of one kind.

    A run whose loss becomes NaN or infinite ends there, as `Run.diverged` says, and harms no other. All of it runs
    on the CPU. No global state is set but for one of Keras's own, meanwhile (`float64_kept`), and no global source of
    randomness is read or moved.

    Keras computes with TensorFlow, JAX or PyTorch, as it is told (`KERAS_BACKEND`). Only TensorFlow trains runs side by
    side; the others train them one at a time. A seed gives the same initial weights on each, bit for bit, the same
    order of the data, and the same that dropout drops, for TensorFlow draws them all. So a run is the same but for
    rounding: in float64 1e-14 of the largest weight after six steps, where the optimiser's parameters are numbers that
    float32 holds exactly. Keras rounds some of the others to float32 on TensorFlow and not elsewhere: 5e-6 after six
    steps of Adam with its default parameters. A store keeps the runs of each backend apart.

    Args:
        recipe: What to train.
        seeds: From 0 up. One that is there twice is trained once.
        data: The data set that the recipe names.
        store: Where runs are looked for, and kept; None to train them all.
        workers: Who trains, or what `Workers.parse` makes it of, as "processes:4" or "tcp://host:8786".

    Raises:
        RecipeError: The recipe is for another data set, or does not fit it, or a seed is none.
        DataError: The store cannot be used.
        OptionError: No workers are called so.
        ClusterError: The workers cannot be reached, have other versions, or are gone; what is finished is kept.
        UnsupportedError: What Keras is told to compute with is not installed, or computes no gradients.
    """
    return train_pairs([(recipe, seed) for seed in seeds], data=data, store=store, workers=workers)


def train_pairs(
    pairs: Iterable[Pair], *, data: Dataset, store: Store | None = None, workers: Workers | str = HERE
) -> tuple[Run, ...]:
    """The runs of several recipes, in the order asked for; those that can share a group do. See `train`.

    Args:
        pairs: (recipe, seed). Recipes that differ in learning rate, initializer or twins only are trained together.
        data: The data set that all recipes name.
        store: Where runs are looked for, and kept; None to train them all.
        workers: Who trains.

    Raises:
        RecipeError: A recipe is for another data set, or does not fit it, or a seed is none.
        DataError: The store cannot be used.
        OptionError: No workers are called so.
        ClusterError: The workers cannot be reached, have other versions, or are gone; what is finished is kept.
    """
    wanted = [(recipe, checked_seed(seed)) for recipe, seed in pairs]
    runs = {(run.recipe, run.seed): run for run, _ in finished(wanted, data, store, workers)}
    return tuple(runs[pair] for pair in wanted)


def finished(
    pairs: Iterable[Pair], data: Dataset, store: Store | None = None, workers: Workers | str = HERE
) -> Iterator[tuple[Run, bool]]:
    """Each run once, as soon as it is there, and whether this call trained it. What is kept comes first.

    Arguments and errors are those of `train_pairs`.
    """
    wanted = tuple(dict.fromkeys((recipe, checked_seed(seed)) for recipe, seed in pairs))
    for recipe in dict.fromkeys(recipe for recipe, _ in wanted):
        _check_data(recipe, data)
    workers = Workers.of(workers)
    if store is None:
        yield from ((run, True) for run in _trained(wanted, data, workers))
        return
    missing = dict.fromkeys(wanted)
    for run in _kept(wanted, data, store):
        del missing[run.recipe, run.seed]
        yield run, False
    if missing:
        yield from _missing(missing, data, store, workers)


def _missing(missing: dict[Pair, None], data: Dataset, store: Store, workers: Workers) -> Iterator[tuple[Run, bool]]:
    """Trains what nobody else is training, a group at a time, and waits for the rest.

    Workers are given all of it at once, so that none of them waits for the slowest of a few groups.
    """
    group, last, written = grouping(missing, data) if workers == HERE else tuple, time.monotonic(), 0
    while missing:
        waits = time.monotonic() - last < PATIENCE
        with store.turn(missing, data.digest, group, waits=waits) as turn:
            for run in _trained(turn.mine, data, workers):
                written += store.save(run)
                del missing[run.recipe, run.seed]
                yield run, True
                # Looking at a large store takes a moment: not after every run.
                if written > store.limit * SLACK:
                    store.trim(missing, data.digest)
                    written = 0
        for run in _kept(turn.came, data, store):
            del missing[run.recipe, run.seed]
            yield run, False
        if written and not missing:
            store.trim(missing, data.digest)
        if turn.mine or turn.came:
            last = time.monotonic()
        elif missing:
            time.sleep(PAUSE)


def _trained(pairs: Sequence[Pair], data: Dataset, workers: Workers) -> Iterator[Run]:
    return trained_together(pairs, data) if workers == HERE else trained_by(workers, pairs, data)


def _kept(pairs: Iterable[Pair], data: Dataset, store: Store) -> Iterator[Run]:
    found = (store.load(recipe, seed, data.digest, data.input_shape) for recipe, seed in pairs)
    return (run for run in found if run is not None)


def _check_data(recipe: Recipe, data: Dataset) -> None:
    if recipe.data != data.name:
        raise RecipeError(f"the recipe is for the data set {recipe.data!r}, not {data.name!r}; give that one")
