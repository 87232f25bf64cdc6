"""What a kernel computes of the units that it reads: their affine forms composed, and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod

import numpy as np

from redundancy.algebra import certain
from redundancy.layers.tracer import precision
from redundancy.network import Array, Node
from redundancy.units import Affine, Basis, Units, settled, summed

LARGEST = 2**26
"""Coefficients that are followed through a layer, at most: beyond, its units are taken as new."""

SPARSE = 4
"""Coefficients a row or column, up to which a product with them is worth doing sparsely."""


def composed(
    node: Node, units: Units, kernel: Array, bias: Array, step: Callable[[Basis, int], Basis], extent: Hashable = None
) -> Affine | None:
    """What the new units compute of the bases of the old; None where that is too much to write down.

    Args:
        node: Whose kernel it is.
        units: That it reads.
        kernel: Shape (window positions, in, out).
        bias: Shape (out,), float64.
        step: (basis, positions) -> the basis that the kernel sees of it.
        extent: That of a map that is padded with zeros, None where it is not.
    """
    width = sum(part.where.shape[0] * part.affine.width for part in units.parts)
    if prod((width, kernel.shape[0], kernel.shape[2])) > LARGEST:
        return None
    n, stored, offset = kernel.shape[2], True, np.asarray(bias, np.float64)
    terms: dict[Basis, Array] = {}
    for part in units.parts:
        piece = laid_out(kernel, part.where)
        for basis in part.affine.terms:
            rows, untouched = _block(piece, part.affine, basis)
            key = step(basis, part.where.shape[0])
            known = terms.get(key)
            terms[key] = rows if known is None else summed(known, rows)
            stored = stored and untouched and known is None
        if np.any(part.affine.offset):
            products = piece.astype(np.float64) * part.affine.offset[:, None]
            seen = settled(products.sum(axis=(1, 2)), np.abs(products).sum(axis=(1, 2))).T
            if extent is not None:
                key = step(("one", extent), 1)
                before = terms.get(key)
                terms[key], stored = seen if before is None else summed(before, seen), False
            else:
                offset = summed(offset, settled(seen.sum(axis=1), np.abs(seen).sum(axis=1)))
    eps = max([precision(node), *(part.affine.eps for part in units.parts)])
    holds = max(part.affine.holds for part in units.parts)
    return Affine(terms, np.ones(n), offset, ("",) * n, eps, stored=stored, holds=holds)


def _block(piece: Array, affine: Affine, basis: Basis) -> tuple[Array, bool]:
    """Coefficients (out, d) that weights (window, position, in, out) give a basis; whether they are the weights."""
    out = piece.shape[3]
    if affine.itself:
        untouched = bool(np.all(affine.gain == 1))
        weights = piece if untouched else piece * affine.gain[:, None]
        return np.moveaxis(weights, 3, 0).reshape(out, -1), untouched
    wide = affine.gained(basis).write(np.arange(len(affine.gain)))
    # Units in a row, so that all windows and positions are one product.
    first = np.moveaxis(piece, 2, 3).astype(np.float64).reshape(-1, len(wide))
    product = _times(first, wide).reshape(*piece.shape[:2], out, -1)
    return np.moveaxis(product, 2, 0).reshape(out, -1), False


def _times(first: Array, wide: Array) -> Array:
    """The product of two matrices, with sums that cancelled set to 0."""
    if np.count_nonzero(wide) > SPARSE * max(wide.shape):
        return settled(first @ wide, np.abs(first) @ np.abs(wide))
    from scipy.sparse import csc_array

    # Most units stand for themselves: a product with zeros is all that a full one would add.
    sparse = csc_array(wide)
    return settled(np.asarray(first @ sparse), np.asarray(np.abs(first) @ abs(sparse)))


def laid_out(kernel: Array, where: Array) -> Array:
    """The weights of each position and unit: (window positions, in, out) -> (window positions, *where.shape, out)."""
    if kernel.shape[1] == where.size and np.array_equal(where.reshape(-1), np.arange(where.size)):
        return kernel.reshape(kernel.shape[0], *where.shape, kernel.shape[2])
    return np.asarray(kernel[:, where])


def kernel_bounds(units: Units, kernel: Array, bias: Array, *, padded: bool) -> tuple[Array, Array]:
    """Interval arithmetic: bounds of the new units from those of the old. Shapes (out,), float64.

    Args:
        units: That the kernel reads.
        kernel: Shape (window positions, in, out).
        bias: Shape (out,).
        padded: The kernel may see a zero in place of any value.
    """
    low, high = np.array(bias, np.float64), np.array(bias, np.float64)
    if all(np.all(part.low == -np.inf) and np.all(part.high == np.inf) for part in units.parts):
        # Nothing is known of what it reads: an output is a constant, or anything.
        known = ~np.any(kernel != 0, axis=(0, 1))
        return np.where(known, low, -np.inf), np.where(known, high, np.inf)
    for part in units.parts:
        least, most = (np.minimum(part.low, 0), np.maximum(part.high, 0)) if padded else (part.low, part.high)
        piece = laid_out(kernel, part.where).astype(np.float64)
        up, down = (np.maximum(piece, 0).sum(axis=(0, 1)), np.minimum(piece, 0).sum(axis=(0, 1)))
        with np.errstate(over="ignore", invalid="ignore"):
            low += _weighed(up, least) + _weighed(down, most)
            high += _weighed(up, most) + _weighed(down, least)
    return certain(low, high)


def _weighed(weights: Array, values: Array) -> Array:
    """`weights.T @ values`, where no weight means nothing even of an infinite value. (n, out), (n,) -> (out,)."""
    finite = np.isfinite(values)
    total = weights.T @ np.where(finite, values, 0.0)
    for infinite in (np.inf, -np.inf):
        reached = weights[values == infinite]
        total = total + np.where(np.any(reached != 0, axis=0), np.sign(reached.sum(axis=0)) * infinite, 0.0)
    return np.asarray(total)
