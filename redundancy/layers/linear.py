"""Dense and convolution: layers that read units with weights and make new ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod

import numpy as np

from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer, precision
from redundancy.layers.window import CHANNELS_LAST, channel_axis, slid
from redundancy.network import Array, Node
from redundancy.units import Affine, Basis, Units

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
        return tracer.made(node, n, axis)
    if not tracer.values:
        return tracer.made(node, n, axis)
    low, high = _bounds(node, units, kernel, padded=padded)
    return tracer.made(node, n, axis, _composed(node, units, kernel, step, padded=padded), low, high)


def _composed(node: Node, units: Units, kernel: Array, step: Step, *, padded: bool) -> Affine | None:
    """What the new units compute of the bases of the old; None where that is too much to write down."""
    width = sum(
        part.where.shape[0] * part.affine.term(basis).shape[1] for part in units.parts for basis in part.affine.terms
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
            terms[key] = rows if known is None else known + rows
            stored = stored and untouched and known is None
        if np.any(part.affine.offset):
            seen = np.einsum("spno,n->os", piece.astype(np.float64), part.affine.offset)
            if padded:
                key = step(("one", _extent(node)), 1)
                before = terms.get(key)
                terms[key], stored = seen if before is None else before + seen, False
            else:
                offset = offset + seen.sum(axis=1)
    eps = max([precision(node), *(part.affine.eps for part in units.parts)])
    holds = max(part.affine.holds for part in units.parts)
    return Affine(terms, np.ones(n), offset, ("",) * n, eps, stored=stored, holds=holds)


def _block(piece: Array, affine: Affine, basis: Basis) -> tuple[Array, bool]:
    """Coefficients (out, d) that weights (window, position, in, out) give a basis; whether they are the weights."""
    out = piece.shape[3]
    if affine.itself and np.all(affine.gain == 1):
        return np.moveaxis(piece, 3, 0).reshape(out, -1), True
    wide = affine.gain[:, None] * np.asarray(affine.term(basis), np.float64)
    product = np.tensordot(piece.astype(np.float64), wide, axes=(2, 0))
    return np.moveaxis(product, 2, 0).reshape(out, -1), False


def _extent(node: Node) -> Hashable:
    # Where the border lies depends on the size of the map.
    return node.shape


def _bounds(node: Node, units: Units, kernel: Array, *, padded: bool) -> tuple[Array, Array]:
    """Interval arithmetic: bounds of the new units from those of the old."""
    bias = np.asarray(node.weights.get("bias", np.zeros(kernel.shape[2])), np.float64)
    low, high = bias.copy(), bias.copy()
    for part in units.parts:
        least, most = (np.minimum(part.low, 0), np.maximum(part.high, 0)) if padded else (part.low, part.high)
        piece = kernel[:, part.where].astype(np.float64)
        up, down = (np.maximum(piece, 0).sum(axis=(0, 1)), np.minimum(piece, 0).sum(axis=(0, 1)))
        low += _weighed(up, least) + _weighed(down, most)
        high += _weighed(up, most) + _weighed(down, least)
    return low, high


def _weighed(weights: Array, values: Array) -> Array:
    """`weights.T @ values`, where no weight means nothing even of an infinite value. (n, out), (n,) -> (out,)."""
    finite = np.isfinite(values)
    total = weights.T @ np.where(finite, values, 0.0)
    for infinite in (np.inf, -np.inf):
        reached = weights[values == infinite]
        with np.errstate(invalid="ignore"):
            total = total + np.where(np.any(reached != 0, axis=0), np.sign(reached.sum(axis=0)) * infinite, 0.0)
    return np.asarray(total)


register("dense", Rule(_dense, _dense_shape, reads={"kernel": 0}, writes={"kernel": 1, "bias": 0}))
register(
    "conv",
    Rule(
        _conv,
        _conv_shape,
        reads={"kernel": 2},
        writes={"kernel": 3, "bias": 0},
        axis=channel_axis,
        defaults={"strides": (1, 1), "padding": "valid", "dilation": (1, 1), "groups": 1, **CHANNELS_LAST},
        padded=_padded,
    ),
)
