"""Lines above and below a function of one unit, and above and below the difference of two of its values.

A function whose slopes lie in [m, M] lies below the line of slope m through its right end, and below that of slope M
through its left end. A difference f(z + d) - f(z) lies between m d and M d: between the chords of min(m d, M d) and
max(m d, M d). For ReLU these are the lines of CROWN (Zhang et al., 2018) and DeepPoly (Singh et al., 2019), and of
VeryDiff (Teuber et al., 2024) for the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.algebra import Algebra
from redundancy.bounds.intervals import UNIT, Interval, outward, outward_unless_zero
from redundancy.functions import sigmoid
from redundancy.network import Array

BROKEN = frozenset({"relu", "leaky_relu", "linear"})
"""Functions of straight pieces, which are computed without rounding but that of one product."""

LOST = 32.0 * UNIT
"""What the others lose to rounding, relative to their value, their argument and one."""

CURVED = 16.0 * UNIT
"""By how much a slope is off, absolutely, where it is computed."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """`d * difference + z * value + level`, elementwise.

    Attributes:
        d: Its factor of the difference.
        z: Its factor of the first network's value.
        level: Its constant, rounded outward.
    """

    d: Array
    z: Array
    level: Array


def slopes(config: dict[str, object], algebra: Algebra, over: Interval) -> tuple[Array, Array]:
    """The least and the largest slope of a function over intervals; infinite where it may jump."""
    low, high = over.low, over.high
    name = algebra.name
    if algebra.linear:
        return np.ones(low.shape), np.ones(low.shape)
    if name in ("relu", "leaky_relu") and "max_value" not in config and "threshold" not in config:
        below = float(config.get("negative_slope", 0.2 if name == "leaky_relu" else 0.0))  # type: ignore[arg-type]
        least, most = min(below, 1.0), max(below, 1.0)
        return (
            np.where(low >= 0, 1.0, np.where(high <= 0, below, least)),
            np.where(low >= 0, 1.0, np.where(high <= 0, below, most)),
        )
    if name in _DERIVATIVES:
        slope, nearest = _DERIVATIVES[name], np.clip(0.0, low, high)
        ends = slope(low), slope(high), slope(nearest)
        return np.maximum(np.minimum(*ends[:2]) - CURVED, 0.0), np.maximum.reduce(ends) + CURVED
    least = 0.0 if algebra.monotone else -algebra.lipschitz
    return np.full(low.shape, least), np.full(low.shape, algebra.lipschitz)


def _tanh_slope(z: Array) -> Array:
    return np.asarray(1.0 - np.tanh(z) ** 2)


def _sigmoid_slope(z: Array) -> Array:
    return np.asarray(sigmoid(z) * sigmoid(-z))


# Each is largest at 0, and falls to both sides (softplus: rises throughout, so that 0 lies between its ends).
_DERIVATIVES = {"tanh": _tanh_slope, "sigmoid": _sigmoid_slope, "softplus": sigmoid}


def value_lines(algebra: Algebra, over: Interval, steep: tuple[Array, Array]) -> tuple[Line, Line, Interval]:
    """A line below and a line above f(z) for z in intervals, and where f(z) lies.

    Args:
        algebra: Of the function.
        over: Where z lies.
        steep: The least and the largest slope there.
    """
    with np.errstate(all="ignore"):
        least, most = algebra.bounds(over.low, over.high)
        start, end = (algebra.function(np.clip(z, -1e300, 1e300)) for z in (over.low, over.high))
        lost = [_lost(algebra, f, z) for f, z in ((start, over.low), (end, over.high))]
        image = outward(least - np.fmax(lost[0], lost[1]), most + np.fmax(lost[0], lost[1]))
        m, M = steep
        above = [
            _through(m, over.high, end + lost[1], 1),
            _through(M, over.low, start + lost[0], 1),
            _level(image.high),
        ]
        below = [
            _through(m, over.low, start - lost[0], -1),
            _through(M, over.high, end - lost[1], -1),
            _level(image.low),
        ]
        if algebra.name in ("relu", "leaky_relu"):
            above.append(_chord(over, start, end))
    center = _center(over)
    zero = np.zeros(over.low.shape)
    return _nearest(below, zero, center, -1), _nearest(above, zero, center, 1), image


def _lost(algebra: Algebra, value: Array, z: Array) -> Array:
    """How far a value that was computed can be off."""
    if algebra.name in BROKEN:
        return 2.0 * UNIT * np.abs(value)
    return np.asarray(LOST * (np.abs(value) + np.abs(z) + 1.0))


def _center(over: Interval) -> Array:
    """Something inside each interval, the middle if it has one."""
    low, high = np.clip(over.low, -1e300, 1e300), np.clip(over.high, -1e300, 1e300)
    return np.asarray(0.5 * low + 0.5 * high)


def _through(slope: Array, z: Array, value: Array, side: int) -> Line:
    """The line of some slope through a point, moved outward by more than its own rounding."""
    level = value - slope * z
    level = level + side * 8 * UNIT * (np.abs(value) + np.abs(slope * z))
    return Line(np.zeros(np.shape(z)), slope, level)


def _level(level: Array) -> Line:
    return Line(np.zeros(level.shape), np.zeros(level.shape), level)


def _chord(over: Interval, start: Array, end: Array) -> Line:
    """Above a convex function."""
    slope = (end - start) / (over.high - over.low)
    lines = [_through(slope, over.low, start, 1), _through(slope, over.high, end, 1)]
    return Line(lines[0].d, slope, np.maximum(lines[0].level, lines[1].level))


def _nearest(lines: list[Line], d: Array, z: Array, side: int) -> Line:
    """Of several lines above (side 1) or below (side -1), that which is nearest at a point; unit by unit."""
    with np.errstate(all="ignore"):
        heights = np.stack([side * (_times(line.d, d) + _times(line.z, z) + line.level) for line in lines])
        usable = np.stack([np.isfinite(line.d) & np.isfinite(line.z) & ~np.isnan(line.level) for line in lines])
    best = np.argmin(np.where(usable & ~np.isnan(heights), heights, np.inf), axis=0)
    pick = [np.choose(best, [getattr(line, name) for line in lines]) for name in ("d", "z", "level")]
    # Where no line is known, nothing is: a level line at infinity.
    known = np.take_along_axis(usable, best[None], axis=0)[0]
    return Line(np.where(known, pick[0], 0.0), np.where(known, pick[1], 0.0), np.where(known, pick[2], side * np.inf))


def _times(a: Array, b: Array) -> Array:
    return np.where((a == 0) | (b == 0), 0.0, a * b)


def difference_lines(
    steep: tuple[Array, Array],
    first: tuple[Interval, Line, Line, Interval],
    second: tuple[Line, Line, Interval],
    apart: Interval,
) -> tuple[Line, Line, Interval]:
    """A line below and a line above f(z + d) - f(z), and where it lies.

    Args:
        steep: The least and the largest slope of f where z and z + d lie.
        first: Where z lies, the lines below and above f(z), and where that lies.
        second: The same of z + d.
        apart: Where d lies.
    """
    z, z_below, z_above, z_image = first
    w_below, w_above, w_image = second
    d, (m, M) = apart, steep
    with np.errstate(all="ignore"):
        ends = [(np.fmin(_times(m, e), _times(M, e)), np.fmax(_times(m, e), _times(M, e))) for e in (d.low, d.high)]
        # A function that also falls moves furthest at either end, whichever way.
        low, high = np.fmin(ends[0][0], ends[1][0]), np.fmax(ends[0][1], ends[1][1])
        image = outward_unless_zero(low, high).meet(apart_images(w_image, z_image))
        above = [_secant(d, ends[0][1], ends[1][1], M, 1), _level(image.high), _minus(w_above, z_below, 1)]
        below = [_secant(d, ends[0][0], ends[1][0], M, -1), _level(image.low), _minus(w_below, z_above, -1)]
    point = _center(d), _center(z)
    return _nearest(below, *point, -1), _nearest(above, *point, 1), image


def astray(line: Line, steep: tuple[Array, Array]) -> Array:
    """How far f(z + d) - f(z) lies from a line in d alone, its level left out, as a multiple of |d|."""
    m, M = steep
    with np.errstate(invalid="ignore"):
        far = np.maximum(np.maximum(M - line.d, line.d - m), 0.0) * (1.0 + 4 * UNIT)
    return np.where((line.z == 0) & ~np.isnan(far), far, np.inf)


def apart_images(second: Interval, first: Interval) -> Interval:
    """The difference of two values of which only this is known."""
    with np.errstate(invalid="ignore"):
        return second.minus(first)


def _secant(d: Interval, start: Array, end: Array, slope: Array, side: int) -> Line:
    """The chord over the interval of d; for a convex function above it (side 1), for a concave one below."""
    width = d.high - d.low
    factor = np.where(width > 0, (end - start) / np.where(width > 0, width, 1.0), slope)
    lines = [_through(factor, e, value, side).level for e, value in ((d.low, start), (d.high, end))]
    level = np.maximum(*lines) if side > 0 else np.minimum(*lines)
    return Line(factor, np.zeros(factor.shape), level)


def _minus(second: Line, first: Line, side: int) -> Line:
    """A line of z + d less one of z."""
    level = second.level - first.level
    level = level + side * 4 * UNIT * (np.abs(second.level) + np.abs(first.level))
    # The factor of z is rounded itself: below half a unit in the last place of a number of the size of its parts.
    return Line(second.z, second.z - first.z, level)
