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
    sizes = np.sqrt(np.einsum("ij,ij->i", near_one, near_one))
    near_one /= np.where(sizes > 0, sizes, 1.0)[:, None]
    return near_one


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


def _over(rows: Array, divisors: Array) -> Array:
    return np.asarray(rows / np.where(divisors > 0, divisors, 1.0)[:, None])
