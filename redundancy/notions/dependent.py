"""Linear dependence: a unit that is a linear combination of others, where only linear functions follow."""

from __future__ import annotations

from math import isqrt

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.linalg.lapack import dpotrf

from redundancy.coefficients import TINY, norms
from redundancy.fold import Fold, beside, compose, identity
from redundancy.network import Array
from redundancy.notions.notion import register
from redundancy.similarity import ROUNDING, directions, lengths
from redundancy.sites import Site
from redundancy.units import Affine

DIGITS = 100.0
"""How much larger the rounding of a combination may be than that of the unit it stands for."""

SPARE = 16
"""Columns beside as many as there are rows, at least, that are looked at first for a proof of independence."""

TRIES = 4
"""Bases, the narrowest first, that are asked for a proof, before all is written out."""


def dependent(site: Site) -> Fold:
    """h_j = sum_i k_i h_i + c, by QR with column pivoting (Businger and Golub, 1965) of the effective weights.

    It is complete where looking at pairs is not: three units can depend on each other though no two are alike. Two
    passes: what is exact in float64, such as more units than there are weights; then what is exact but for the
    rounding of the stored weights. The second pass leaves alone a unit that is almost one other unit: unlike a
    combination, which is rounded whenever it is stored, a copy can be stored exactly, and so was not meant. Either
    pass leaves alone a unit whose combination would cost it more than two digits.
    """
    if not site.algebra.linear or site.size < 2 or site.independent:
        return identity(site.size)
    if site.alone is not None and np.any(site.alone):
        return _related(site, np.flatnonzero(~site.alone))
    exactly, nearly = ROUNDING * np.sqrt(site.size), 2 * site.eps
    if _independent_somewhere(site, max(exactly, nearly)):
        return identity(site.size)
    rows = site.rows
    if _apart(rows) or independent(directions(rows), max(exactly, nearly)):
        return identity(site.size)
    exact = _fold(site, exactly, copies=True)
    return compose(exact, _fold(site.take(exact.keep), nearly, copies=False))


def _related(site: Site, units: Array) -> Fold:
    """The same, where only some units can depend on each other: what one unit alone is made of never cancels."""
    fold = dependent(site.take(units))
    if not len(fold.dropped):
        return identity(site.size)
    rest = np.setdiff1d(np.arange(site.size), units)
    return beside([(units, fold), (rest, identity(len(rest)))], site.size)


def independent(unit: Array, tolerance: float) -> bool:
    """Whether a proof is cheap that no pivot of rows of norm one is below a tolerance: that QR would find nothing.

    A pivot of R is no smaller than the smallest singular value. If the Cholesky factorisation of the Gram matrix minus
    s succeeds, the smallest eigenvalue is at least s, but for the rounding of the matrix and of the factorisation, at
    most n d u and n (n + 1) u (Higham, 2002, chapters 3 and 10). Some of the columns can be enough, others only add to
    it: a few more than there are rows are tried first.

    Args:
        unit: Shape (n, d), rows of norm one or less.
        tolerance: For pivots.
    """
    n, d = unit.shape
    for columns in dict.fromkeys((min(d, n + 2 * isqrt(n) + SPARE), min(d, 2 * n), d)):
        if n > columns:
            return False
        some = unit[:, :columns]
        gram = some @ some.T
        rounding = n * (n + columns + 2) * float(np.finfo(np.float64).eps)
        gram[np.diag_indices(n)] -= 4 * tolerance**2 + 2 * rounding
        if dpotrf(gram.T, lower=1, overwrite_a=1)[1] == 0:
            return True
    return False


def _independent_somewhere(site: Site, tolerance: float) -> bool:
    """The same for what the units make of several bases, if what they make of one proves it: no other is written out.

    Scaled by their whole norms, some columns of the rows have no larger singular values than all of them; scaled by
    norms of their own, at most as many times larger as a bound on the whole norm is. Columns of zeros add nothing:
    what is left of units behind a function are often rows of one entry, each in its own column.
    """
    affine, units = site.coefficients, np.arange(site.size) if site.lines is None else site.lines
    if not isinstance(affine, Affine) or len(affine.terms) < 2:
        return False
    gain = np.ones(site.size) if site.gain is None else np.abs(site.gain)
    largest = gain * affine.sizes()[units]
    wide_enough = [basis for basis in affine.terms if affine.extent(basis) >= site.size]
    for basis in sorted(wide_enough, key=affine.extent)[:TRIES]:
        block = np.asarray(affine.term(basis, units), np.float64)
        some = gain[:, None] * block[:, np.any(block, axis=0)]
        own = norms(some)
        if not np.all((own > TINY) & np.isfinite(largest)):
            continue
        if independent(some / own[:, None], tolerance * float(np.max(largest / own))):
            return True
    return False


