"""Near-duplicate: a unit whose effective weights and bias are almost a multiple of another's.

No fold of one is exact, so it is not among the notions that are looked for: whoever proposes such folds has to bound
what they do to the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from redundancy.algebra import Scale
from redundancy.fold import Fold, explained, identity, merge
from redundancy.neighbours import neighbours
from redundancy.network import Array
from redundancy.notions.notion import Notion
from redundancy.similarity import cosine, lengths
from redundancy.sites import Site

NEAR = "near-duplicate"


class Nearness(str):
    """The name of the notion, as the reason why one unit goes.

    Attributes:
        distance: How far the unit is from what it is stated as: |z_j - a z_i| / |z_j|, of weights and bias.
        cosine: Of the weights alone.
    """

    distance: float
    cosine: float

    def __new__(cls, distance: float, cosine: float) -> Nearness:
        """The same word, whatever the numbers."""
        word = super().__new__(cls, NEAR)
        word.distance, word.cosine = distance, cosine
        return word


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows that are near: of two, the smaller one is stated in the larger one; of equal ones, the later one.

    Attributes:
        unit: The row that is stated. Shape (m,), int; the nearest pair first.
        of: The row that it is stated in. Shape (m,), int.
        factor: And the factor. Shape (m,), float64.
        rank: The place of each row, the largest one first. Shape (n,), int.
        rows: All rows: coefficients, and the constant at the end. Shape (n, d + 1), float64.
    """

    unit: Array
    of: Array
    factor: Array
    rank: Array
    rows: Array

    def take(self, places: Array) -> Pairs:
        """Some of the pairs."""
        return replace(self, unit=self.unit[places], of=self.of[places], factor=self.factor[places])


Sources = dict[int, tuple[int, float, float]]
Choice = Callable[[Pairs], Sources]
"""Which of the pairs are taken: j -> (i, factor, 0)."""


def near(reach: float, choose: Choice | None = None) -> Notion:
    """The notion of units that are apart by at most so much, relative to their norm.

    A bias counts as one weight more, and multiples are near only where they pass the function that follows.

    Args:
        reach: |z_j - a z_i| / |z_j|, of weights and bias; more than 0 and less than 1.
        choose: Which pairs are taken; `paired` if not given.
    """
    return Notion(NEAR, lambda site: _near(site, reach, choose or paired))


def paired(pairs: Pairs) -> Sources:
    """The nearest pairs first, so that what costs least is not lost in a larger group.

    What others are stated in stays: of a group of four that is two pairs, to be asked about again when those are made.
    """
    sources: Sources = {}
    leaders: set[int] = set()
    for j, i, factor in zip(pairs.unit.tolist(), pairs.of.tolist(), pairs.factor.tolist(), strict=True):
        if j not in sources and i not in sources and j not in leaders:
            sources[j] = (i, factor, 0.0)
            leaders.add(i)
    return sources


def grouped(pairs: Pairs) -> Sources:
    """All that are near to a larger one that stays, each stated in the nearest of those: of a group, all but one."""
    sources: Sources = {}
    # Larger ones are settled before those that may be stated in them; the sort keeps the nearest first.
    for place in np.argsort(pairs.rank[pairs.unit], kind="stable").tolist():
        j, i = int(pairs.unit[place]), int(pairs.of[place])
        if j not in sources and i not in sources:
            sources[j] = (i, float(pairs.factor[place]), 0.0)
    return sources


def _near(site: Site, reach: float, choose: Choice) -> Fold:
    """h_j = a h_i where z_j is almost a z_i; a is the best one where multiples pass the function, else 1."""
    if site.coefficients is None or site.size < 2:
        return identity(site.size)
    rows = np.hstack([site.rows, site.offset[:, None]])
    sources = choose(_pairs(rows, reach, free=site.algebra.scale is not Scale.NONE))
    why = [_said(rows, j, *sources[j][:2]) if j in sources else "" for j in range(site.size)]
    return explained(merge(site.size, sources, NEAR), tuple(why))


def _said(rows: Array, j: int, i: int, factor: float) -> Nearness:
    difference, size = lengths(np.stack([rows[j] - factor * rows[i], rows[j]]))
    return Nearness(float(difference / size), float(cosine(rows[[j, i], :-1])[0, 1]))


def _pairs(rows: Array, reach: float, *, free: bool) -> Pairs:
    """The rows that are near; with factors of their own where those are free."""
    # A row that is nearer to any multiple than the reach has at least that cosine with it.
    found = list(neighbours(rows, sqrt(1.0 - reach**2)))
    first, second = (
        np.concatenate([np.zeros(0, np.intp), *parts])
        for parts in ([f.first for f in found], [f.second for f in found])
    )
    cosines = np.concatenate([np.zeros(0), *(f.cosine for f in found)])
    size = lengths(rows)
    rank = np.empty(len(rows), dtype=np.intp)
    rank[np.lexsort((np.arange(len(rows)), -size))] = np.arange(len(rows))
    unit, of = (np.where(rank[first] > rank[second], *pair) for pair in ((first, second), (second, first)))
    ratio = size[of] / size[unit]
    factor = cosines / ratio if free else np.ones(len(unit))
    squared = 1.0 - cosines**2 if free else 1.0 + ratio**2 - 2.0 * cosines * ratio
    distance = np.sqrt(np.clip(squared, 0.0, None))
    order = np.lexsort((of, unit, distance))
    order = order[distance[order] <= reach]
    return Pairs(unit[order], of[order], factor[order], rank, rows)
