"""Linear maps between tensors: a matrix along the last axis, or a sparse one of all values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redundancy.network import Array

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