def _apart(rows: Array) -> bool:
    """Whether every row has one entry, in a column of its own: as behind a function, where units are new values."""
    if rows.shape[1] < len(rows) or np.any(np.count_nonzero(rows[: len(rows), : 4 * len(rows)], axis=1) > 1):
        return False
    filled = rows != 0
    return bool(np.all(filled.sum(axis=1) == 1) and np.all(filled.sum(axis=0) <= 1))


def _fold(site: Site, tolerance: float, *, copies: bool) -> Fold:
    sizes, unit = lengths(site.rows), directions(site.rows)
    keep, into = _combinations(unit, tolerance)
    with np.errstate(over="ignore"):
        ratios = sizes[:, None] / np.where(sizes[keep] > 0, sizes[keep], 1.0)
        shift = np.abs(site.offset) / np.where(sizes > 0, sizes, 1.0)
    spared = _drowned(into, keep, shift) | ~np.isfinite(ratios).all(axis=1)
    spared |= _unexplained(unit, keep, into, 2 * tolerance)
    if not copies:
        spared |= _copied(into, site.eps)
    keep, into = _without(keep, into, spared)
    into = into * sizes[:, None] / np.where(sizes[keep] > 0, sizes[keep], 1.0)
    into[keep] = np.eye(len(keep))
    offset = site.offset - into @ site.offset[keep]
    offset[keep] = 0.0
    gone = np.setdiff1d(np.arange(site.size), keep)
    return Fold(keep, into, offset, tuple("dependent" if j in gone else "" for j in range(site.size)))


def _combinations(unit: Array, tolerance: float) -> tuple[Array, Array]:
    """Rows that span all the others within the tolerance, and every row in terms of them. (k,), (n, k)."""
    r, order = qr(unit.T, mode="r", pivoting=True)
    pivots = np.abs(np.diag(r))
    rank = int(np.sum(pivots > tolerance))
    coefficients = solve_triangular(r[:rank, :rank], r[:rank, rank:]) if rank else np.zeros((0, len(unit)))
    into = np.zeros((len(unit), rank))
    into[order[:rank]] = np.eye(rank)
    into[order[rank:]] = coefficients.T
    increasing = np.argsort(order[:rank])
    return order[:rank][increasing], into[:, increasing]


def _drowned(into: Array, keep: Array, shift: Array) -> Array:
    """Rows that the rounding of the units that they are stated in would drown. Shape (n,), bool.

    A unit of weight 1e-6 and bias 1 is stored to seven digits, of which one is left of its weight. `shift` is the
    size of each unit's constant part, relative to its variable part.
    """
    size = np.hypot(1.0, shift)
    return np.asarray(np.sqrt(into**2 @ size[keep] ** 2) > DIGITS * size)


def _unexplained(unit: Array, keep: Array, into: Array, tolerance: float) -> Array:
    """Rows with an entry, however small, that is further from the combination than rounding takes it. Shape (n,), bool.

    An entry that is tiny beside the others decides all the same where the others meet inputs of zero.
    """
    rounding = tolerance * (np.abs(unit) + np.abs(into) @ np.abs(unit[keep]))
    return np.asarray(np.any(np.abs(unit - into @ unit[keep]) > rounding, axis=1))


def _copied(into: Array, eps: float) -> Array:
    """Rows that are one kept row, of either sign, but for rounding. Shape (n,), bool."""
    largest = np.max(np.abs(into), axis=1, initial=0.0)
    rest = np.abs(into).sum(axis=1) - largest
    near = min(64 * eps, 0.125)  # of bfloat16, 64 times its rounding is half of everything
    return np.asarray((np.abs(largest - 1.0) <= near) & (rest <= near))


def _without(keep: Array, into: Array, spared: Array) -> tuple[Array, Array]:
    """The same, with some rows kept after all."""
    wider = np.union1d(keep, np.flatnonzero(spared))
    result = np.zeros((len(into), len(wider)))
    result[:, np.searchsorted(wider, keep)] = into
    result[wider] = np.eye(len(wider))
    return wider, result


register("dependent", dependent)
