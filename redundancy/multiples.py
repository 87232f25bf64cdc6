"""Groups of rows that are exact multiples of each other, but for the rounding of the numbers they are stored in."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from hashlib import blake2b
from itertools import islice

import numpy as np

from redundancy.neighbours import projections, rounds, runs
from redundancy.network import Array
from redundancy.similarity import ROUNDING
from redundancy.sketches import BUFFER

LEADERS = 256
"""Rows that others are compared with, at most, among those that are all within a few roundings of each other."""

FEW = 8
"""Rows that are compared right away."""

SKETCH = 8
"""Random vectors by which rows are judged before they are compared."""

COARSEST = 1e-3
"""The widest gap between rows of norm one, in a random direction, that tells any of them apart."""

_PREFIX = 16  # columns that tell most pairs apart


def parallel(rows: Array, eps: float, *, stored: bool, sizes: Array | None = None) -> tuple[Array, Array]:
    """Groups of rows that are multiples of each other, of either sign.

    Two rows are parallel if one is the other times a factor, up to the rounding of the numbers they are stored in.
    A factor of 1 or -1 needs no rounding, so there the rows must be equal: twins that differ by one unit in the last
    place are two different rows.

    Parallel rows have equal projections on any vector, so that sorting by a few replaces the comparison of all pairs.
    Time grows as n d + n log n. Rows that are within a few roundings of each other and yet no multiples are compared
    in pairs, as a whole with the first `LEADERS` of them: what is beyond may be missed, but for equal rows.

    Args:
        rows: Shape (n, d), any float dtype; read in blocks, never copied whole.
        eps: Machine epsilon of the dtype that the weights are stored in.
        stored: The rows are the stored weights themselves. If not, they were computed from them in float64.
        sizes: Of computed rows, what each entry would be if everything that was added up in it had one sign, by which
            rounding is told; the entries themselves if not given. Shape (n, d), float64.

    Returns:
        group: Shape (n,), int; the same number for rows of one group, -1 for rows of zeros.
        factor: Shape (n,), float64; a row is its factor times the first row of its group; 0 for rows of zeros.
    """
    said = None if stored else np.abs(np.asarray(rows, np.float64)) if sizes is None else sizes
    keys, norms = projections(rows)
    run = np.where(norms > 0, runs(np.abs(keys), slack_of(eps)), -1)
    if stored:
        run = _by_signs(rows, run)
    first, sign = _equal(rows, run)
    leader, factor = np.arange(len(rows)), np.ones(len(rows))
    for leaders, others in islice(rounds(np.where(first == leader, run, -1), leader), LEADERS):
        found = _factors(rows, leaders, others, eps, said)
        for k in _joining(rows, leaders, others, found, eps, said):
            leader[others[k]], factor[others[k]] = leaders[k], found[k]
    # A row that is equal or opposite to another one is in its group.
    return np.where(run < 0, -1, leader[first]), np.where(run < 0, 0.0, sign * factor[first])


def likely(values: Array, sizes: Array, width: int, eps: float) -> Array:
    """Runs of rows that may be multiples of each other, by their products with a few random vectors: most are alone.

    The products of two multiples, scaled to norm one, differ by no more than the rounding that is allowed to multiples,
    and that of the products. Where a gap of that size tells nothing, all are in one run.

    Args:
        values: Shape (n, k): rows times vectors of norm one.
        sizes: A bound on their norm if everything that was added up in them had one sign. Shape (n,), none 0.
        width: How long the rows are.
        eps: Machine epsilon of the dtype that the weights are stored in.

    Returns:
        Label of the run of each row. Shape (n,), int.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        length = np.linalg.norm(values, axis=1)
        # What a row has in k of d random directions is about k / d of its square; roundings differ in sign as well.
        gap = 2 * slack_of(eps) * max(1.0, width / values.shape[1]) ** 0.5
        gap += 2 * ROUNDING * float(np.max(sizes / length, initial=0.0))
        keys = np.abs(values / length[:, None])
    return runs(keys, gap) if gap <= COARSEST else np.zeros(len(values), dtype=np.intp)


