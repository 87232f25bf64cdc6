"""Unit-by-unit measures: arrays in, arrays out."""

from __future__ import annotations

import numpy as np

from redundancy.network import Array

ROUNDING = 1e-12
"""What float64 arithmetic on weights may lose, relative to the norm of a row."""


def cosine(units: Array) -> Array:
    """The signed cosine of every pair of units; 0 with a unit of norm zero.

    Args:
        units: One unit a row. Shape (n, d), any float dtype.

    Returns:
        Shape (n, n), float64, in [-1, 1].
    """
    rows = directions(units)
    return np.asarray(np.clip(rows @ rows.T, -1.0, 1.0))


def lengths(rows: Array) -> Array:
    """The norm of every row, also where squares would overflow or vanish. Shape (n,), float64."""
    wide = np.asarray(rows, np.float64)
    largest = np.max(np.abs(wide), axis=1, initial=0.0)
    return np.asarray(largest * np.linalg.norm(_over(wide, largest), axis=1))


def directions(rows: Array) -> Array:
    """Every row scaled to norm one; rows of zeros stay. Shape (n, d), float64."""
    wide = np.asarray(rows, np.float64)
    # In two steps: the norm of denormal numbers would lose their digits.
    near_one = _over(wide, np.max(np.abs(wide), axis=1, initial=0.0))
    return _over(near_one, np.linalg.norm(near_one, axis=1))


def identical(units: Array) -> Array:
    """Labels of units that are equal, entry for entry; 0 and -0 are.

    Args:
        units: One unit a row. Shape (n, d), any dtype, `ml_dtypes` included: equality needs no arithmetic.

    Returns:
        Shape (n,), int; two units have one label exactly if they are equal.
    """
    # float64 holds every value of the narrower types, and NumPy can sort it.
    return np.asarray(np.unique(np.asarray(units, np.float64), axis=0, return_inverse=True)[1]).reshape(-1)


def alike(rows: Array) -> Array:
    """Labels of rows that are equal but for the rounding of float64 arithmetic.

    Args:
        rows: Shape (n, d).

    Returns:
        Shape (n,), int. Rows of one label differ, in no entry, by more than rounding does of their largest one.
    """
    rows = np.asarray(rows, np.float64)
    labels, size = np.full(len(rows), -1), np.max(np.abs(rows), axis=1, initial=0.0)
    # Equal rows have equal projections: only within runs of those is there anything to compare.
    keys = rows @ np.random.default_rng(0).standard_normal(rows.shape[1])
    order = np.argsort(keys, kind="stable")
    slack = ROUNDING * (1 + rows.shape[1]) * size[order]
    breaks = np.flatnonzero(np.diff(keys[order]) > slack[:-1] + slack[1:]) + 1
    for run in np.split(order, breaks):
        for j in sorted(run.tolist()):
            if labels[j] < 0:
                near = np.max(np.abs(rows[run] - rows[j]), axis=1, initial=0.0) <= ROUNDING * size[j]
                labels[run[near & (labels[run] < 0)]] = j
    return labels


def weighted_cosine(units: Array, covariance: Array) -> Array:
    """The signed cosine of every pair of units as they act on inputs of that covariance.

    It is the correlation of their responses: weights on inputs that never vary count for nothing.

    Args:
        units: Shape (n, d).
        covariance: Of the inputs. Shape (d, d), symmetric and positive semidefinite.
    """
    wide = np.asarray(units, np.float64)
    gram = wide @ covariance @ wide.T
    scale = np.sqrt(np.clip(np.diag(gram), 0.0, None))
    safe = np.where(scale > 0, scale, 1.0)
    return np.clip(gram / safe[:, None] / safe[None, :], -1.0, 1.0) * ((scale > 0)[:, None] & (scale > 0)[None, :])


