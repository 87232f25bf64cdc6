"""What is known about the units that lie along one axis of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from redundancy.algebra import LINEAR, Algebra
from redundancy.fold import Fold
from redundancy.network import Array
from redundancy.similarity import parallel

Basis = Hashable
"""Names the values that a row of coefficients multiplies. Equal bases are equal values, for every input."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """What n units compute: `h = gain * (sum over bases of rows @ basis) + offset`, exactly.

    Attributes:
        terms: Coefficients, shape (n, d) for a basis of d values.
        gain: Shape (n,), float64. Kept apart from the rows, which stay the stored weights for as long as possible:
            whether two kernels are equal is a question about what is stored, not about products rounded since.
        offset: Shape (n,), float64.
        why: The notion by which a unit is known to depend on others, "" where it is not. Length n.
        eps: Machine epsilon of the stored weights.
        stored: The rows are stored weights, untouched by arithmetic.
        itself: The rows are the identity on a basis of its own: nothing is known of these units.
    """

    terms: Mapping[Basis, Array]
    gain: Array
    offset: Array
    why: tuple[str, ...]
    eps: float
    stored: bool = True
    itself: bool = False

    def take(self, channels: Array) -> Affine:
        """The same of some channels."""
        return replace(
            self,
            terms={basis: rows[channels] for basis, rows in self.terms.items()},
            gain=self.gain[channels],
            offset=self.offset[channels],
            why=tuple(self.why[i] for i in channels),
            stored=self.stored and not self.itself,
            itself=self.itself and len(channels) == len(self.gain),
        )

    def scaled(self, gain: Array, offset: Array) -> Affine:
        """`gain * h + offset`."""
        return replace(self, gain=self.gain * gain, offset=self.offset * gain + offset)

    def renamed(self, step: Hashable) -> Affine:
        """The same after a linear operation on positions, which turns each basis into another."""
        return replace(self, terms={(step, basis): rows for basis, rows in self.terms.items()})

    def rows(self) -> Array:
        """All coefficients beside each other, gain left out. Shape (n, d)."""
        return np.hstack([self.terms[basis] for basis in sorted(self.terms, key=repr)] or [np.zeros((len(self.gain), 0))])


def nothing_known(basis: Basis, n: int, eps: float) -> Affine:
    """Of n units whose values are a basis of their own."""
    rows = np.eye(n, dtype=np.float32)
    return Affine({basis: rows}, np.ones(n), np.zeros(n), ("",) * n, eps, itself=True)


def total(first: Affine, second: Affine) -> Affine:
    """The sum of two: the affine form of Add."""
    terms: dict[Basis, Array] = {}
    for affine in (first, second):
        for basis, rows in affine.terms.items():
            terms[basis] = affine.gain[:, None] * rows + terms.get(basis, 0.0)
    n = len(first.gain)
    why = tuple(a or b for a, b in zip(first.why, second.why, strict=True))
    eps = max(first.eps, second.eps)
    return Affine(terms, np.ones(n), first.offset + second.offset, why, eps, stored=False)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Channels of a tensor that were made together.

    Attributes:
        ids: The unit of each channel. Shape (n,), int.
        affine: What they compute.
        low, high: Bounds of their values. Shape (n,), float64, infinite where unknown.
        where: Index along the tensor's unit axis of channel i at position p, shape (p, n). One position, unless
            Flatten has laid a map out along the axis.
    """

    ids: Array
    affine: Affine
    low: Array
    high: Array
    where: Array

    def take(self, channels: Array) -> Part:
        """The same of some channels."""
        return Part(
            self.ids[channels],
            self.affine.take(channels),
            self.low[channels],
            self.high[channels],
            self.where[:, channels],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units along one axis of a tensor.

    Attributes:
        parts: Together they cover the axis.
        axis: Not counting the batch.
    """

    parts: tuple[Part, ...]
    axis: int

    @property
    def size(self) -> int:
        """The extent of the axis."""
        return sum(part.where.size for part in self.parts)

    def along(self, name: str) -> Array:
        """A per-channel array of the parts ("ids", "low", "high"), laid out along the axis. Shape (size,)."""
        values = np.zeros(self.size, dtype=np.result_type(*(getattr(part, name) for part in self.parts)))
        for part in self.parts:
            values[part.where] = getattr(part, name)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What a notion looks at: n units, and the function that is applied to them next.

    A unit before that function is `z = factor * direction[group] + offset`. All shapes (n,) unless said.

    Attributes:
        group: Units of one group are multiples of each other, offsets aside; -1 for a unit without variable part.
        factor: 0 where the group is -1.
        offset: The constant part.
        rows: Effective coefficients. Shape (n, d), float64.
        low, high: Bounds of z.
        algebra: Of the function that follows.
        eps: Machine epsilon of the stored weights.
        stored: The rows were stored, not computed, up to their gain.
        outgoing: Largest weight, by size, with which any consumer reads the unit; None where that is not asked.
        boxed: The bounds rest on bounds of the network's inputs.
    """

    group: Array
    factor: Array
    offset: Array
    rows: Array
    low: Array
    high: Array
    algebra: Algebra
    eps: float
    stored: bool
    outgoing: Array | None = None
    boxed: bool = False

    @property
    def size(self) -> int:
        """How many units there are."""
        return len(self.group)

    def take(self, units: Array) -> Site:
        """The same of some units."""
        outgoing = None if self.outgoing is None else self.outgoing[units]
        picked = {name: getattr(self, name)[units] for name in ("group", "factor", "offset", "rows", "low", "high")}
        return replace(self, **picked, outgoing=outgoing)


Find = Callable[[Site], Fold]
"""Finds what folds at a site."""


def site_of(affine: Affine, low: Array, high: Array, algebra: Algebra = LINEAR, *, boxed: bool = False) -> Site:
    """The site of units that compute `affine`, before a function with that algebra."""
    rows = affine.rows()
    if affine.itself:
        group, factor = np.arange(len(rows)), np.ones(len(rows))
    else:
        group, factor = parallel(rows, affine.eps, stored=affine.stored)
    group = np.where(affine.gain != 0, group, -1)
    return Site(
        group,
        np.where(group >= 0, factor * affine.gain, 0.0),
        affine.offset,
        affine.gain[:, None] * rows,
        low,
        high,
        algebra,
        affine.eps,
        affine.stored,
        boxed=boxed,
    )
