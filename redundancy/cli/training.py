"""`redundancy zoo train`: trains a recipe from seeds into a store, and says how far that is and what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from redundancy.cli.interrupting import interruptible
from redundancy.cli.progress import Pace, counted, only_ours, silenced, span, told
from redundancy.cli.recipes import recipe_of
from redundancy.errors import DataError, OptionError
from redundancy.report.layout import count, plain, size

if TYPE_CHECKING:
    from redundancy.data import Dataset
    from redundancy.zoo import Recipe, Run, Store, Workers

ENTRY = 4096
"""Bytes of a run's file besides its weights, about."""


@dataclass(slots=True)
class Outcome:
    """What came of training.

    Attributes:
        seconds: That it took.
        kept: Runs that were in the store before.
        diverged: Runs that did.
        accuracies: Of all others.
    """

    seconds: float = 0.0
    kept: int = 0
    diverged: int = 0
    accuracies: list[float] = field(default_factory=list)

    def add(self, run: Run, *, fresh: bool) -> None:
        """One more run."""
        self.kept += not fresh
        if run.diverged is None:
            self.accuracies.append(run.accuracy)
        else:
            self.diverged += 1


def trained(arguments: argparse.Namespace, store: Store) -> int:
    """Trains what the arguments say.

    What cannot be done is refused before anything is trained, or written to the store.

    Args:
        arguments: Of the command line.
        store: Where the runs go.

    Returns:
        The exit code.

    Raises:
        RedundancyError: The arguments, or what they name, cannot be used.
        KeyboardInterrupt: With what to tell the person who interrupted it.
    """
    from redundancy.data import load
    from redundancy.zoo import Workers

    workers = Workers.parse(arguments.cluster)
    workers.check()
    recipe = recipe_of(arguments.recipe)
    data = load(arguments.data or recipe.data)
    recipe = replace(recipe, data=data.name)
    seeds = _seeds(arguments, recipe)
    _check(recipe, seeds, data, store, workers)
    outcome = _outcome(recipe, seeds, data, store, workers)
    print("\n".join(_told(outcome, recipe, seeds, data, store)))
    return 0


def _seeds(arguments: argparse.Namespace, recipe: Recipe) -> tuple[int, ...]:
    from redundancy.cli.recipes import MOST_SEEDS
    from redundancy.zoo import seeds

    places: tuple[int, ...] = arguments.seeds
    if arguments.seed is None:
        return places
    if max(places) >= MOST_SEEDS:
        raise OptionError(f"--seeds counts what is made from --seed, up to {MOST_SEEDS:,}; give smaller numbers")
    made = seeds(recipe, root=arguments.seed, count=max(places) + 1)
    return tuple(made[place] for place in places)


def _check(recipe: Recipe, seeds: Collection[int], data: Dataset, store: Store, workers: Workers) -> None:
    from redundancy.zoo.groups import check_outputs
    from redundancy.zoo.memory import check_memory
    from redundancy.zoo.structure import structure

    check_outputs(recipe, data)
    if not workers.address:
        check_memory(recipe, data)
    network = structure(recipe, data.input_shape)
    each = ENTRY + sum(array.nbytes for node in network for array in node.weights.values())
    if (takes := each * len(seeds)) > store.limit:
        room = f"about {size(takes)}, and the store may take {size(store.limit)}"
        raise DataError(
            f"{count(len(seeds), 'run')} would take {room}; set REDUNDANCY_STORE_SIZE to more, or train fewer"
        )


def _outcome(recipe: Recipe, seeds: Collection[int], data: Dataset, store: Store, workers: Workers) -> Outcome:
    from redundancy.zoo.train import finished

    pairs = [(recipe, seed) for seed in seeds]
    missing = len(seeds) - _there(recipe, seeds, data, store)
    outcome, began = Outcome(), time.monotonic()
    try:
        if missing:
            with store.still():
                pass  # where that cannot be written to, nothing is loaded in vain
            print(f"redundancy: {_task(recipe, missing, len(seeds), workers)}", file=sys.stderr, flush=True)
            _load()
        with interruptible(), only_ours(), counted(Pace(missing, time.monotonic()), "runs trained") as came:
            for run, fresh in finished(pairs, data, store, workers):
                outcome.add(run, fresh=fresh)
                if fresh:
                    came()
    except KeyboardInterrupt:
        there = f"{_there(recipe, seeds, data, store):,} of {count(len(seeds), 'run')}"
        raise KeyboardInterrupt(f"{there} are in the store, and the same command trains the others") from None
    outcome.seconds = time.monotonic() - began
    return outcome


def _load() -> None:
    """What computes is loaded now, and says nothing."""
    with told("loading TensorFlow"), silenced():
        from redundancy.frameworks.keras.loaded import keras  # noqa: F401


def _task(recipe: Recipe, missing: int, wanted: int, workers: Workers) -> str:
    there = f" ({wanted - missing:,} of {wanted:,} are in the store)" if missing < wanted else ""
    by = f" by {plain(workers)}" if str(workers) != "here" else ""
    return f"training {count(missing, 'run')} of {recipe.digest[:8]}{by}{there}"


def _there(recipe: Recipe, seeds: Collection[int], data: Dataset, store: Store) -> int:
    return sum(store.path(recipe, seed, data.digest).exists() for seed in seeds)


def _told(outcome: Outcome, recipe: Recipe, seeds: Collection[int], data: Dataset, store: Store) -> list[str]:
    from redundancy.report.store import accuracies

    values, lines = outcome.accuracies, [f"recipe    {recipe.digest[:8]}: {plain(recipe)}"]
    lines.append(f"runs      {len(seeds):,}, of which {outcome.kept:,} were in the store")
    if values:
        mean, spread = accuracies(values)
        around = f", spread {spread}, {min(values):.4f} to {max(values):.4f}" if spread else ""
        lines.append(f"accuracy  {mean}{around}")
    lines.append(f"diverged  {outcome.diverged:,}{', left out of the accuracy' if outcome.diverged else ''}")
    lines.append(f"time      {span(outcome.seconds)}")
    there = _there(recipe, seeds, data, store)
    lines.append(f"store     {plain(store.directory)}")
    if there < len(seeds):
        lines.append(f"Only {there:,} of these runs are left there: others were removed, or the store is full.")
    return lines
