"""How much goes from which space: the steps in which units are given up, those that cost least first.

What it costs to take a share of one space alone away is measured, and costs of several spaces are added up: that
neglects what they do to each other, as every allocation by sensitivities does (S. Han, J. Pool, J. Tran, W. J. Dally,
Learning both Weights and Connections, NeurIPS 2015). The lower convex hull of each space's costs over what is saved
gives steps that get dearer, and the cheapest steps of all spaces together are the best allocation for their sum
(H. Everett, Generalized Lagrange Multiplier Method, Oper. Res. 11, 1963).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Of the units of a space, whose loss costs are measured."""

FINE = 50
"""Into so many steps a space is cut, at most."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What it costs to take units of one space alone away.

    Attributes:
        space: Its name.
        size: How many units it has.
        saving: What each unit saves, in whatever is to be saved.
        gone: How many units went, increasing, beginning with 0.
        harm: What that cost. As long.
    """

    space: str
    size: int
    saving: float
    gone: tuple[int, ...]
    harm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Some units of one space.

    Attributes:
        space: Its name.
        units: How many more go.
        harm: What that is expected to cost.
        price: The same for each bit that it saves.
    """

    space: str
    units: int
    harm: float
    price: float


def curve(space: str, size: int, saving: float, harm: Callable[[int], float]) -> Curve:
    """Measures what it costs that units of one space go.

    Args:
        space: Its name.
        size: How many units it has; one has to stay.
        saving: What each unit saves.
        harm: What it costs that so many go; where that is infinite they cannot, and the curve leaves it out.
    """
    gone = sorted({min(max(1, round(share * size)), size - 1) for share in SHARES})
    costs = {0: 0.0, **{count: max(0.0, harm(count)) for count in gone}}
    known = {count: cost for count, cost in costs.items() if np.isfinite(cost)}
    return Curve(space, size, saving, tuple(known), tuple(known.values()))


def steps(curves: tuple[Curve, ...]) -> tuple[Step, ...]:
    """All the steps, the cheapest first; of one space in order."""
    found: list[tuple[float, int, int, Step]] = []
    for number, each in enumerate(curves):
        chunk = max(1, each.size // FINE)
        for first, last, slope in _hull(each):
            begun = first
            while begun < last:
                units = min(chunk, last - begun)
                price = slope / each.saving if each.saving > 0 else np.inf
                found.append((price, number, begun, Step(each.space, units, slope * units, price)))
                begun += units
    return tuple(step for *_, step in sorted(found, key=lambda entry: entry[:3]))


def _hull(each: Curve) -> list[tuple[int, int, float]]:
    """(from, to, harm a unit) of the lower convex hull; its slopes do not decrease."""
    points: list[tuple[int, float]] = []
    for point in zip(each.gone, np.maximum.accumulate(each.harm).tolist(), strict=True):
        while len(points) > 1 and _slope(points[-2], points[-1]) >= _slope(points[-2], point):
            points.pop()
        points.append(point)
    return [(a[0], b[0], _slope(a, b)) for a, b in pairwise(points)]


def _slope(a: tuple[int, float], b: tuple[int, float]) -> float:
    return (b[1] - a[1]) / (b[0] - a[0])


def gone_after(taken: tuple[Step, ...]) -> Mapping[str, int]:
    """How many units of each space are gone after some steps."""
    counts: Counter[str] = Counter()
    for step in taken:
        counts[step.space] += step.units
    return counts
