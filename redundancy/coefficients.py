"""Coefficients of units: written down, or known by what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from redundancy.fold import Fold
from redundancy.network import Array
from redundancy.similarity import ROUNDING

Basis = Hashable
"""Names the values that a row of coefficients multiplies. Equal bases are equal values, for every input."""


TINY = 1e-140
"""Sizes below which the squares that they are made of may have vanished."""

BLOCK = 2**16
"""Numbers that are converted to float64 at a time: few enough to stay close to the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Coefficients times a matrix.

    Attributes:
        values: Shape (n, k), float64.
        sizes: A bound, for each unit, on the norm of what its values would be if everything that is added up in them,
            and in the coefficients, had one sign. Shape (n,).
    """

    values: Array
    sizes: Array


@dataclass(frozen=True, eq=False)
class Unwritten:
    """Coefficients that are written out when somebody reads them, and then only those that are read.

    Attributes:
        shape: Of all of them, (n, d).
        write: Units, shape (m,), int -> their coefficients, shape (m, d).
        times: A matrix of shape (d, k) -> its product with all of them; None where they have to be written for that.
        fold: They are those of units in terms of the ones that it keeps.
        marks: Units, shape (m,), int -> a digest of all that tells the coefficients of each from those of others, so
            that equal ones are seen to be equal without writing them out; None where there is none.
        sizes: Units, shape (m,), int -> what their coefficients would be if everything that was added up in the last
            step had one sign, shape (m, d): how far rounding can have moved each. None where nothing was added up.
    """

    shape: tuple[int, int]
    write: Callable[[Array], Array]
    times: Callable[[Array], Product] | None = None
    fold: Fold | None = None
    marks: Callable[[Array], list[bytes] | None] | None = None
    sizes: Callable[[Array], Array] | None = None

    @cached_property
    def whole(self) -> Array:
        """All of them, written out once: for those that others are made of."""
        return self.write(np.arange(self.shape[0]))


def whole(rows: Array | Unwritten) -> Array:
    """All coefficients, written out."""
    return rows if isinstance(rows, np.ndarray) else rows.whole


Rows = Array | Unwritten | None
"""Coefficients of n units, shape (n, d); None stands for the identity."""


def sized(rows: Rows, units: Array, written: Array) -> Array:
    """The sizes of some coefficients, which are written out already. Shape (m, d), float64."""
    if isinstance(rows, Unwritten) and rows.sizes is not None:
        return rows.sizes(units)
    return np.abs(np.asarray(written, np.float64))


def added(first: Array | Unwritten, second: Array | Unwritten) -> Unwritten:
    """The sum of two blocks, in float64: rounded as they are stored, units would become equal.

    Sums that cancelled but for rounding are 0: no unit may be stated in noise.
    """
    a, b = (np.asarray(whole(rows), np.float64) for rows in (first, second))
    size = np.abs(a) + np.abs(b)
    total = np.where(np.abs(a + b) > ROUNDING * size, a + b, 0.0)

    def sizes(units: Array) -> Array:
        return sized(first, units, a[units]) + sized(second, units, b[units])

    return Unwritten(total.shape, lambda units: total[units], sizes=sizes)


def multiplied(rows: Rows, matrix: Array) -> Product:
    """The product of coefficients with a matrix of shape (d, k), without writing them out."""
    if rows is None:
        return Product(matrix, norms(matrix))
    if isinstance(rows, Unwritten) and rows.times is not None:
        return rows.times(matrix)
    values, sizes = np.zeros((rows.shape[0], matrix.shape[1])), np.zeros(rows.shape[0])
    step = max(1, BLOCK // max(1, rows.shape[1]))
    for start in range(0, rows.shape[0], step):
        units = np.arange(start, min(start + step, rows.shape[0]))
        wide = np.asarray(rows[units] if isinstance(rows, np.ndarray) else rows.write(units), np.float64)
        values[units], sizes[units] = wide @ matrix, norms(wide)
    return Product(values, sizes * np.linalg.norm(matrix))


def marked(rows: Rows, units: Array) -> list[bytes] | None:
    """Digests of some units: those with equal ones have equal coefficients. None where nothing is said."""
    if isinstance(rows, Unwritten):
        return rows.marks(units) if rows.marks else None
    return digests(units[:, None] if rows is None else rows[units])


def digests(rows: Array) -> list[bytes]:
    """One for each row: equal bytes have equal ones, and others, but for a chance of 2^-128, have not."""
    return [blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def joined(*parts: list[bytes] | None) -> list[bytes] | None:
    """Digests of several things at once; None where one of them is not known."""
    known = [part for part in parts if part is not None]
    if len(parts) == 1:
        return parts[0]
    return list(map(_told_apart, zip(*known, strict=True))) if len(known) == len(parts) else None


def _told_apart(marks: tuple[bytes, ...]) -> bytes:
    """Each behind its length: a mark and none is not the same as none and that mark."""
    return b"".join(len(mark).to_bytes(4, "big") + mark for mark in marks)


def norms(rows: Array) -> Array:
    """The norm of every row; infinite where squares are too large. Shape (n,)."""
    with np.errstate(over="ignore"):
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def folded(fold: Fold) -> Unwritten:
    """The coefficients of units in terms of those that a fold keeps."""

    def times(matrix: Array) -> Product:
        values, sizes = np.empty((fold.size, matrix.shape[1])), np.empty(fold.size)
        values[fold.keep], values[fold.dropped] = matrix, fold.stated @ matrix[fold.leads]
        sizes[fold.keep], sizes[fold.dropped] = norms(matrix), norms(fold.stated) * np.linalg.norm(matrix[fold.leads])
        return Product(values, sizes)

    def marks(units: Array) -> list[bytes]:
        # A unit that equals one that stays has the same digest.
        equal = (np.count_nonzero(fold.stated, axis=1) == 1) & np.any(fold.stated == 1.0, axis=1)
        same = np.arange(fold.size)
        if np.any(equal):
            same[fold.dropped[equal]] = fold.keep[fold.leads[np.argmax(fold.stated[equal], axis=1)]]
        stays, found = fold.kept[same[units]], digests(same[units, None])
        others = digests(fold.stated[np.searchsorted(fold.dropped, units[~stays])])
        for place, mark in zip(np.flatnonzero(~stays).tolist(), others, strict=True):
            found[place] = b"told" + mark
        return found

    return Unwritten((fold.size, len(fold.keep)), fold.rows, times, fold, marks)
