"""Sketches: short float32 vectors that stand for long rows, and tell which pairs cannot be near.

Rows x and y, scaled to norm one, are projected to k dimensions by independent Gaussian numbers S of variance 1 / k.
For two given rows k |Sx - Sy|^2 / |x - y|^2 has a chi-squared distribution of k degrees of freedom, whatever the rows
are; its quantile says how far apart the sketches of a pair can be that is near. What float32 products lose is bounded
and added. A row that is short enough is its own sketch, and then nothing is left to chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import chdtr, chdtri

from redundancy.network import Array
from redundancy.similarity import directions, lengths

DIMENSIONS = (32, 64, 128, 256, 512, 1024)
"""That sketches may have."""

BUFFER = 2**21
"""Numbers in a block of rows."""

_UNIT = 2.0**-24  # half the machine epsilon of float32
_STRIP = 512  # columns of one float32 product; sums over strips are in float64


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """Of n rows.

    Attributes:
        values: Shape (n, k), float32.
        squares: Half their squared norms. Shape (n,), float32.
        limit: Half the largest squared distance of two that may be near.
        window: The largest distance of two that may be near along the first coordinate.
        signed: Opposite rows are far apart; else they are near.
    """

    values: Array
    squares: Array
    limit: float
    window: float
    signed: bool

    @property
    def places(self) -> Array:
        """Along the first coordinate: those further apart than the window are not near. Shape (n,)."""
        return self.values[:, 0] if self.signed else np.abs(self.values[:, 0])

    def tile(self, first: Array, second: Array) -> Array:
        """Which of some may be near which of others. Shape (len(first), len(second)), bool."""
        products = self.values[first] @ self.values[second].T
        if not self.signed:
            np.abs(products, out=products)
        products -= self.squares[second]
        return np.asarray(products >= self.squares[first, None] - self.limit)

    def pairs(self, first: Array, second: Array) -> Array:
        """Which pairs may be near. Shape (m,), bool."""
        near = np.zeros(len(first), dtype=bool)
        step = max(1, BUFFER // self.values.shape[1])
        for start in range(0, len(first), step):
            a, b = first[start : start + step], second[start : start + step]
            products = np.einsum("ij,ij->i", self.values[a], self.values[b])
            sized = products if self.signed else np.abs(products)
            near[start : start + step] = sized - self.squares[b] >= self.squares[a] - self.limit
        return near


def sketched(
    rows: Array, norms: Array, k: int, threshold: float, miss: float, rng: np.random.Generator, *, signed: bool
) -> Sketches:
    """Sketches of rows.

    Args:
        rows: Shape (n, d), any float dtype, none of zeros.
        norms: Of the rows. Shape (n,).
        k: Dimension of the sketches; d for the rows themselves.
        threshold: The cosine from which on two rows are near.
        miss: The chance that a given near pair is taken for far, at most, and again for their first coordinates.
        rng: Draws the projection.
        signed: Opposite rows are far apart.
    """
    d = rows.shape[1]
    near = sqrt(2.0 - 2.0 * threshold + 1e-12)
    if k == d:
        projection, error, along = np.eye(d, dtype=np.float32), 4.0 * _UNIT, near
    else:
        projection = (rng.standard_normal((d, k)) / sqrt(k)).astype(np.float32)
        # A product of a strip, of rows that were rounded, with a projection that was: Higham (2002), chapter 3.
        error = (_STRIP + 8) * _UNIT * float(np.linalg.norm(projection.astype(np.float64)))
        along = near * sqrt(float(chdtri(1, miss)) / k)
    values = _projected(rows, norms, None if k == d else projection)
    squares = 0.5 * np.einsum("ij,ij->i", values, values, dtype=np.float64)
    rounding = 4.0 * (k + 4) * _UNIT * float(squares.max())
    limit = 0.5 * (near * sqrt(stretch(k, d, miss)) + 2.0 * error) ** 2 + rounding
    return Sketches(values, squares.astype(np.float32), limit, along + 2.0 * error, signed)


def stretch(k: int, d: int, miss: float) -> float:
    """By what factor the squared distance of a pair may grow in a sketch, but for a chance."""
    return 1.0 if k == d else float(chdtri(k, miss)) / k


def passing(squares: Array, k: int, d: int, threshold: float, miss: float) -> float:
    """The share of pairs at such squared distances that sketches of dimension k let pass."""
    reach = (2.0 - 2.0 * threshold) * stretch(k, d, miss)
    if k == d:
        return float(np.mean(squares <= reach))
    return float(np.mean(chdtr(k, k * reach / np.maximum(squares, 1e-30))))


def blocks(rows: Array, numbers: int = BUFFER) -> Iterator[slice]:
    """Slices of rows with so many numbers in each."""
    step = max(1, numbers // max(1, rows.shape[1]))
    return (slice(start, min(start + step, len(rows))) for start in range(0, len(rows), step))


def norms_of(rows: Array) -> Array:
    """The norm of every row, a block at a time. Shape (n,), float64."""
    norms = np.zeros(len(rows))
    for block in blocks(rows):
        wide = np.asarray(rows[block], np.float64)
        with np.errstate(over="ignore"):
            norms[block] = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        if not np.all((norms[block] > 1e-100) & (norms[block] < 1e100)):
            norms[block] = lengths(wide)
    return norms


def _projected(rows: Array, norms: Array, projection: Array | None) -> Array:
    """The rows, scaled to norm one, times a projection: float32 products of strips, added in float64."""
    n, d = rows.shape
    # What overflows or vanishes in float32 is scaled first, a block at a time.
    plain = rows.dtype == np.float32 and norms.min() > 1e-15 and norms.max() < 1e15
    if projection is None:
        return np.concatenate([directions(rows[block]).astype(np.float32) for block in blocks(rows)])
    total = np.zeros((n, projection.shape[1]))
    for block in [slice(None)] if plain else blocks(rows, 4 * BUFFER):
        part = rows if plain else directions(rows[block]).astype(np.float32)
        for left in range(0, d, _STRIP):
            strip = slice(left, left + _STRIP)
            total[block] += part[:, strip] @ projection[strip]
    return np.asarray(total / (norms[:, None] if plain else 1.0), np.float32)
