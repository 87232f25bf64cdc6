"""Layers that join tensors: Add ties their units, Concatenate lays them side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np

from redundancy.errors import NetworkError
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Part, Units, total


def _add(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    first = inputs[0]
    if any(units.axis != first.axis or units.size != first.size for units in inputs):
        return tracer.opaque(node, inputs, "it adds tensors whose units lie along different axes, or broadcasts")
    if any(tracer.shapes[name] != node.shape for name in node.inputs):
        return tracer.opaque(node, inputs, "it broadcasts")
    split = _refined(inputs)
    if split is None:
        return tracer.opaque(node, inputs, "it adds flattened maps that were made in different pieces")
    return reduce(lambda a, b: _sum(a, b, tracer), split)


def _sum(first: Units, second: Units, tracer: Tracer) -> Units:
    return Units(tuple(_plus(a, b, tracer) for a, b in zip(first.parts, second.parts, strict=True)), first.axis)


def _plus(first: Part, second: Part, tracer: Tracer) -> Part:
    tracer.tie(first.ids, second.ids)
    if not tracer.values:
        return first
    return replace(
        first,
        affine=total(first.affine, second.affine),
        low=first.low + second.low,
        high=first.high + second.high,
    )


def _refined(inputs: tuple[Units, ...]) -> list[Units] | None:
    """The same units in parts that lie at the same places in every input; None where there is no such division."""
    layouts = [tuple((part.where.shape, part.where.tobytes()) for part in units.parts) for units in inputs]
    if all(layout == layouts[0] for layout in layouts):
        return list(inputs)
    if any(len(part.where) > 1 or np.any(np.diff(part.where[0]) != 1) for units in inputs for part in units.parts):
        return None
    ordered = [sorted(units.parts, key=lambda part: int(part.where[0, 0])) for units in inputs]
    ends = sorted({0, *(int(part.where[0, -1]) + 1 for parts in ordered for part in parts)})
    return [Units(_cut(parts, ends), units.axis) for parts, units in zip(ordered, inputs, strict=True)]


def _cut(parts: list[Part], ends: list[int]) -> tuple[Part, ...]:
    spans = [np.arange(start, stop) for start, stop in pairwise(ends)]
    return tuple(_piece(next(p for p in parts if span[0] in p.where[0]), span) for span in spans)


def _piece(part: Part, span: Array) -> Part:
    return part.take(span - part.where[0, 0])


def _add_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len(set(inputs)) == 1:
        return inputs[0]
    # An extent that is not fixed stays so, whatever is added to it.
    known = [tuple(1 if extent is None else extent for extent in shape) for shape in inputs]
    try:
        shape = np.broadcast_shapes(*known)
    except ValueError:
        raise NetworkError(f"node '{node.name}' cannot add shapes {inputs}: they must be equal or broadcast") from None
    free = np.broadcast_shapes(*(tuple(2 if extent is None else 1 for extent in shape) for shape in inputs))
    return tuple(None if f == 2 and extent == 1 else extent for f, extent in zip(free, shape, strict=True))


def _concatenate(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    axis = _axis(node, len(node.shape))
    if any(units.axis != axis or not units.parts for units in inputs):
        return tracer.opaque(node, inputs, "it joins tensors along another axis than their units lie on")
    starts = np.cumsum([0, *(units.size for units in inputs)])
    shifted = [
        replace(part, where=part.where + start)
        for units, start in zip(inputs, starts[:-1], strict=True)
        for part in units.parts
    ]
    return Units(tuple(shifted), axis)


def _axis(node: Node, rank: int) -> int:
    axis: int = node.config["axis"]
    return axis % rank


def _concatenate_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    axis = _axis(node, len(inputs[0]))
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in inputs}) > 1:
        raise NetworkError(f"node '{node.name}' cannot join shapes {inputs}: they must be equal but for axis {axis}")
    extents = [shape[axis] for shape in inputs]
    joined = None if None in extents else sum(extent or 0 for extent in extents)
    return (*inputs[0][:axis], joined, *inputs[0][axis + 1 :])


register("add", Rule(_add, _add_shape))
register("concatenate", Rule(_concatenate, _concatenate_shape, defaults={"axis": -1}))
