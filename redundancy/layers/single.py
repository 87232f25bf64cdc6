"""Kernels that read one unit each, such as those of a convolution in as many groups as there are units."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from redundancy.algebra import certain
from redundancy.coefficients import (
    Basis,
    Product,
    Rows,
    Unwritten,
    digests,
    joined,
    marked,
    multiplied,
    norms,
    whole,
)
from redundancy.network import Array
from redundancy.units import Affine, Part, settled, summed


def composed_alone(
    affine: Affine, kernel: Array, bias: Array, step: Callable[[Basis, int], Basis], extent: Hashable, eps: float
) -> Affine:
    """What n new units compute, each of one of those before: as a kernel that is zero elsewhere would have it.

    Args:
        affine: Of the n units before.
        kernel: Shape (window positions, n).
        bias: Shape (n,), float64.
        step: (basis, positions) -> the basis that the kernel sees of it.
        extent: That of a map that is padded with zeros, None where it is not.
        eps: Machine epsilon of the stored weights.
    """
    n, weights = len(affine.gain), kernel.T.astype(np.float64)
    terms: dict[Basis, Rows] = {step(basis, 1): seen(affine.gained(basis), weights) for basis in affine.terms}
    own = affine.alone & np.any(weights * affine.gain[:, None] != 0, axis=1)
    stored, offset = affine.itself and bool(np.all(affine.gain == 1)), np.asarray(bias, np.float64)
    if np.any(affine.offset):
        levels = weights * affine.offset[:, None]
        if extent is None:
            offset = summed(offset, settled(levels.sum(axis=1), np.abs(levels).sum(axis=1)))
        else:
            one, stored = step(("one", extent), 1), False
            before = terms.get(one)
            terms[one] = levels if before is None else summed(whole(before), levels)
            own = None if before is not None else own
    return Affine(terms, np.ones(n), offset, ("",) * n, eps, stored=stored, holds=affine.holds, own=own)


def seen(rows: Array | Unwritten, weights: Array) -> Unwritten:
    """Coefficients at all positions of a window, by which each unit is weighed on its own. Weights (n, window)."""
    shape = (rows.shape[0], weights.shape[1] * rows.shape[1])

    def write(units: Array) -> Array:
        mine = np.asarray(rows[units] if isinstance(rows, np.ndarray) else rows.write(units), np.float64)
        return (weights[units, :, None] * mine[:, None, :]).reshape(len(units), shape[1])

    def times(matrix: Array) -> Product:
        (window, values), columns = (weights.shape[1], rows.shape[1]), matrix.shape[1]
        laid = np.moveaxis(matrix.reshape(window, values, columns), 0, 1)
        inner = multiplied(rows, laid.reshape(values, window * columns))
        total = np.einsum("nw,nwk->nk", weights, inner.values.reshape(*weights.shape, columns))
        return Product(total, norms(weights) * inner.sizes)

    def marks(units: Array) -> list[bytes] | None:
        return joined(digests(weights[units]), marked(rows, units))

    return Unwritten(shape, write, times, marks=marks)


def interval(part: Part, kernel: Array, bias: Array, *, padded: bool) -> tuple[Array, Array]:
    """Bounds of units of which each has a kernel of its own. Kernel (window, n), bias (n,)."""
    low, high = (np.minimum(part.low, 0), np.maximum(part.high, 0)) if padded else (part.low, part.high)
    wide = kernel.astype(np.float64)
    up, down = np.maximum(wide, 0).sum(axis=0), np.minimum(wide, 0).sum(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        return certain(bias + _times(up, low) + _times(down, high), bias + _times(up, high) + _times(down, low))


def _times(weights: Array, values: Array) -> Array:
    """Products, where no weight means nothing even of an infinite value."""
    return np.where(weights == 0, 0.0, weights * np.where(weights == 0, 0.0, values))
