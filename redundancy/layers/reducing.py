"""Means, sums and extremes along axes, and axes of extent 1 that come and go, as operations on tensors have them."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from redundancy.algebra import MAXIMUM, certain
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Node
from redundancy.units import Part, Units

EXTREMES = ("max", "min")
ACROSS = "it works along the axis that its input's units lie on"


def _reduction(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, how, axes = inputs[0], node.config["how"], node.config["axes"]
    if units.axis in axes or not units.parts:
        return tracer.opaque(node, inputs, ACROSS)
    extents = [tracer.shapes[node.inputs[0]][axis] for axis in axes]
    n = None if None in extents else prod(extent or 1 for extent in extents)
    constant = not any(np.any(part.affine.offset) for part in units.parts)
    if how == "sum" and n is None and not constant:
        return tracer.opaque(node, inputs, "it adds up as many constants as its input has positions")
    step = (node.kind, how, axes)
    gone = 0 if node.config["keepdims"] else sum(axis < units.axis for axis in axes)
    moved = units.mapped(lambda part: replace(part, affine=part.affine.renamed(step)))
    moved = replace(moved, axis=units.axis - gone)
    if how in EXTREMES:
        return tracer.applied(moved, MAXIMUM, node.name)
    return moved if how == "mean" else moved.mapped(lambda part: _added(part, n))


def _added(part: Part, n: int | None) -> Part:
    """The sum of a unit over n positions."""
    if n is None:
        unbounded = np.full(len(part.ids), np.inf)
        return replace(part, low=-unbounded, high=unbounded)
    low, high = certain(n * part.low, n * part.high)
    return replace(part, affine=replace(part.affine, offset=n * part.affine.offset), low=low, high=high)


def _reduced_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    axes = node.config["axes"]
    if node.config["keepdims"]:
        return tuple(1 if axis in axes else extent for axis, extent in enumerate(inputs[0]))
    return tuple(extent for axis, extent in enumerate(inputs[0]) if axis not in axes)


def _expand(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units = inputs[0]
    others = [axis for axis in range(len(node.shape)) if axis not in node.config["axes"]]
    if not units.parts:
        return tracer.opaque(node, inputs, ACROSS)
    return _laid(node, units, others[units.axis])


def _expanded_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    shape = list(inputs[0])
    for axis in sorted(node.config["axes"]):
        shape.insert(axis, 1)
    return tuple(shape)


def _squeeze(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, axes = inputs[0], node.config["axes"]
    if units.axis in axes or not units.parts:
        return tracer.opaque(node, inputs, ACROSS)
    return _laid(node, units, units.axis - sum(axis < units.axis for axis in axes))


def _squeezed_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return tuple(extent for axis, extent in enumerate(inputs[0]) if axis not in node.config["axes"])


def _laid(node: Node, units: Units, axis: int) -> Units:
    step = (node.kind, node.config["axes"])
    return replace(units.mapped(lambda part: replace(part, affine=part.affine.renamed(step))), axis=axis)


register("reduction", Rule(_reduction, _reduced_shape, defaults={"how": "mean", "axes": None, "keepdims": False}))
register("expand", Rule(_expand, _expanded_shape, defaults={"axes": None}))
register("squeeze", Rule(_squeeze, _squeezed_shape, defaults={"axes": None}))