def slack_of(eps: float) -> float:
    """How far projections of parallel rows can be apart, relative to their norm.

    Args:
        eps: Machine epsilon of the dtype that the weights are stored in.
    """
    return max(4 * eps, 1e-9)


def _by_signs(rows: Array, run: Array) -> Array:
    """Runs of rows whose entries have the same signs, or all the opposite ones, as stored multiples have."""
    return _split(rows, run, lambda row: np.sign(row).astype(np.int8), FEW)


def _equal(rows: Array, run: Array) -> tuple[Array, Array]:
    """The first row that each row is equal or opposite to, entry for entry; and 1 or -1. Shapes (n,)."""
    # What is alone with one other is compared with it anyway.
    kinds = _split(rows, run, lambda row: row, 2)
    first = np.unique(kinds, return_index=True, return_inverse=True)
    leader = np.where(run < 0, np.arange(len(rows)), first[1][first[2].reshape(-1)])
    others = np.flatnonzero(leader != np.arange(len(rows)))
    sign = np.ones(len(rows))
    sign[others] = _by_pairs(lambda a, b: _unit_factors(a, b), leader[others], others, rows)
    # Digests can be equal by chance.
    return np.where(sign == 0, np.arange(len(rows)), leader), np.where(sign == 0, 1.0, sign)


def _split(rows: Array, run: Array, aspect: Callable[[Array], Array], few: int = 1) -> Array:
    """Runs of rows that share an aspect as well, whatever their sign; rows in no run have -1. Shape (n,), int.

    Runs of so few rows stay as they are.
    """
    labels = np.unique(run, return_inverse=True)[1].reshape(-1)
    split = np.where(run < 0, -1, len(rows) + labels)
    kinds: dict[tuple[int, bytes], int] = {}
    for row in np.flatnonzero((np.bincount(labels)[labels] > few) & (run >= 0)).tolist():
        values = np.asarray(rows[row], np.float64)
        values = values * np.sign(values[np.argmax(values != 0)]) + 0.0  # -0 becomes 0
        key = int(run[row]), blake2b(aspect(values).tobytes(), digest_size=16).digest()
        split[row] = kinds.setdefault(key, len(kinds))
    return np.asarray(split)


def _joining(rows: Array, leaders: Array, others: Array, found: Array, eps: float, sizes: Array | None) -> list[int]:
    """Which of the rows that are multiples of their leader join its group.

    Twins that differ in the last place can both be multiples of a third row, as all rows of one number are. They are
    two different rows all the same, so the second one stays out.
    """
    members: dict[int, list[tuple[float, int]]] = {}
    joining = []
    for k in np.flatnonzero(found).tolist():
        size = abs(float(found[k]))
        group = members.setdefault(int(leaders[k]), [(1.0, int(leaders[k]))])
        least, most = (bisect_left(group, (size * (1 + side * 4 * eps), 0)) for side in (-1, 1))
        near = np.array([member for _, member in group[least:most]], dtype=np.intp)
        # Stored rows that are equal were set aside before.
        if len(near) and (sizes is None or not np.all(_alike(rows, near, int(others[k]), sizes))):
            continue
        insort(group, (size, int(others[k])))
        joining.append(k)
    return joining


def _alike(rows: Array, near: Array, row: int, sizes: Array) -> Array:
    return _by_pairs(_computed_unit_factors, near, np.full(len(near), row), rows, sizes)


def _factors(rows: Array, leaders: Array, others: Array, eps: float, sizes: Array | None) -> Array:
    """The factor s of each pair, others = s leaders; 0 where there is none. Shape (m,)."""

    def apart(unit: Array, s: Array) -> Array:
        return np.where(unit != 0, unit, np.where(np.abs(np.abs(s) - 1.0) > 4 * eps, s, 0.0))

    def computed(a: Array, b: Array, size_a: Array, size_b: Array) -> Array:
        return apart(_computed_unit_factors(a, b, size_a, size_b), _fitted_factors(a, b, size_a, size_b, eps))

    if sizes is not None:
        return _by_pairs(computed, leaders, others, rows, sizes)
    found = np.zeros(len(leaders))
    begins = _by_pairs(lambda a, b: _rounded_factors(a, b, eps), leaders, others, rows[:, :_PREFIX])
    likely = np.flatnonzero(begins)
    found[likely] = _by_pairs(
        lambda a, b: apart(_unit_factors(a, b), _rounded_factors(a, b, eps)), leaders[likely], others[likely], rows
    )
    return found


