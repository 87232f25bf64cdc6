"""What a notion looks at: units before the function that is applied to them, and which are multiples of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from redundancy.algebra import LINEAR, Algebra
from redundancy.coefficients import TINY
from redundancy.fold import Fold
from redundancy.multiples import FEW, SKETCH, likely, parallel
from redundancy.neighbours import directions_of
from redundancy.network import Array
from redundancy.similarity import ROUNDING
from redundancy.units import Affine


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What a notion looks at: n units, and the function that is applied to them next.

    A unit before that function is `z = factor * direction[group] + offset`. All shapes (n,) unless said.

    Attributes:
        group: Units of one group are multiples of each other, offsets aside; -1 for a unit without variable part.
        factor: 0 where the group is -1.
        offset: The constant part.
        slack: How far a factor or an offset may be wrong because numbers were rounded when they were stored,
            relative; 0 where nothing was rounded.
        coefficients: A unit's, without its gain; never copied whole. Shape (m, d), or the form that they are those
            of, where they are written out when asked for; None where nothing is known, and each unit is a multiple of
            a value of its own.
        low, high: Bounds of z.
        algebra: Of the function that follows.
        eps: Machine epsilon of the stored weights.
        outgoing: Largest weight, by size, with which any consumer reads the unit; None where that is not asked.
        boxed: The bounds rest on bounds of the network's inputs.
        gain: What the coefficients are multiplied with; None for 1.
        lines: The row of coefficients of each unit; None where each has its own.
        alone: Units that are in no linear relation to others, bool; None where it is not known of any.
    """

    group: Array
    factor: Array
    offset: Array
    slack: Array
    coefficients: Array | Affine | None
    low: Array
    high: Array
    algebra: Algebra
    eps: float
    outgoing: Array | None = None
    boxed: bool = False
    gain: Array | None = None
    lines: Array | None = None
    alone: Array | None = None

    @property
    def size(self) -> int:
        """How many units there are."""
        return len(self.group)

    @property
    def rows(self) -> Array:
        """Effective coefficients, written out. Shape (n, d), float64."""
        if self.coefficients is None:
            return np.diag(self.factor)
        if isinstance(self.coefficients, Affine):
            mine = self.coefficients.rows(self.lines)
        else:
            mine = self.coefficients if self.lines is None else self.coefficients[self.lines]
        wide = np.asarray(mine, np.float64)
        return wide if self.gain is None or np.all(self.gain == 1) else self.gain[:, None] * wide

    @property
    def independent(self) -> bool:
        """No unit is a combination of others."""
        return self.coefficients is None and bool(np.all(self.factor != 0))

    def take(self, units: Array) -> Site:
        """The same of some units."""
        if len(units) == self.size:
            return self
        names = ("group", "factor", "offset", "slack", "low", "high", "outgoing", "gain", "alone")
        known = {name: values for name in names if (values := getattr(self, name)) is not None}
        lines = units if self.lines is None else self.lines[units]
        return replace(self, **{name: values[units] for name, values in known.items()}, lines=lines)


Find = Callable[[Site], Fold]
"""Finds what folds at a site."""


def site_of(affine: Affine, low: Array, high: Array, algebra: Algebra = LINEAR, *, boxed: bool = False) -> Site:
    """The site of units that compute `affine`, before a function with that algebra."""
    # Written out, the identity of a wide layer would be most of the memory.
    n, alone = len(affine.gain), affine.alone
    group, factor, related = np.arange(n), np.ones(n), np.flatnonzero(~alone)
    coefficients: Array | Affine | None = None if affine.itself else affine
    if coefficients is not None and len(related):
        coefficients, group[related], factor[related] = _grouped(affine, related)
    group = np.where(affine.gain != 0, group, -1)
    rounded = np.abs(np.abs(factor) - 1.0) > 0
    slack = np.where(rounded & (group >= 0), 8 * affine.eps, 0.0 if affine.stored else ROUNDING)
    return Site(
        group=group,
        factor=np.where(group >= 0, factor * affine.gain, 0.0),
        offset=affine.offset,
        slack=slack,
        coefficients=coefficients,
        gain=affine.gain,
        alone=alone,
        low=low,
        high=high,
        algebra=algebra,
        eps=affine.eps,
        boxed=boxed,
    )


def _grouped(affine: Affine, units: Array) -> tuple[Array | Affine, Array, Array]:
    """Which of some units are multiples of each other, writing out as few as possible.

    Returns:
        coefficients: Of all units, where all had to be written out; else the form itself.
        group: The first unit of which each is a multiple, -1 for one without variable part. Shape (m,), int.
        factor: Shape (m,), float64.
    """
    run = _runs(affine, units)
    group, factor = np.where(run < 0, -1, units), np.where(run < 0, 0.0, 1.0)
    first, places = np.arange(len(units)), _accompanied(run, np.arange(len(units)))
    if len(units) > FEW and (marks := affine.marks(units[places])) is not None:
        # What is made of equal weights is equal; that they look alike in random directions guards that it is said so.
        seen: dict[tuple[int, bytes], int] = {}
        pairs = zip(run[places].tolist(), marks, strict=True)
        first[places] = [seen.setdefault(pair, place) for pair, place in zip(pairs, places.tolist(), strict=True)]
        places = _accompanied(run, places[first[places] == places])
    coefficients: Array | Affine = affine
    if len(places):
        everything = len(places) == len(affine.gain)
        rows = affine.rows() if everything else affine.rows(units[places])
        coefficients = rows if everything else affine
        sizes = None if affine.stored else affine.spans(units[places], rows)
        leader, size = parallel(rows, affine.eps, stored=affine.stored, sizes=sizes)
        group[places], factor[places] = np.where(leader >= 0, units[places[leader]], -1), size
    return coefficients, group[first], factor[first]


def _runs(affine: Affine, units: Array) -> Array:
    """Labels such that units that are multiples of each other have one; -1 for those without variable part."""
    run = np.zeros(len(units), dtype=np.intp)
    if len(units) <= FEW:
        return run
    seen = affine.times(directions_of(affine.width, SKETCH))
    still = seen.sizes[units] < TINY
    # What is added up in the square of a size may have vanished.
    if np.any(still) and np.any(affine.rows(units[still])):
        return run
    rest = units[~still]
    run[still], run[~still] = -1, likely(seen.values[rest], seen.sizes[rest], affine.width, affine.eps)
    return run


def _accompanied(run: Array, places: Array) -> Array:
    """Those of some places that are not alone in their run; all, where one run says nothing."""
    mine = run[places]
    several = (mine >= 0) & ((np.bincount(mine + 1, minlength=2)[mine + 1] > 1) | (run.max(initial=0) == 0))
    return np.asarray(places[several])
