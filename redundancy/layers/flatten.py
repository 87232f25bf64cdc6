"""Flatten: lays a map out along one axis, so that a unit has one place for each position."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.layers.window import CHANNELS_LAST
from redundancy.network import Array, Node
from redundancy.units import Part, Units


def _trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units = inputs[0]
    before = tuple(extent or 0 for extent in tracer.shapes[node.inputs[0]])
    if 0 in before or not units.parts:
        return tracer.opaque(node, inputs, "it flattens a map whose size is not fixed")
    places = _places(node, before)
    # (positions, channels): where channel i of each position lands.
    by_unit = np.moveaxis(places, units.axis, -1).reshape(-1, before[units.axis])
    return Units(tuple(_laid(part, by_unit) for part in units.parts), 0)


def _laid(part: Part, by_unit: Array) -> Part:
    # A map that was flattened before has several places a unit already: each of them is a position.
    where = by_unit[:, part.where]
    return replace(part, where=where.reshape(-1, part.where.shape[1]))


def _places(node: Node, before: tuple[int, ...]) -> Array:
    """Where each entry of the map lands. Shape `before`."""
    if node.config["data_format"] == "channels_first" and len(before) > 1:
        # The framework moves the channels to the end first, so that both formats flatten alike.
        moved = (*before[1:], before[0])
        return np.moveaxis(np.arange(prod(moved)).reshape(moved), -1, 0)
    return np.arange(prod(before)).reshape(before)


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    total = 1
    for extent in inputs[0]:
        if extent is None:
            return (None,)
        total *= extent
    return (total,)


register("flatten", Rule(_trace, _shape, defaults=CHANNELS_LAST))
