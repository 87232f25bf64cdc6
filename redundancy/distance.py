"""How far the outputs of two models are apart, output by output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redundancy.network import Array

LEAST = 1e-30
"""An output that is nowhere larger counts as being of this size."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far one output of two models is apart.

    Attributes:
        difference: The largest.
        scale: The largest value of that output in the first model, by size.
        noise: What rounding makes of values that cancel.
    """

    difference: float
    scale: float
    noise: float = 0.0

    def within(self, bound: float, relative: float) -> bool:
        """Whether it is no more than a bound, and a part of the output's size."""
        return self.difference <= bound + relative * max(self.scale, LEAST) + self.noise


def distances(first: Sequence[Array], second: Sequence[Array]) -> tuple[Distance, ...]:
    """How far each output is apart from the same of another model."""
    return tuple(Distance(_difference(a, b), largest([a])) for a, b in zip(first, second, strict=True))


def apart(first: Sequence[Array], second: Sequence[Array]) -> float:
    """The largest difference of two lists of outputs."""
    return max(_difference(a, b) for a, b in zip(first, second, strict=True))


def largest(outputs: Sequence[Array]) -> float:
    """The largest output by size, of those that are finite."""
    return max(float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in outputs)


def finite_difference(a: Array, b: Array) -> float:
    """The largest difference of two outputs where both are finite numbers."""
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.max(np.abs(a - b), initial=0.0, where=np.isfinite(a) & np.isfinite(b)))


def _difference(a: Array, b: Array) -> float:
    """The largest difference; where the original is infinite or no number, any other value is infinitely far."""
    return float(np.max(off(a, b), initial=0.0)) if a.shape == b.shape else float("inf")


def off(a: Array, b: Array) -> Array:
    """The difference at each place; infinite where only one is finite, nothing where both are no number."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(a - b))
    return np.where(np.isnan(distance), np.inf, distance)
