"""Depthwise convolution: each unit passes on its own, as one map or several."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from math import prod

import numpy as np

from redundancy.coefficients import Basis, Rows
from redundancy.layers.linear import TRAINED_WITH, WINDOW, border
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.single import interval, seen
from redundancy.layers.tracer import Tracer, precision
from redundancy.layers.window import channel_axis, slid
from redundancy.network import Array, Node
from redundancy.units import Affine, Part, Units, lonely, stacked, summed


def _trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, kernel = inputs[0], node.weights["kernel"]
    *_, n, many = kernel.shape
    axis = channel_axis(node, len(node.shape))
    if units.axis != axis or units.size != n:
        return tracer.opaque(node, inputs, "it reads along another axis than the one its input's units lie on")
    flat = kernel.reshape(-1, n, many)
    bias = np.asarray(node.weights.get("bias", np.zeros(n * many)), np.float64).reshape(n, many)
    extent = border(node, axis, tracer) if _padded(node) else None
    parts = [_passed(node, part, flat, bias, number, tracer, extent) for number, part in enumerate(units.parts)]
    return Units(tuple(parts), axis)


def _passed(node: Node, part: Part, kernel: Array, bias: Array, number: int, tracer: Tracer, extent: Hashable) -> Part:
    """The units of a part, each laid out over the maps that it becomes."""
    many = kernel.shape[2]
    where = (part.where[:, None] * many + np.arange(many)[:, None]).reshape(-1, part.where.shape[1])
    if not tracer.values:
        return replace(part, where=where)
    places = [(kernel[:, row, k], bias[row, k]) for row in part.where for k in range(many)]
    bounds = [interval(part, weights, shift, padded=extent is not None) for weights, shift in places]
    low, high = np.min([low for low, _ in bounds], axis=0), np.max([high for _, high in bounds], axis=0)
    step = ("depthwise", node.weights["kernel"].shape[:-2], tuple(sorted(node.config.items(), key=repr)))
    basis = ("value", node.name, number)
    if part.affine.itself:
        affine = lonely(
            part.affine, [_scales(part.affine, *place, padded=extent is not None) for place in places], basis
        )
    else:
        eps = max(part.affine.eps, precision(node))
        forms = [_form(part.affine, weights, shift, step, extent) for weights, shift in places]
        affine = replace(stacked(forms, ("maps", many)) if len(forms) > 1 else forms[0], eps=eps)
    return Part(part.ids, affine, low, high, where)


def _scales(affine: Affine, kernel: Array, bias: Array, *, padded: bool) -> tuple[Array, Array]:
    """By what each unit is scaled, and what it is shifted by where that is zero."""
    wide = kernel.astype(np.float64)
    # At a border of zeros even a constant varies.
    scales = [affine.gain * wide, affine.offset * wide] if padded else [affine.gain * wide]
    return np.concatenate(scales), affine.offset * wide.sum(axis=0) + bias


def _form(affine: Affine, kernel: Array, bias: Array, step: Hashable, extent: Hashable) -> Affine:
    """What each unit becomes under a kernel of its own. Kernel (window, n), bias (n,)."""
    n, weights = len(affine.gain), kernel.T.astype(np.float64)
    terms: dict[Basis, Rows] = {(step, basis): seen(affine.gained(basis), weights) for basis in affine.terms}
    own = affine.alone & np.any(weights * affine.gain[:, None] != 0, axis=1)
    offset = np.array(bias)
    if extent is not None and np.any(affine.offset):
        terms[step, ("one", extent)] = weights * affine.offset[:, None]
    else:
        offset = summed(offset, affine.offset * weights.sum(axis=1))
    return Affine(terms, np.ones(n), offset, affine.why, affine.eps, stored=False, holds=affine.holds, own=own)


def _padded(node: Node) -> bool:
    return bool(node.config["padding"] != "valid") and prod(node.weights["kernel"].shape[:-2]) != 1


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    *size, n, many = node.weights["kernel"].shape
    return slid(node.config, size, node.config["dilation"], inputs[0], n * many)


register(
    "depthwise_conv",
    Rule(
        _trace,
        _shape,
        carries={"kernel": -2},
        writes={"bias": 0},
        axis=channel_axis,
        defaults=WINDOW,
        options=TRAINED_WITH,
        ranks={"bias": 1},
    ),
)