def _by_pairs(judge: Callable[..., Array], first: Array, second: Array, *tables: Array) -> Array:
    """Judges pairs of rows, some at a time: two arguments a table, each (m, d), float64 -> (m,), float64."""
    step = max(1, BUFFER // 4 // max(1, tables[0].shape[1]))
    parts = [slice(start, start + step) for start in range(0, len(first), step)]
    judged = [
        judge(*(np.asarray(table[i[part]], np.float64) for table in tables for i in (first, second))) for part in parts
    ]
    return np.concatenate(judged) if judged else np.zeros(0)


def _unit_factors(first: Array, second: Array, off: Array | float = 0.0) -> Array:
    """1 or -1 where rows are equal or opposite but for what each entry may be off, 0 where they are neither. (m,)."""
    largest = np.argmax(np.abs(first), axis=1)[:, None]
    sign = np.sign(np.take_along_axis(first, largest, axis=1)) * np.sign(np.take_along_axis(second, largest, axis=1))
    same = np.all(np.abs(second - sign * first) <= off, axis=1)
    return np.asarray(np.where(same, sign[:, 0], 0.0))


def _computed_unit_factors(first: Array, second: Array, size_first: Array, size_second: Array) -> Array:
    """The same of computed rows, whose entries are off by roundings of all that was added up in them."""
    return _unit_factors(first, second, ROUNDING * np.maximum(size_first, size_second))


def _rounded_factors(first: Array, second: Array, eps: float) -> Array:
    """S such that `second` is `s first` rounded, entry by entry; 0 where no s does that. Shape (m,)."""
    largest = np.argmax(np.abs(first), axis=1)[:, None]
    sign = np.sign(np.take_along_axis(first, largest, axis=1)) * np.sign(np.take_along_axis(second, largest, axis=1))
    signs_fit = np.all(np.sign(second) == sign * np.sign(first), axis=1)
    a, b = np.abs(first), np.abs(second)
    half = 0.5 * eps * 2.0 ** (np.frexp(b)[1] - 1)
    low = np.max(np.divide(b - half, a, out=np.full_like(a, -np.inf), where=a > 0), axis=1)
    high = np.min(np.divide(b + half, a, out=np.full_like(a, np.inf), where=a > 0), axis=1)
    with np.errstate(invalid="ignore"):
        fits = signs_fit & (low <= high * (1 + ROUNDING))
        return np.where(fits, sign[:, 0] * 0.5 * (low + high), 0.0)


def _fitted_factors(first: Array, second: Array, size_first: Array, size_second: Array, eps: float) -> Array:
    """The least squares factor where it explains every entry, 0 elsewhere. Shape (m,).

    An entry may be off by the rounding of all that was added up in it: of the stored numbers, and of the sum. By the
    largest entry of the row it may not be: a column of small entries can belong to large values.
    """
    # Entries of at most one: their squares neither overflow nor vanish.
    peaks = [np.max(np.abs(rows), axis=1, keepdims=True) for rows in (first, second)]
    a, b = first / peaks[0], second / peaks[1]
    s = np.einsum("ij,ij->i", a, b)[:, None] / np.einsum("ij,ij->i", a, a)[:, None]
    off = max(2 * eps, ROUNDING) * np.maximum(np.abs(s) * size_first / peaks[0], size_second / peaks[1])
    fits = np.all(np.abs(b - s * a) <= off, axis=1)
    return np.asarray(np.where(fits, (s * (peaks[1] / peaks[0]))[:, 0], 0.0))
