"""What a store of trained networks holds, and what training added to it, as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from redundancy.report.layout import Column, count, plain, size, table, wrapped
from redundancy.zoo.catalogue import Catalogue, Kept, Shelf

UNREADABLE = "(no file here can be read by this version)"
"""Stands for a recipe that nothing says."""

WHOLE = 1_000_000
"""Columns of a table that is as wide as it takes: what it shows is there to be copied."""

_AGES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def store_table(found: Catalogue, width: int, now: float) -> str:
    """One line a recipe, and a total.

    Args:
        found: What the store holds.
        width: Columns of the terminal.
        now: In seconds since 1970.
    """
    where = plain(found.store.directory)
    if not found.shelves:
        return f"the store {where!r} is empty" if found.store.directory.is_dir() else f"there is no store at {where!r}"
    heads = [
        Column("key"),
        Column("structure", shrinks=True),
        Column("data", yields=3, shrinks=True),
        Column("steps", right=True, yields=5),
        Column("runs", right=True),
        Column("diverged", right=True, yields=1),
        Column("accuracy", right=True),
        Column("spread", right=True, yields=2),
        Column("size", right=True),
        Column("last used", right=True, yields=4),
    ]
    rows = [_row(shelf, found.shown, now) for shelf in found.shelves]
    runs = [run for shelf in found.shelves for run in shelf.runs]
    total = ["total", count(len(rows), "recipe"), "", "", f"{len(runs):,}", f"{_diverged(runs):,}", "", ""]
    lines = table(heads, rows, width, total=[*total, size(found.size), ""])
    return "\n".join([*lines, "", *_notes(found, runs, width)])


def recipe_table(found: Catalogue, shelf: Shelf, width: int) -> str:
    """Everything about the runs of one recipe.

    Args:
        found: What the store holds.
        shelf: The recipe's part of it.
        width: Columns of the terminal.
    """
    lines = [f"recipe {shelf.key}", *_recipe(shelf), ""]
    for what, told in (
        ("data", lambda run: f"of digest {run.data[:16]}"),
        ("versions", lambda run: ", ".join(f"{name} {version}" for name, version in run.versions)),
        ("machine", lambda run: run.machine),
    ):
        values = Counter(plain(told(run)) for run in shelf.runs)
        for value, number in values.most_common():
            part = f" ({count(number, 'run')})" if len(values) > 1 else ""
            lines += wrapped(f"{what}: {value}{part}", width, 0, 2)
    lines.append(f"files in {plain(found.store.directory / shelf.key)}")
    return "\n".join([*lines, *_runs(shelf), "", *_notes(found.only([shelf]), shelf.runs, width)])


def accuracies(values: Sequence[float]) -> tuple[str, str]:
    """Mean and standard deviation of accuracies, as text; "" for what they are too few for."""
    mean = f"{fmean(values):.4f}" if values else ""
    return mean, f"{stdev(values):.4f}" if len(values) > 1 else ""


def _row(shelf: Shelf, shown: int, now: float) -> list[str]:
    recipe, runs = shelf.recipe, shelf.runs
    return [
        shelf.key[:shown],
        plain(UNREADABLE if recipe is None else recipe.outline),
        "" if recipe is None else plain(recipe.data),
        "" if recipe is None else f"{recipe.steps:,}",
        f"{len(runs):,}",
        f"{_diverged(runs):,}",
        *accuracies([run.accuracy for run in runs if run.diverged is None]),
        size(shelf.size),
        _age(now - shelf.used),
    ]


def _diverged(runs: Iterable[Kept]) -> int:
    return sum(run.diverged is not None for run in runs)


def _age(seconds: float) -> str:
    for length, unit in _AGES:
        if seconds >= length:
            return f"{seconds // length:,.0f} {unit} ago"
    return "now"


def _notes(found: Catalogue, runs: Iterable[Kept], width: int) -> list[str]:
    runs = list(runs)
    share = f"{size(found.size)} of at most {size(found.store.limit)}"
    notes = [f"{share}, in {plain(found.store.directory)}"]
    if old := sum(not run.current for run in runs):
        is_are = "is" if old == 1 else "are"
        notes.append(
            f"{count(old, 'run')} {is_are} of other versions than are installed here, and would be trained anew."
        )
    if damaged := sum(len(shelf.damaged) for shelf in found.shelves):
        notes.append(f"{count(damaged, 'file')} cannot be read: damaged, or of another version of this package.")
    if diverged := _diverged(runs):
        notes.append(f"accuracy and spread leave out {count(diverged, 'run')} that diverged.")
    return [line for note in notes for line in wrapped(note, width, 0, 2)]


def _recipe(shelf: Shelf) -> list[str]:
    recipe = shelf.recipe
    if recipe is None:
        return [UNREADABLE]
    heads = [Column("layer"), Column("kind"), Column("reads"), Column("options")]
    rows = [
        [
            plain(layer.name),
            layer.kind,
            plain(", ".join(layer.inputs)),
            plain(", ".join(f"{name}={value}" for name, value in layer.config)),
        ]
        for layer in recipe.architecture
    ]
    regularizer = f"{recipe.regularizer[0]} {recipe.regularizer[1]:g}" if recipe.regularizer else "none"
    told = {
        "initializer": recipe.initializer,
        "optimizer": recipe.optimizer,
        "learning rate": f"{recipe.learning_rate:g}",
        "steps": f"{recipe.steps:,}",
        "batch size": f"{recipe.batch_size:,}",
        "regularizer": regularizer,
        "twins": ", ".join(map(str, recipe.twins)) or "none",
        "data": recipe.data,
        "dtype": recipe.dtype,
    }
    layers = table(heads, rows, WHOLE)
    return ["", *layers, "", *(f"{name}: {plain(value)}" for name, value in told.items())]


def _runs(shelf: Shelf) -> list[str]:
    heads = [Column("seed", right=True), Column("accuracy", right=True), Column("loss", right=True)]
    heads += [Column("steps", right=True), Column("size", right=True), Column("file")]
    steps = 0 if shelf.recipe is None else shelf.recipe.steps
    rows = [
        [
            str(run.seed),
            f"{run.accuracy:.4f}",
            f"{run.loss:.4g}",
            f"{steps:,}" if run.diverged is None else f"diverged at {run.diverged:,}",
            size(run.file.size),
            run.file.path.name,
        ]
        for run in shelf.runs
    ]
    return ["", *table(heads, rows, WHOLE)] if rows else []
