"""Plain text in columns: numbers as people read them, names cut to fit, lines wrapped."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

GAP = "  "
"""Between two columns."""

NARROWEST = 50
"""Narrower terminals wrap the lines themselves."""

CUT = "..."
"""Stands where something was left out."""

READABLE, SHORTEST = 20, 8
"""Columns of a name that are left while other columns can go, and at last."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        title: Its first line.
        right: Whether numbers end it, so that their digits stand below each other.
        yields: Which column goes first where the terminal is too narrow: the one with the largest number; one with 0
            never goes.
        shrinks: Whether its cells may be cut.
    """

    title: str
    right: bool = False
    yields: int = 0
    shrinks: bool = False


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for one that combines."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def plain(text: object) -> str:
    """What a model calls something, on one line and without what would steer a terminal."""
    line = " ".join(str(text).split())
    return line if line.isprintable() else ascii(line)[1:-1]


def cut(text: str, width: int) -> str:
    """A name, its middle left out where it is too wide: what tells names apart is at their ends."""
    if columns(text) <= width:
        return text
    tail = max(0, width - len(CUT)) // 2
    head, end = text, text
    while head and columns(head) > width - len(CUT) - tail:
        head = head[:-1]
    while end and columns(end) > tail:
        end = end[1:]
    return (head + CUT + end)[:width]


def table(
    heads: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    total: Sequence[str] = (),
    below: Sequence[str] = (),
) -> list[str]:
    """Lines of a table, its columns aligned.

    Args:
        heads: The columns.
        rows: Their cells, row by row.
        width: Of the terminal. Columns that may go do so until the others fit, then names are cut.
        total: A last row, below a line.
        below: What stands indented below each row; nothing if not given.
    """
    width = max(width, NARROWEST)
    cells = [[column.title for column in heads], *map(list, rows), *([list(total)] if total else [])]
    chosen = _chosen(heads, [max(columns(row[place]) for row in cells) for place in range(len(heads))], width)
    lines = [
        GAP.join(_padded(cut(row[place], limit), limit, heads[place].right) for place, limit in chosen).rstrip()
        for row in cells
    ]
    rule = "-" * min(width, sum(limit + len(GAP) for _, limit in chosen) - len(GAP))
    body = list(chain.from_iterable((line, *wrapped(text, width, 4)) for line, text in zip_longest(
        lines[1 : len(rows) + 1], below, fillvalue="")))  # fmt: skip
    return [lines[0], rule, *body, *([rule, lines[-1]] if total else [])]


def _chosen(heads: Sequence[Column], widths: Sequence[int], width: int) -> list[tuple[int, int]]:
    """The columns that are shown: (place, width)."""
    left = list(range(len(heads)))
    spare = sum(max(0, widths[place] - READABLE) for place in left if heads[place].shrinks)
    while _excess(left, widths, width) > spare and any(heads[place].yields for place in left):
        left.remove(max(left, key=lambda place: heads[place].yields))
    limits = list(widths)
    while _excess(left, limits, width) > 0:
        widest = max((p for p in left if heads[p].shrinks), key=limits.__getitem__, default=None)
        if widest is None or limits[widest] <= SHORTEST:
            break
        limits[widest] -= 1
    return [(place, limits[place]) for place in left]


def _excess(places: Iterable[int], widths: Sequence[int], width: int) -> int:
    return sum(widths[place] + len(GAP) for place in places) - len(GAP) - width


def _padded(cell: str, width: int, right: bool) -> str:
    blank = " " * (width - columns(cell))
    return blank + cell if right else cell + blank


def wrapped(text: str, width: int, indent: int = 0, hang: int = 0) -> list[str]:
    """A text as lines that fit.

    Args:
        text: To wrap.
        width: Of the terminal.
        indent: Columns before all lines.
        hang: More columns, before all lines but the first.
    """
    first, others = " " * indent, " " * (indent + hang)
    return textwrap.wrap(
        text, max(width, NARROWEST), initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )


def listed(items: Iterable[str], width: int) -> str:
    """As many of the items as fit, and how many more there are."""
    items = list(items)
    for shown in range(len(items), 0, -1):
        left = f" and {len(items) - shown:,} more" if shown < len(items) else ""
        text = "; ".join(items[:shown]) + left
        if columns(text) <= width:
            return text
    return cut(items[0], max(SHORTEST, width - 16)) + (f" and {len(items) - 1:,} more" if items[1:] else "")


def amount(number: float, unit: str = "") -> str:
    """A large number in thousands (k), millions (M), billions (G): 3 digits of it, or 4."""
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * factor:
            return f"{_digits(number / factor)} {letter}{unit}"
    return f"{number:,.0f} {unit}".rstrip()


def size(number: int) -> str:
    """Bytes, in powers of 1024."""
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "k")):
        if abs(number) >= 1024**power:
            return f"{_digits(number / 1024**power)} {'K' if letter == 'k' else letter}iB"
    return f"{number} B"


def _digits(number: float) -> str:
    return f"{number:.2f}" if abs(number) < 9.995 else f"{number:.1f}" if abs(number) < 99.95 else f"{number:.0f}"


def share(part: float, whole: float) -> str:
    """A part in per cent of the whole."""
    if not whole:
        return ""
    percent = 100 * part / whole
    return f"{percent:.1f}%" if not 0 < abs(percent) < 0.05 else "<0.1%"


def count(number: int, noun: str) -> str:
    """A number of things, with the plural where one is due."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
