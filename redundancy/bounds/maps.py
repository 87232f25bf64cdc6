"""Linear maps between tensors: a matrix along the last axis, or a sparse one of all values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from redundancy.bounds.intervals import gamma
from redundancy.network import Array

LARGE, SQUARED = 2**22, 5
"""Entries of a matrix, up to which its norm is looked for; and how often it is squared for that."""

SLOWER = 16
"""Full products that take as long as one of a sparse matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """A matrix that acts along the last axis, as a dense layer does.

    Attributes:
        matrix: Shape (in, out), float64.
    """

    matrix: Array

    def apply(self, values: Array) -> Array:
        """(batch, ..., in) -> (batch, ..., out)."""
        return np.asarray(values @ self.matrix)

    def transpose(self, weights: Array) -> Array:
        """Weights of what comes out as weights of what goes in: (batch, ..., out) -> (batch, ..., in)."""
        return np.asarray(weights @ self.matrix.T)

    def sizes(self) -> Along:
        """The same of absolute values."""
        return Along(np.abs(self.matrix))

    def minus(self, other: Along) -> Along:
        """The difference of two."""
        return Along(self.matrix - other.matrix)

    def norm(self) -> float:
        """By how much it lengthens a vector, at most: a bound on its largest singular value."""
        return spectral(self.matrix)

    @property
    def any(self) -> bool:
        """Whether it is not zero."""
        return bool(np.any(self.matrix))

    @property
    def exact(self) -> bool:
        """Whether it only moves values, so that nothing is rounded."""
        return False

    @property
    def work(self) -> int:
        """Products that it takes to apply it."""
        return int(self.matrix.size)

    @property
    def terms(self) -> int:
        """How many products are added up, at most, either way."""
        return int(max(self.matrix.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """A sparse matrix of all values of a tensor, as of a convolution.

    Attributes:
        matrix: SciPy's, shape (values out, values in), float64.
        before: Shape of what goes in, without the batch.
        after: Shape of what comes out.
    """

    matrix: Any
    before: tuple[int, ...]
    after: tuple[int, ...]

    def apply(self, values: Array) -> Array:
        """(batch, *before) -> (batch, *after)."""
        flat = self.matrix @ values.reshape(len(values), -1).T
        return np.ascontiguousarray(flat.T).reshape(len(values), *self.after)

    def transpose(self, weights: Array) -> Array:
        """Weights of what comes out as weights of what goes in: (batch, *after) -> (batch, *before)."""
        flat = self.matrix.T @ weights.reshape(len(weights), -1).T
        return np.ascontiguousarray(flat.T).reshape(len(weights), *self.before)

    def sizes(self) -> Sparse:
        """The same of absolute values."""
        return Sparse(abs(self.matrix), self.before, self.after)

    def minus(self, other: Sparse) -> Sparse:
        """The difference of two."""
        return Sparse(self.matrix - other.matrix, self.before, self.after)

    def norm(self) -> float:
        """By how much it lengthens a vector, at most: the root of its largest row sum times its largest column sum."""
        sizes = abs(self.matrix)
        sums = (float(np.max(sizes.sum(axis=axis), initial=0.0)) for axis in (0, 1))
        return math.sqrt(math.prod(sums)) * (1.0 + gamma(self.terms + 8))

    @property
    def any(self) -> bool:
        """Whether it is not zero."""
        return bool(np.any(self.matrix.data))

    @property
    def exact(self) -> bool:
        """Whether it only moves values, so that nothing is rounded."""
        return bool(np.all(self.matrix.data == 1)) and bool(np.all(np.diff(self.matrix.indptr) <= 1))

    @property
    def work(self) -> int:
        """Products that it takes to apply it; each takes as long as several of a full matrix."""
        return SLOWER * int(self.matrix.nnz)

    @property
    def terms(self) -> int:
        """How many products are added up, at most, either way."""
        rows = np.diff(self.matrix.indptr).max(initial=0)
        columns = np.bincount(self.matrix.indices, minlength=1).max(initial=0)
        return int(max(rows, columns))


Map = Along | Sparse


def spectral(matrix: Array) -> float:
    """A bound on the largest singular value of a matrix.

    The k-th root of the Frobenius norm of (A A')^k is one, and comes within a few percent for k = 2**SQUARED. What
    rounding takes from a product of two matrices is no more than gamma times their Frobenius norms.
    """
    a = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    whole = float(np.linalg.norm(a)) * (1.0 + gamma(a.size + 8))
    if whole == 0.0 or not np.isfinite(whole) or max(a.size, len(a) ** 2) > LARGE:
        return whole
    return math.sqrt(_largest(a, SQUARED)) * (1.0 + gamma(8))


def _largest(a: Array, times: int) -> float:
    """A bound on the largest eigenvalue of A A'."""
    size = float(np.linalg.norm(a)) * (1.0 + gamma(a.size + 8))
    if times == 0 or size == 0.0:
        return size * size
    # By a power of two, nothing is rounded.
    scale = 2.0 ** math.ceil(math.log2(size))
    a = a / scale
    lost = gamma(a.shape[1] + 8) * (size / scale) ** 2
    return scale**2 * (math.sqrt(_largest(a @ a.T, times - 1)) + lost) * (1.0 + gamma(8))
