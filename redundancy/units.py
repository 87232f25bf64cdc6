"""What is known about the units that lie along one axis of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from redundancy.coefficients import Basis, Product, Rows, Unwritten, added, digests, joined, marked, multiplied, sized
from redundancy.fold import Holds
from redundancy.network import Array
from redundancy.similarity import ROUNDING


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
        holds: How far it is true.
        own: Units that are made of a value that no other of them is made of, so that nothing relates them to others,
            unless their gain is 0. Shape (n,), bool; None where it is not known of any.
    """

    terms: Mapping[Basis, Rows]
    gain: Array
    offset: Array
    why: tuple[str, ...]
    eps: float
    stored: bool = True
    holds: Holds = Holds.ALWAYS
    own: Array | None = None

    @property
    def itself(self) -> bool:
        """Nothing is known of these units: their values are a basis of their own."""
        return len(self.terms) == 1 and next(iter(self.terms.values())) is None

    @property
    def alone(self) -> Array:
        """The units that are in no relation to others, whatever the rest of them is made of. Shape (n,), bool."""
        own = self.itself if self.own is None else self.own
        return np.asarray((self.gain != 0) & own)

    @property
    def width(self) -> int:
        """How many coefficients a unit has."""
        return sum(map(self.extent, self.terms))

    def extent(self, basis: Basis) -> int:
        """How many of them are of one basis."""
        rows = self.terms[basis]
        return len(self.gain) if rows is None else int(rows.shape[1])

    def sizes(self) -> Array:
        """Bounds on the norm of each unit's coefficients, gain left out, for which none are written. Shape (n,)."""
        # What is never smaller than a value where all has one sign is no smaller than the norm, where each column of
        # coefficients meets a row of norm one: by the triangle's and Cauchy's inequality, each step keeps that.
        parts = [multiplied(rows, np.ones((self.extent(basis), 1))).sizes for basis, rows in self.terms.items()]
        return np.asarray(np.sum(parts, axis=0))

    def term(self, basis: Basis, units: Array | None = None) -> Array:
        """The coefficients of one basis, of some units or all. Shape (n, d)."""
        rows = self.terms[basis]
        if isinstance(rows, np.ndarray):
            return rows if units is None else np.asarray(rows[units])
        units = np.arange(len(self.gain)) if units is None else units
        if isinstance(rows, Unwritten):
            return rows.write(units)
        ones = np.zeros((len(units), len(self.gain)), dtype=np.float32)
        ones[np.arange(len(units)), units] = 1.0
        return ones

    def gained(self, basis: Basis) -> Array | Unwritten:
        """The coefficients of one basis times the gain."""
        rows = self.terms[basis]
        if isinstance(rows, Unwritten | np.ndarray) and np.all(self.gain == 1):
            return rows
        shape = (len(self.gain), len(self.gain) if rows is None else rows.shape[1])

        def write(units: Array) -> Array:
            return self.gain[units, None] * np.asarray(self.term(basis, units), np.float64)

        def times(matrix: Array) -> Product:
            plain = multiplied(rows, matrix)
            return Product(self.gain[:, None] * plain.values, np.abs(self.gain) * plain.sizes)

        def sizes(units: Array) -> Array:
            return np.abs(self.gain[units, None]) * sized(rows, units, self.term(basis, units))

        def marks(units: Array) -> list[bytes] | None:
            return joined(digests(self.gain[units]), marked(rows, units))

        return Unwritten(shape, write, times, marks=marks, sizes=sizes)

    def marks(self, units: Array) -> list[bytes] | None:
        """Digests of some units: those with equal ones have equal coefficients. None where nothing is said."""
        return joined(*(marked(rows, units) for rows in self.terms.values()))

    def times(self, matrix: Array) -> Product:
        """All coefficients beside each other, gain left out, times a matrix of shape (d, k)."""
        bases = sorted(self.terms, key=repr) if len(self.terms) > 1 else list(self.terms)
        values, sizes, start = np.zeros((len(self.gain), matrix.shape[1])), np.zeros(len(self.gain)), 0
        for rows in (self.terms[basis] for basis in bases):
            end = start + (len(self.gain) if rows is None else rows.shape[1])
            part = multiplied(rows, matrix[start:end])
            values, sizes, start = values + part.values, sizes + part.sizes, end
        return Product(values, sizes)

    def take(self, channels: Array) -> Affine:
        """The same of some channels."""
        if np.array_equal(channels, np.arange(len(self.gain))):
            return self
        return replace(
            self,
            terms={basis: self.term(basis, channels) for basis in self.terms},
            gain=self.gain[channels],
            offset=self.offset[channels],
            why=tuple(self.why[i] for i in channels),
            own=self.alone[channels] if len(np.unique(channels)) == len(channels) else None,
        )

    def scaled(self, gain: Array, offset: Array) -> Affine:
        """`gain * h + offset`."""
        return replace(self, gain=self.gain * gain, offset=summed(self.offset * gain, offset))

    def renamed(self, step: Hashable) -> Affine:
        """The same after a linear operation on positions, which turns each basis into another."""
        return replace(self, terms={(step, basis): rows for basis, rows in self.terms.items()})

    def rows(self, units: Array | None = None) -> Array:
        """All coefficients of some units, or of all, beside each other; gain left out. Shape (n, d)."""
        bases = sorted(self.terms, key=repr)
        if len(bases) == 1:
            return self.term(bases[0], units)
        n = len(self.gain) if units is None else len(units)
        return np.hstack([self.term(basis, units) for basis in bases] or [np.zeros((n, 0))])

    def spans(self, units: Array, rows: Array) -> Array:
        """The sizes of all coefficients of some units, which are written out already: how far rounding moves them.

        Args:
            units: Shape (m,), int.
            rows: Their coefficients, as `rows` gives them. Shape (m, d).
        """
        spans, start = np.empty(rows.shape), 0
        for basis in sorted(self.terms, key=repr):
            end = start + self.extent(basis)
            spans[:, start:end] = sized(self.terms[basis], units, rows[:, start:end])
            start = end
        return spans


