"""What a kernel computes of the units that it reads: their affine forms composed, and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np

from redundancy.algebra import certain
from redundancy.coefficients import BLOCK, Basis, Product, Unwritten, added, digests, multiplied, whole
from redundancy.layers.tracer import precision
from redundancy.network import Array, Node
from redundancy.units import Affine, Units, nothing_known, settled, summed

LARGEST = 2**26
"""Coefficients that are followed through a layer, unless it has as many weights: beyond, what it reads is new to it."""

FEW = 16
"""Units that are looked at first, to see whether bounds are infinite."""

SPARSE = 4
"""Coefficients a row or column, up to which a product with them is worth doing sparsely."""


def composed(
    node: Node, units: Units, kernel: Array, bias: Array, step: Callable[[Basis, int], Basis], extent: Hashable = None
) -> Affine:
    """What the new units compute of the bases of the old; of the old units themselves, where that is too much to write.

    Args:
        node: Whose kernel it is.
        units: That it reads.
        kernel: Shape (window positions, in, out).
        bias: Shape (out,), float64.
        step: (basis, positions) -> the basis that the kernel sees of it.
        extent: That of a map that is padded with zeros, None where it is not.
    """
    width = sum(part.where.shape[0] * part.affine.width for part in units.parts)
    if prod((width, kernel.shape[0], kernel.shape[2])) > max(LARGEST, kernel.size):
        units = _anew(node.inputs[0], units)
    n, stored, offset = kernel.shape[2], True, np.asarray(bias, np.float64)
    blocks: dict[Basis, list[Array | Unwritten]] = {}
    for part in units.parts:
        piece = laid_out(kernel, part.where)
        for basis in part.affine.terms:
            rows, untouched = _block(piece, part.affine, basis)
            same = blocks.setdefault(step(basis, part.where.shape[0]), [])
            same.append(rows)
            stored = stored and untouched and len(same) == 1
        if np.any(part.affine.offset):
            seen = _of_constants(piece, part.affine.offset)
            if extent is not None:
                blocks.setdefault(step(("one", extent), 1), []).append(seen)
                stored = False
            else:
                offset = summed(offset, settled(seen.sum(axis=1), np.abs(seen).sum(axis=1)))
    # What the old units were rounded to is the same for all of the new ones: only their own weights tell them apart.
    eps = precision(node)
    holds = max(part.affine.holds for part in units.parts)
    terms = {basis: same[0] if len(same) == 1 else reduce(added, same) for basis, same in blocks.items()}
    return Affine(terms, np.ones(n), offset, ("",) * n, eps, stored=stored, holds=holds)


def _of_constants(piece: Array, constants: Array) -> Array:
    """What each position of a window makes of constants, sums that cancelled being 0. Shape (out, window positions).

    Args:
        piece: Weights, shape (window positions, positions, in, out).
        constants: Shape (in,).
    """
    windows, out = len(piece), piece.shape[-1]
    flat, level = piece.reshape(windows, -1, out), np.tile(constants, piece.shape[1])
    sums, sizes, step = np.zeros((windows, out)), np.zeros((windows, out)), max(1, BLOCK // max(1, out))
    # Few at a time: in float64, and once more as sizes, a large kernel would be most of the memory.
    for window in range(windows):
        for start in range(0, len(level), step):
            wide, some = flat[window, start : start + step].astype(np.float64), level[start : start + step]
            sums[window] += some @ wide
            sizes[window] += np.abs(some) @ np.abs(wide, out=wide)
    return settled(sums, sizes).T


def _anew(source: str, units: Units) -> Units:
    """The units of a tensor as values that nothing is known of: what is true of all such values is true of theirs."""
    parts = (
        replace(part, affine=nothing_known(("read", source, number), len(part.ids), part.affine.eps))
        for number, part in enumerate(units.parts)
    )
    return replace(units, parts=tuple(parts))


def _block(piece: Array, affine: Affine, basis: Basis) -> tuple[Array | Unwritten, bool]:
    """Coefficients (out, d) that weights (window, position, in, out) give a basis; whether they are the weights."""
    rows, untouched = affine.terms[basis], affine.itself and bool(np.all(affine.gain == 1))
    *places, _, out = piece.shape
    values = len(affine.gain) if rows is None else rows.shape[1]

    def write(chosen: Array) -> Array:
        mine = piece if np.array_equal(chosen, np.arange(out)) else piece[..., chosen]
        if affine.itself:
            product = np.moveaxis(mine if untouched else mine * affine.gain[:, None], 3, 0)
        else:
            product = _through(mine, affine.gained(basis))
        return product.reshape(len(chosen), prod(places) * values)

    def sizes(chosen: Array) -> Array:
        mine = np.abs(piece[..., chosen].astype(np.float64))
        if affine.itself:
            product = np.moveaxis(mine * np.abs(affine.gain[:, None]), 3, 0)
        else:
            product = np.moveaxis(mine, -1, 0) @ np.abs(np.asarray(whole(affine.gained(basis)), np.float64))
        return product.reshape(len(chosen), prod(places) * values)

    def times(matrix: Array) -> Product:
        # Each position of the window and of the map sees the values of the basis: columns of one product.
        many, columns = prod(places), matrix.shape[1]
        seen = np.moveaxis(matrix.reshape(many, values, columns), 0, 1)
        inner = multiplied(affine.gained(basis), seen.reshape(values, many * columns))
        laid = np.moveaxis(inner.values.reshape(len(inner.values), many, columns), 1, 0)
        return _by_blocks(piece.reshape(-1, out), laid.reshape(-1, columns), inner.sizes)

    def marks(chosen: Array) -> list[bytes]:
        return digests(piece.reshape(-1, out)[:, chosen].T)

    return Unwritten((out, prod(places) * values), write, times, marks=marks, sizes=sizes), untouched


def _by_blocks(weights: Array, seen: Array, sizes: Array) -> Product:
    """`weights.T @ seen`, in float64, with few weights converted at a time.

    Args:
        weights: Shape (places * n, out).
        seen: Shape (places * n, k).
        sizes: Of what is seen, of each of the n units at all places. Shape (n,).
    """
    total, squares = np.zeros((weights.shape[1], seen.shape[1])), np.zeros(weights.shape[1])
    step = max(1, BLOCK // max(1, weights.shape[1]))
    with np.errstate(over="ignore"):
        for start in range(0, len(weights), step):
            wide = weights[start : start + step].astype(np.float64)
            total += wide.T @ seen[start : start + step]
            squares += np.einsum("ij,ij->j", wide, wide)
        return Product(total, np.sqrt(squares) * np.linalg.norm(sizes))


def _through(weights: Array, rows: Array | Unwritten) -> Array:
    """Weights (..., n, out) times coefficients (n, d), as (out, ..., d) in float64; sums that cancelled are 0."""
    fold = rows.fold if isinstance(rows, Unwritten) else None
    if fold is None:
        return _times(np.moveaxis(weights, -1, 0), whole(rows))
    product = np.moveaxis(np.take(weights, fold.keep, axis=-2), -1, 0).astype(np.float64, order="C")
    product += 0.0  # -0 becomes 0
    changed = fold.leads
    if len(changed):
        units = np.union1d(fold.keep[changed], fold.dropped[np.any(fold.stated, axis=1)])
        some = np.moveaxis(np.take(weights, units, axis=-2), -1, 0)
        product[..., changed] = _dense(some, fold.rows(units)[:, changed])
    return product


def _times(first: Array, wide: Array) -> Array:
    """The product (..., n) times (n, d) of matrices, in float64, with sums that cancelled set to 0."""
    filled = wide != 0
    if np.count_nonzero(filled) > SPARSE * max(wide.shape):
        return _dense(first, wide)
    # Most units stand for themselves: a product with zeros is all that a full one would add.
    counts, source = np.count_nonzero(filled, axis=0), np.argmax(filled, axis=0)
    product = np.take(first, source, axis=-1).astype(np.float64)
    factor = wide[source, np.arange(wide.shape[1])]
    if np.any(factor != 1):
        product *= factor
    product += 0.0  # -0 becomes 0
    if len(several := np.flatnonzero(counts > 1)):
        rows = np.flatnonzero(np.any(filled[:, several], axis=1))
        product[..., several] = _dense(np.take(first, rows, axis=-1), wide[np.ix_(rows, several)])
    return np.asarray(product)


def _dense(first: Array, wide: Array) -> Array:
    # Units in a row, so that all windows and positions are one product.
    flat = first.astype(np.float64).reshape(-1, len(wide))
    return settled(flat @ wide, np.abs(flat) @ np.abs(wide)).reshape(*first.shape[:-1], wide.shape[1])


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
    if _reaches_all(units, kernel):
        return np.full_like(low, -np.inf), np.full_like(high, np.inf)
    for part in units.parts:
        least, most = (np.minimum(part.low, 0), np.maximum(part.high, 0)) if padded else (part.low, part.high)
        piece, n = laid_out(kernel, part.where), len(least)
        step = max(1, BLOCK * n // max(1, piece.size))
        for some in (slice(start, start + step) for start in range(0, n, step)):
            mine = piece[:, :, some].astype(np.promote_types(np.float32, piece.dtype), copy=False)
            up, down = (pick(mine, 0).sum(axis=(0, 1), dtype=np.float64) for pick in (np.maximum, np.minimum))
            with np.errstate(over="ignore", invalid="ignore"):
                low += _weighed(up, least[some]) + _weighed(down, most[some])
                high += _weighed(up, most[some]) + _weighed(down, least[some])
    return certain(low, high)


def _reaches_all(units: Units, kernel: Array) -> bool:
    """Whether a look at few weights shows that every output is unbounded either way, as behind ReLU."""
    for part in units.parts:
        places = part.where[0, :FEW]
        weights, low, high = kernel[0, places], part.low[:FEW, None], part.high[:FEW, None]
        up = ((weights > 0) & (high == np.inf)) | ((weights < 0) & (low == -np.inf))
        down = ((weights < 0) & (high == np.inf)) | ((weights > 0) & (low == -np.inf))
        if np.all(np.any(up, axis=0)) and np.all(np.any(down, axis=0)):
            return True
    return False


def _weighed(weights: Array, values: Array) -> Array:
    """`weights.T @ values`, where no weight means nothing even of an infinite value. (n, out), (n,) -> (out,)."""
    finite = np.isfinite(values)
    total = weights.T @ np.where(finite, values, 0.0)
    for infinite in (np.inf, -np.inf):
        reached = weights[values == infinite]
        total = total + np.where(np.any(reached != 0, axis=0), np.sign(reached.sum(axis=0)) * infinite, 0.0)
    return np.asarray(total)
