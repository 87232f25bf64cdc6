"""Intervals of arrays, with what rounding can take from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.network import Array

UNIT = 2.0**-53
"""The unit roundoff of float64."""


def gamma(n: float) -> float:
    """Twice the bound n u / (1 - n u) on the relative error of n roundings in a row (Higham, 2002, section 3.1).

    Twice, because the sizes that it is multiplied with are rounded themselves.
    """
    return 2.0 * n * UNIT / (1.0 - n * UNIT)


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Where each value of a tensor lies: low <= value <= high.

    Attributes:
        low, high: Of one shape, float64, infinite where nothing is known.
    """

    low: Array
    high: Array

    @property
    def size(self) -> Array:
        """The largest value by size."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def meet(self, other: Interval) -> Interval:
        """What lies in both; that both hold the value is known."""
        return Interval(np.maximum(self.low, other.low), np.minimum(self.high, other.high))

    def join(self, other: Interval) -> Interval:
        """What holds both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def plus(self, other: Interval) -> Interval:
        """The sum of a value of each."""
        return outward(self.low + other.low, self.high + other.high)

    def minus(self, other: Interval) -> Interval:
        """The difference of a value of each."""
        return outward(self.low - other.high, self.high - other.low)


def outward(low: Array, high: Array) -> Interval:
    """Bounds that were rounded once, as an interval that is sure to hold what they would bound exactly."""
    # Nothing is known where infinite bounds cancelled.
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    return Interval(np.nextafter(low, -np.inf), np.nextafter(high, np.inf))


def outward_unless_zero(low: Array, high: Array) -> Interval:
    """The same, but that a bound of exactly zero stays one: what is computed as nothing is nothing."""
    wide = outward(low, high)
    return Interval(np.where(low == 0, 0.0, wide.low), np.where(high == 0, 0.0, wide.high))


def nowhere(shape: tuple[int, ...]) -> Interval:
    """Exactly zero everywhere."""
    return Interval(np.zeros(shape), np.zeros(shape))


def anywhere(shape: tuple[int, ...]) -> Interval:
    """Of which nothing is known."""
    return Interval(np.full(shape, -np.inf), np.full(shape, np.inf))
