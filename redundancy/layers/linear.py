"""Dense and convolution: layers that read units with weights and make new ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod

import numpy as np

from redundancy.algebra import certain
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer, precision
from redundancy.layers.window import CHANNELS_LAST, channel_axis, slid
from redundancy.network import Array, Node
from redundancy.units import Affine, Basis, Units, settled, summed

LARGEST = 2**26
"""Coefficients that are followed through a layer, at most: beyond, its units are taken as new."""

Step = Callable[[Basis, int], Basis]


def _dense(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    kernel = node.weights["kernel"]
    return _made(node, inputs[0], tracer, kernel[None], len(node.shape) - 1, _at_positions, padded=False)


def _at_positions(basis: Basis, positions: int) -> Basis:
    # A dense layer on single positions is a 1x1 convolution and sees the same values.
    return basis if positions == 1 else ("positions", positions, basis)


def _dense_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (*inputs[0][:-1], node.weights["kernel"].shape[1])


def _conv(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    if node.config["groups"] != 1:
        return tracer.opaque(node, inputs, f"its {node.config['groups']} groups read units in blocks")
    kernel = node.weights["kernel"]
    geometry = tuple((name, node.config[name]) for name in ("strides", "padding", "dilation"))
    window = ("conv", kernel.shape[:2], geometry)
    plain = kernel.shape[:2] == (1, 1) and node.config["strides"] == (1, 1)
    flat = kernel.reshape(-1, *kernel.shape[2:])
    axis = channel_axis(node, len(node.shape))
    return _made(
        node, inputs[0], tracer, flat, axis, lambda basis, _: basis if plain else (window, basis), padded=_padded(node)
    )


def _padded(node: Node) -> bool:
    return bool(node.config["padding"] == "same") and node.weights["kernel"].shape[:2] != (1, 1)


def _conv_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    kernel = node.weights["kernel"]
    return slid(node.config, kernel.shape[:2], node.config["dilation"], inputs[0], kernel.shape[3])


def _made(node: Node, units: Units, tracer: Tracer, kernel: Array, axis: int, step: Step, *, padded: bool) -> Units:
    """The units that a kernel of shape (window positions, in, out) makes of those it reads."""
    n = kernel.shape[2]
    if units.axis != axis or units.size != kernel.shape[1]:
        tracer.pin(units, node.layer, "it reads along another axis than the one its input's units lie on")
        units = tracer.unknown(("along", axis, node.inputs[0]), kernel.shape[1], axis)
    if not tracer.values:
        return tracer.made(node, n, axis)
    low, high = _bounds(node, units, kernel, padded=padded)
    extent = _extent(node, axis, tracer) if padded else None
    return tracer.made(node, n, axis, _composed(node, units, kernel, step, extent), low, high)


def _composed(node: Node, units: Units, kernel: Array, step: Step, extent: Hashable) -> Affine | None:
    """What the new units compute of the bases of the old; None where that is too much to write down.

    The extent is that of a map that is padded with zeros, None where it is not.
    """
    width = sum(
        part.where.shape[0] * (len(part.ids) if rows is None else rows.shape[1])
        for part in units.parts
        for rows in part.affine.terms.values()
    )
    if prod((width, kernel.shape[0], kernel.shape[2])) > LARGEST:
        return None
    n, stored = kernel.shape[2], True
    offset = np.asarray(node.weights.get("bias", np.zeros(n)), np.float64)
    terms: dict[Basis, Array | None] = {}
    for part in units.parts:
        piece = kernel[:, part.where]
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
    wide = affine.gain[:, None] * np.asarray(affine.term(basis), np.float64)
    first = piece.astype(np.float64)
    size = np.tensordot(np.abs(first), np.abs(wide), axes=(2, 0))
    product = settled(np.tensordot(first, wide, axes=(2, 0)), size)
    return np.moveaxis(product, 2, 0).reshape(out, -1), False


def _extent(node: Node, axis: int, tracer: Tracer) -> Hashable:
    """What tells where the border of a map lies: its size, or the map itself where that is not fixed."""
    shape = tracer.shapes[node.inputs[0]]
    spatial = shape[:axis] + shape[axis + 1 :]
    return node.inputs[0] if None in spatial else spatial


def _bounds(node: Node, units: Units, kernel: Array, *, padded: bool) -> tuple[Array, Array]:
    """Interval arithmetic: bounds of the new units from those of the old."""
    bias = np.asarray(node.weights.get("bias", np.zeros(kernel.shape[2])), np.float64)
    low, high = bias.copy(), bias.copy()
    for part in units.parts:
        least, most = (np.minimum(part.low, 0), np.maximum(part.high, 0)) if padded else (part.low, part.high)
        piece = kernel[:, part.where].astype(np.float64)
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


# Units do not ask how a layer is trained, but whoever writes it for training does.
TRAINED_WITH = frozenset({"regularizer"})

register(
    "dense",
    Rule(_dense, _dense_shape, reads={"kernel": 0}, writes={"kernel": 1, "bias": 0}, options=TRAINED_WITH),
)
register(
    "conv",
    Rule(
        _conv,
        _conv_shape,
        reads={"kernel": 2},
        writes={"kernel": 3, "bias": 0},
        axis=channel_axis,
        defaults={"strides": (1, 1), "padding": "valid", "dilation": (1, 1), "groups": 1, **CHANNELS_LAST},
        options=TRAINED_WITH,
        padded=_padded,
    ),
)