def nothing_known(basis: Basis, n: int, eps: float) -> Affine:
    """Of n units whose values are a basis of their own."""
    return Affine({basis: None}, np.ones(n), np.zeros(n), ("",) * n, eps)


def settled(sums: Array, size: Array) -> Array:
    """Sums of products, with those that cancelled but for rounding set to 0: no unit may be stated in noise.

    Args:
        sums: Any shape, float64.
        size: The same sums of the absolute values.
    """
    return np.where(np.abs(sums) > ROUNDING * size, sums, 0.0)


def summed(first: Array, second: Array) -> Array:
    """The sum of two blocks of coefficients, in float64: rounded as they are stored, units would become equal."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return settled(a + b, np.abs(a) + np.abs(b))


def total(first: Affine, second: Affine) -> Affine:
    """The sum of two: the affine form of Add."""
    shared = first.terms.keys() & second.terms.keys()
    terms: dict[Basis, Rows] = {
        basis: affine.gained(basis) for affine in (first, second) for basis in affine.terms if basis not in shared
    }
    n = len(first.gain)
    for basis in shared:
        terms[basis] = added(first.gained(basis), second.gained(basis))
    # What both are made of can become anything, or nothing.
    own = None if shared else first.alone | second.alone
    why = tuple(a or b for a, b in zip(first.why, second.why, strict=True))
    eps = max(first.eps, second.eps)
    holds = max(first.holds, second.holds)
    offset = summed(first.offset, second.offset)
    return Affine(terms, np.ones(n), offset, why, eps, stored=False, holds=holds, own=own)


def stacked(affines: Sequence[Affine], step: Hashable) -> Affine:
    """Units that are vectors: what unit i computes at each of several places is said by one affine form a place.

    A relation between two units then has to hold at every place at once.

    Args:
        affines: One a place, each of n units.
        step: Names what laid the places out.
    """
    if len(affines) == 1:
        return affines[0].renamed(step)
    n = len(affines[0].gain)
    terms: dict[Basis, Rows] = {}
    for place, affine in enumerate(affines):
        for basis in affine.terms:
            terms[step, place, basis] = affine.gained(basis)
    offsets = np.stack([affine.offset for affine in affines], axis=1)
    varied = np.any(offsets != offsets[:, :1], axis=1)
    if np.any(varied):
        terms[step, "one"] = np.where(varied[:, None], offsets, 0.0)
    offset = np.where(varied, 0.0, offsets[:, 0])
    why = tuple(next((a.why[j] for a in affines if a.why[j]), "") for j in range(n))
    eps, holds = max(a.eps for a in affines), max(a.holds for a in affines)
    own = np.any([affine.alone for affine in affines], axis=0)
    return Affine(terms, np.ones(n), offset, why, eps, stored=False, holds=holds, own=own)


def lonely(affine: Affine, places: Sequence[tuple[Array, Array]], basis: Basis) -> Affine:
    """What units of which nothing is known become, where each is scaled and shifted on its own at several places.

    Each remains a value of its own, but for one that is scaled by zero everywhere: if all its shifts are equal, it is
    a constant.

    Args:
        affine: Of the n units before.
        places: (scales, shift) of each place; scales broadcast to (..., n), shift has shape (n,).
        basis: Of the units after.
    """
    n = len(affine.gain)
    shifts = np.stack([shift for _, shift in places])
    still = np.all([~np.any(np.asarray(scale).reshape(-1, n), axis=0) for scale, _ in places], axis=0)
    still &= np.all(shifts == shifts[:1], axis=0)
    return replace(
        nothing_known(basis, n, affine.eps),
        gain=np.where(still, 0.0, 1.0),
        offset=np.where(still, shifts[0], 0.0),
        holds=affine.holds,
    )


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
        parts: Together they cover the axis; none where its extent is not fixed.
        axis: Not counting the batch.
    """

    parts: tuple[Part, ...]
    axis: int

    @property
    def size(self) -> int:
        """The extent of the axis."""
        return sum(part.where.size for part in self.parts)

    @property
    def ids(self) -> Array:
        """The unit at each index of the axis. Shape (size,), int."""
        ids = np.zeros(self.size, dtype=np.intp)
        for part in self.parts:
            ids[part.where] = part.ids
        return ids

    def mapped(self, change: Callable[[Part], Part]) -> Units:
        """The same with every part changed."""
        return replace(self, parts=tuple(change(part) for part in self.parts))
