"""Records of claims as lines for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping

from redundancy.report.layout import plain
from redundancy.report.record import Record
from redundancy.verdict import Measurement, Outcome

INDENT = 14
"""Columns for the outcome, which stands before the sentence."""

NARROWEST = 40
"""Narrower terminals wrap the lines themselves."""

COMMAND = re.compile(r"(?<!\S)::|##\[")
"""What begins a command to GitHub, which reads what a terminal shows: a layer may be called so."""


def lines(records: Iterable[Record], width: int) -> list[str]:
    """Each claim as a sentence with its outcome, and below it what was found.

    Args:
        records: One a claim.
        width: Of the terminal, in columns.

    Returns:
        Lines without line ends; the first one of a claim starts with its outcome, all others with a blank.
    """
    records = tuple(records)
    width = max(width, NARROWEST)
    shown = [line for record in records for line in _claim(record, width)]
    data = {name: text for record in records for name, text in record.data.items()}
    shown += [line for text in data.values() for line in _wrapped(f"data: {text}", width, 1)]
    return [COMMAND.sub(lambda found: " ".join(found[0]), line) for line in shown]


def _claim(record: Record, width: int) -> list[str]:
    first = _wrapped(record.sentence, width, INDENT)
    shown = [record.outcome.ljust(INDENT) + first[0].lstrip(), *first[1:]]
    for text in (record.why, extent(record)):
        shown += _wrapped(text, width, INDENT)
    for name, measurement in record.measurements.items():
        shown += _measurement(name, measurement, width)
    return shown


def extent(record: Record) -> str:
    """Says over how many configurations and runs, on which data, how far."""
    # A search that found nothing has not shown that there is nothing; models are all that there are.
    every = len(record.models) == record.configurations
    searched = record.configurations > 1 and not every
    verb = "not refuted " if record.outcome == Outcome.HOLDS.value and searched else ""
    many = _count(record.configurations, "model" if every else "configuration")
    parts = [f"{verb}in {many}"] if record.configurations else []
    parts += [_count(record.runs, "run")] if record.runs else []
    parts += [f"on {', '.join(record.data)}"] if record.data else []
    return "; ".join([", ".join(parts), record.scope] if record.scope else [", ".join(parts)])


def _measurement(name: str, measurement: Measurement, width: int) -> list[str]:
    if isinstance(measurement, dict):
        return [*_wrapped(f"{name}:", width, INDENT), *_table(measurement)]
    if isinstance(measurement, str):
        return _wrapped(f"{name}: {measurement}", width, INDENT)
    low, high = map(_number, measurement)
    return _wrapped(f"{name}: {low}" if low == high else f"{name}: {low} to {high}", width, INDENT)


def _table(rows: Mapping[str, float | str]) -> list[str]:
    cells = {plain(key): plain(value) if isinstance(value, str) else _number(value) for key, value in rows.items()}
    left = max(map(len, cells), default=0)
    right = max(map(len, cells.values()), default=0)
    if all(key.isdecimal() for key in cells):
        # In the order of the numbers, not in the one in which a search came by.
        cells = {key: cells[key] for key in sorted(cells, key=int)}
    numbers = all(not isinstance(value, str) for value in rows.values())
    return [
        " " * (INDENT + 2) + f"{key:<{left}}  {cell:>{right}}".rstrip()
        if numbers
        else " " * (INDENT + 2) + f"{key:<{left}}  {cell}".rstrip()
        for key, cell in cells.items()
    ]


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    blank = " " * indent
    return textwrap.wrap(plain(text), width, initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False)
