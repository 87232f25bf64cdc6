"""What is known of a tensor in two networks at once, and linear functions of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.bounds.intervals import Interval, gamma
from redundancy.network import Array


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """What is known of one tensor in both networks.

    Attributes:
        first: Where the first network's values lie.
        second: Where the second's lie.
        apart: Where second - first lies.
        norm: A bound on the Euclidean norm of second - first, all of its values together.
    """

    first: Interval
    second: Interval
    apart: Interval
    norm: float = np.inf

    @property
    def length(self) -> float:
        """The same, where the bounds of the values may say more."""
        return min(self.norm, euclidean(self.apart.size))

    def closer(self) -> Both:
        """The same, where each says what it does of the others."""
        apart = self.apart.meet(self.second.minus(self.first))
        apart = apart.meet(Interval(np.full_like(apart.low, -self.norm), np.full_like(apart.high, self.norm)))
        second = self.second.meet(self.first.plus(apart))
        return Both(self.first.meet(second.minus(apart)), second, apart, self.norm)


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights of a tensor's values in linear bounds, one bound a row.

    Attributes:
        apart: Of second - first. Shape (rows, *shape).
        first: Of the first network's values; None for none.
    """

    apart: Array
    first: Array | None

    def plus(self, other: Weights) -> Weights:
        """The sum of both."""
        if self.first is None or other.first is None:
            return Weights(self.apart + other.apart, other.first if self.first is None else self.first)
        return Weights(self.apart + other.apart, self.first + other.first)

    def most(self, both: Both) -> tuple[Array, Array]:
        """The largest value of each row, and the sum of the sizes of its terms. Shapes (rows,)."""
        value, size = _most(self.apart, both.apart)
        value = np.fmin(value, lengths(self.apart, both.length))
        if self.first is not None:
            more, larger = _most(self.first, both.first)
            value, size = value + more, size + larger
        return value, size


def lengths(weights: Array, length: float) -> Array:
    """What weights can make of values of some Euclidean norm, by Cauchy's inequality. (rows, ...) -> (rows,)."""
    flat = weights.reshape(len(weights), -1)
    if not np.isfinite(length):
        return np.full(len(flat), np.inf)
    return np.asarray(np.linalg.norm(flat, axis=1) * length * (1.0 + gamma(flat.shape[1] + 4)))


def euclidean(values: Array) -> float:
    """The Euclidean norm of all values, rounded up."""
    return float(np.linalg.norm(values.reshape(-1))) * (1.0 + gamma(values.size + 4))


def _most(weights: Array, over: Interval) -> tuple[Array, Array]:
    flat = weights.reshape(len(weights), -1)
    return (
        product(np.maximum(flat, 0.0), over.high) + product(np.minimum(flat, 0.0), over.low),
        product(np.abs(flat), over.size),
    )


def product(weights: Array, values: Array) -> Array:
    """`weights @ values`, where no weight means nothing even of an infinite value. (rows, n), (...) -> (rows,)."""
    values = values.reshape(-1)
    finite = np.isfinite(values)
    if np.all(finite):
        return np.asarray(weights @ values)
    total = weights[:, finite] @ values[finite]
    with np.errstate(invalid="ignore"):
        endless = weights[:, ~finite] * values[~finite]
    return np.asarray(total + np.where(weights[:, ~finite] == 0, 0.0, endless).sum(axis=1))