def parallel(rows: Array, eps: float, *, stored: bool) -> tuple[Array, Array]:
    """Groups of rows that are multiples of each other, of either sign.

    Two rows are parallel if one is the other times a factor, up to the rounding of the numbers they are stored in.
    A factor of 1 or -1 needs no rounding, so there the rows must be equal: twins that differ by one unit in the last
    place are two different rows.

    Args:
        rows: Shape (n, d), any float dtype.
        eps: Machine epsilon of the dtype that the weights are stored in.
        stored: The rows are the stored weights themselves. If not, they were computed from them in float64.

    Returns:
        group: Shape (n,), int; the same number for rows of one group, -1 for rows of zeros.
        factor: Shape (n,), float64; a row is its factor times the first row of its group; 0 for rows of zeros.
    """
    rows = np.asarray(rows, np.float64)
    group, factor = np.full(len(rows), -1), np.zeros(len(rows))
    nonzero = np.flatnonzero(np.any(rows != 0, axis=1))
    found = 0
    for run in _candidates(rows, nonzero, max(4 * eps, 1e-9)):
        members: list[list[int]] = []
        for j in run:
            match = next(((those, s) for those in members if (s := _joins(j, those, rows, factor, eps, stored))), None)
            if match is None:
                members.append([j])
                group[j], factor[j] = found, 1.0
                found += 1
            else:
                match[0].append(j)
                group[j], factor[j] = group[match[0][0]], match[1]
    return group, factor


def _joins(j: int, members: list[int], rows: Array, factor: Array, eps: float, stored: bool) -> float:
    """The factor with which row j joins a group, 0 where it does not.

    Twins that differ in the last place can both be multiples of a third row, as all rows of one number are. They are
    two different rows all the same, so the second one stays out.
    """
    s = _factor(rows[members[0]], rows[j], eps, stored)
    near = [m for m in members if s and abs(abs(s) - abs(factor[m])) <= 4 * eps * abs(s)]
    return s if all(_unit_factor(rows[m], rows[j], stored) for m in near) else 0.0


def _over(rows: Array, divisors: Array) -> Array:
    return np.asarray(rows / np.where(divisors > 0, divisors, 1.0)[:, None])


def _candidates(rows: Array, chosen: Array, gap: float) -> list[list[int]]:
    """Runs of rows whose directions, sign aside, project to almost the same number: the only possible pairs.

    Parallel rows have equal projections on any vector, so sorting by one replaces the comparison of all pairs.
    """
    # The projection must not depend on which rows are asked about, and chance must not repeat their structure.
    sketch = np.random.default_rng(rows.shape[1]).standard_normal(rows.shape[1])
    keys = np.abs(directions(rows[chosen]) @ sketch)
    order = np.argsort(keys, kind="stable")
    breaks = np.flatnonzero(np.diff(keys[order]) > gap * np.linalg.norm(sketch)) + 1
    return [sorted(chosen[part].tolist()) for part in np.split(order, breaks) if len(part)]


def _factor(first: Array, second: Array, eps: float, stored: bool) -> float:
    """The factor s of second = s first, or 0 where there is none."""
    if sign := _unit_factor(first, second, stored):
        return sign
    s = _rounded_factor(first, second, eps) if stored else _fitted_factor(first, second, eps)
    return s if abs(abs(s) - 1.0) > 4 * eps else 0.0


def _unit_factor(first: Array, second: Array, stored: bool) -> float:
    """1 or -1 where the rows are equal or opposite, 0 where they are neither."""
    largest = int(np.argmax(np.abs(first)))
    sign = float(np.sign(first[largest]) * np.sign(second[largest]))
    slack = 0.0 if stored else ROUNDING * np.max(np.abs(first))
    return sign if np.max(np.abs(second - sign * first)) <= slack else 0.0


def _rounded_factor(first: Array, second: Array, eps: float) -> float:
    """S such that `second` is `s first` rounded, entry by entry; 0 where no s does that."""
    if np.any((first == 0) != (second == 0)):
        return 0.0
    a, b = first[first != 0], second[first != 0]
    sign = float(np.sign(a[0]) * np.sign(b[0]))
    if np.any(np.sign(b) != sign * np.sign(a)):
        return 0.0
    half = 0.5 * eps * 2.0 ** (np.frexp(np.abs(b))[1] - 1)
    low, high = np.max((np.abs(b) - half) / np.abs(a)), np.min((np.abs(b) + half) / np.abs(a))
    if low > high * (1 + ROUNDING):
        return 0.0
    return float(sign * 0.5 * (low + high))


def _fitted_factor(first: Array, second: Array, eps: float) -> float:
    # Entries of at most one: their squares neither overflow nor vanish.
    sizes = np.max(np.abs(first)), np.max(np.abs(second))
    a, b = first / sizes[0], second / sizes[1]
    s = float(a @ b / (a @ a))
    return float(s * (sizes[1] / sizes[0])) if np.max(np.abs(b - s * a)) <= 2 * eps else 0.0
