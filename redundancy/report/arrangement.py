"""Where the tiles of a picture go: groups in frames, what is redundant otherwise, and the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

from redundancy.report.kernels import Group, Grouping

MOST = 400
"""Kernels that are drawn: more are no picture that anyone looks through. Those in groups come first."""

GAP, CAPTION, LABEL, HEADING = 0.14, 0.22, 0.34, 0.62
"""Between tiles, below a tile, above a group and above a section; in widths of a tile."""

LETTER = 0.1
"""Width of a letter above a group, in widths of a tile."""


@dataclass(frozen=True, slots=True)
class Place:
    """Of one tile: its unit, its upper left corner in widths of a tile, and what stands below it."""

    unit: int
    x: float
    y: float
    caption: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Around some tiles of a group: upper left corner, how many tiles it holds, and what stands above it."""

    x: float
    y: float
    tiles: int
    label: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything of a picture goes; lengths in widths of a tile, from the upper left corner."""

    places: tuple[Place, ...]
    frames: tuple[Frame, ...]
    headings: tuple[tuple[float, str], ...]
    width: float
    height: float


def planned(grouping: Grouping, tall: float = 1.0) -> Plan:
    """Where the tiles of a layer go.

    Args:
        grouping: Of its units.
        tall: Height of a tile, in its widths.
    """
    shown = list(_some(grouping.groups, MOST))
    left = MOST - sum(len(group.units) for group in shown)
    marked = [(unit, f"{unit} {notion}", True) for unit, notion in grouping.marked.items()][:left]
    single = [(unit, str(unit), False) for unit in grouping.single[: left - len(marked)]]
    across = max(10, min(20, ceil(sqrt(1.6 * tall * (MOST - left + len(marked) + len(single))))))
    pen = Pen(across, tall)
    pen.groups("alike: in a frame, with the least cosine of two", shown)
    pen.tiles(grouping.marks, marked)
    others = "the others, next to those that they are most like" if shown or marked else "none is like another one"
    pen.tiles(others, single)
    return pen.plan()


def _some(groups: Sequence[Group], most: int) -> Iterator[Group]:
    """The first groups, with no more than so many units in all; of the first one, as many as that."""
    for number, group in enumerate(groups):
        if not number:
            group = replace(group, units=group.units[:most])
        most -= len(group.units)
        if most >= 0:
            yield group


def label(group: Group) -> str:
    """What stands above a group."""
    return ", ".join([*group.notions, f"cos {group.cosine:.3f}"])


class Pen:
    """Moves over a picture, line by line.

    Args:
        across: How many tiles a line has.
        tall: Height of a tile, in its widths.
    """

    def __init__(self, across: int, tall: float) -> None:
        self._places: list[Place] = []
        self._frames: list[Frame] = []
        self._headings: list[tuple[float, str]] = []
        self._across, self._tall = across, tall
        self._column, self._y = 0.0, 0.0

    def groups(self, title: str, groups: Sequence[Group]) -> None:
        """Places groups side by side under a heading; one that does not fit into the line begins the next."""
        if not groups:
            return
        self._heading(title)
        self._y += LABEL
        for group in groups:
            needed = max(float(len(group.units)), LETTER * len(label(group)))
            if self._column and self._column + needed > self._across:
                self._next(LABEL)
            start, end = self._column, self._column + needed
            for begin in range(0, len(group.units), self._across):
                if begin:
                    self._next(LABEL)
                self._frame(group.units[begin : begin + self._across], label(group) if not begin else "...")
            self._column = max(self._column, end if start or len(group.units) <= self._across else 0.0) + GAP
        self._next()

    def tiles(self, title: str, tiles: Sequence[tuple[int, str, bool]]) -> None:
        """Places tiles under a heading: (unit, caption, whether it is marked)."""
        if not tiles:
            return
        self._heading(title)
        for place, (unit, caption, marked) in enumerate(tiles):
            if place and place % self._across == 0:
                self._next()
            self._tile(unit, caption, marked)
        self._next()

    def plan(self) -> Plan:
        """What was placed."""
        width = self._across * (1 + GAP)
        return Plan(tuple(self._places), tuple(self._frames), tuple(self._headings), width, self._y)

    def _frame(self, units: Sequence[int], above: str) -> None:
        self._frames.append(Frame(self._x, self._y, len(units), above))
        for unit in units:
            self._tile(unit, str(unit), marked=False)

    def _tile(self, unit: int, caption: str, marked: bool) -> None:
        self._places.append(Place(unit, self._x, self._y, caption, marked))
        self._column += 1

    @property
    def _x(self) -> float:
        return GAP / 2 + self._column * (1 + GAP)

    def _heading(self, title: str) -> None:
        self._y += HEADING
        self._headings.append((self._y - GAP, title))

    def _next(self, more: float = 0.0) -> None:
        """Begins a new line."""
        self._column = 0.0
        self._y += self._tall + CAPTION + GAP + more
