"""Layers that join tensors: sums, products and the like tie their units, Concatenate lays them side by side."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from redundancy.algebra import MAXIMUM, certain
from redundancy.errors import NetworkError
from redundancy.layers.masks import is_masked
from redundancy.layers.product import paired, product
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Part, Units, stacked, total

ACROSS_MASK = "a mask may reach it, which hides some of its units and not others"
ACROSS = "it joins tensors along another axis than their units lie on"

Joined = Callable[[Part, Part, Node, Hashable], Part]
"""(unit by unit the first, the second, whose they are, a name for what they become) -> what they become."""


def _merging(join: Joined) -> Callable[[Node, tuple[Units, ...], Tracer], Units]:
    """A rule that ties the units of several tensors and joins what they compute."""

    def trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
        first = inputs[0]
        if any(units.axis != first.axis or units.size != first.size or not units.parts for units in inputs):
            return tracer.opaque(node, inputs, "it joins tensors whose units lie along different axes, or broadcasts")
        split = _refined(tuple(_broadcast(node, number, units, tracer) for number, units in enumerate(inputs)))
        if split is None:
            return tracer.opaque(node, inputs, "it joins flattened maps that were made in different pieces")
        for other in split[1:]:
            for a, b in zip(split[0].parts, other.parts, strict=True):
                tracer.tie(a.ids, b.ids)
        if not tracer.values:
            return split[0]
        joined = split[0]
        for number, other in enumerate(split[1:]):
            pairs = enumerate(zip(joined.parts, other.parts, strict=True))
            joined = Units(tuple(join(a, b, node, (node.name, number, place)) for place, (a, b) in pairs), joined.axis)
        return joined

    return trace


def _broadcast(node: Node, number: int, units: Units, tracer: Tracer) -> Units:
    """The units of one input, as they are where it is repeated along other axes."""
    before = tracer.shapes[node.inputs[number]]
    if before == node.shape:
        return units
    return units.mapped(lambda part: replace(part, affine=part.affine.renamed(("broadcast", before, node.shape))))


def _plus(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    low, high = first.low + second.low, first.high + second.high
    return replace(first, affine=total(first.affine, second.affine), low=low, high=high)


def _minus(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    negative = second.affine.scaled(-np.ones(len(second.ids)), np.zeros(len(second.ids)))
    return _plus(first, replace(second, affine=negative, low=-second.high, high=-second.low), node, name)


def _times(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    affine, (low, high) = product(first.affine, second.affine, ("value", name)), _product_bounds(first, second)
    return replace(first, affine=affine, low=low, high=high)


def _product_bounds(first: Part, second: Part) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", over="ignore"):
        ends = np.stack([a * b for a in (first.low, first.high) for b in (second.low, second.high)])
    # Nothing times something unbounded is no number here, and anything there.
    unknown = np.isnan(ends).any(axis=0)
    low, high = np.where(unknown, -np.inf, ends.min(axis=0)), np.where(unknown, np.inf, ends.max(axis=0))
    return certain(low, high)


def _times_masked(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    """Where a factor is masked it counts as 1, and where all are the product is 0."""
    ones = [replace(part, low=np.minimum(part.low, 1), high=np.maximum(part.high, 1)) for part in (first, second)]
    low, high = _product_bounds(*ones)
    affine = paired(first.affine, second.affine, ("value", name))
    return replace(first, affine=affine, low=np.minimum(low, 0), high=np.maximum(high, 0))


def _either(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    """One of the two, for all units the same one where a mask says which."""
    affine = paired(first.affine, second.affine, ("value", name))
    return replace(
        first, affine=affine, low=np.minimum(first.low, second.low), high=np.maximum(first.high, second.high)
    )


def _unmasked(
    open_: Callable[[Node, tuple[Units, ...], Tracer], Units], join: Joined
) -> Callable[[Node, tuple[Units, ...], Tracer], Units]:
    """A rule where no mask can arrive; where one can, units are joined in another way.

    Keras's Multiply, Maximum and Minimum put other values in the positions that are masked: multiples and constants
    are none any more, and only units that are equal in every tensor still are.
    """
    merge = _merging(join)

    def trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
        if not is_masked(node, tracer):
            return open_(node, inputs, tracer)
        if any(units.axis != len(node.shape) - 1 for units in inputs):
            return tracer.opaque(node, inputs, ACROSS_MASK)
        return merge(node, inputs, tracer)

    return trace


def _extreme(pick: Callable[[Array, Array], Array], sign: str) -> Callable[[Node, tuple[Units, ...], Tracer], Units]:
    """The larger, or the smaller, of several: what relates two units in all of them by one factor relates them."""

    def join(first: Part, second: Part, node: Node, name: Hashable) -> Part:
        both = stacked([first.affine, second.affine], (sign, name))
        return replace(first, affine=both, low=pick(first.low, second.low), high=pick(first.high, second.high))

    merge = _merging(join)

    def trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
        joined = merge(node, inputs, tracer)
        return tracer.applied(joined, MAXIMUM, node.name) if not tracer.is_pinned(joined, node.layer) else joined

    return trace


def _mean(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    added = _sum(node, inputs, tracer)
    if not tracer.values or tracer.is_pinned(added, node.layer):
        return added
    share = 1.0 / len(inputs)

    def divided(part: Part) -> Part:
        affine = part.affine.scaled(np.full(len(part.ids), share), np.zeros(len(part.ids)))
        return replace(part, affine=affine, low=part.low * share, high=part.high * share)

    return added.mapped(divided)


def _scaled_sum(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """The first plus a number times the second."""
    scale = float(node.config["scale"])
    if not np.isfinite(scale):
        return tracer.opaque(node, inputs, "it scales by what is no finite number")

    def join(first: Part, second: Part, node: Node, name: Hashable) -> Part:
        n = len(second.ids)
        with np.errstate(invalid="ignore"):
            ends = np.stack([second.low * scale, second.high * scale]) if scale else np.zeros((2, n))
        scaled = second.affine.scaled(np.full(n, scale), np.zeros(n))
        return _plus(first, replace(second, affine=scaled, low=ends.min(axis=0), high=ends.max(axis=0)), node, name)

    return _merging(join)(node, inputs, tracer)


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


def _merged_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
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


def concatenated(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """The units of several tensors side by side, or those of tensors that lie one behind the other."""
    axis = _axis(node, len(node.shape))
    if all(units.axis == inputs[0].axis != axis for units in inputs):
        return _lined_up(node, inputs, tracer)
    if all(units.axis != axis or not units.parts for units in inputs):
        return tracer.opaque(node, inputs, ACROSS)
    inputs = tuple(_along(node, number, units, axis, tracer) for number, units in enumerate(inputs))
    if not all(units.parts for units in inputs):
        return tracer.opaque(node, inputs, ACROSS)
    starts = np.cumsum([0, *(units.size for units in inputs)])
    shifted = [
        replace(part, where=part.where + start)
        for units, start in zip(inputs, starts[:-1], strict=True)
        for part in units.parts
    ]
    return Units(tuple(shifted), axis)


def _along(node: Node, number: int, units: Units, axis: int, tracer: Tracer) -> Units:
    """The units of one input; if they lie on another axis they stay, and what lies on this one is unknown."""
    if units.axis == axis:
        return units
    tracer.pin(units, node.layer, ACROSS)
    extent = tracer.shapes[node.inputs[number]][axis]
    if extent is None:
        return Units((), axis)
    return tracer.unknown(("across", node.name, number), extent, axis)


def _axis(node: Node, rank: int) -> int:
    axis: int = node.config["axis"]
    return axis % rank


def concatenated_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    """Shape of tensors that were joined along one axis."""
    axis = _axis(node, len(inputs[0]))
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in inputs}) > 1:
        raise NetworkError(f"node '{node.name}' cannot join shapes {inputs}: they must be equal but for axis {axis}")
    extents = [shape[axis] for shape in inputs]
    joined = None if None in extents else sum(extent or 0 for extent in extents)
    return (*inputs[0][:axis], joined, *inputs[0][axis + 1 :])


def _stack(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    lined = _lined_up(node, inputs, tracer)
    if tracer.is_pinned(lined, node.layer):
        return lined
    return replace(lined, axis=lined.axis + (node.config["axis"] <= lined.axis))


def _stacked_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    axis = node.config["axis"]
    return (*inputs[0][:axis], len(inputs), *inputs[0][axis:])


def _placed(first: Part, second: Part, node: Node, name: Hashable) -> Part:
    # What was laid out before is kept apart by name; the next tensor lies behind it.
    both = stacked([first.affine, second.affine], ("behind", name))
    return replace(first, affine=both, low=np.minimum(first.low, second.low), high=np.maximum(first.high, second.high))


_sum = _merging(_plus)
_lined_up = _merging(_placed)

register("add", Rule(_sum, _merged_shape))
register("scaled_add", Rule(_scaled_sum, _merged_shape, defaults={"scale": 1.0}))
register("subtract", Rule(_merging(_minus), _merged_shape))
register("average", Rule(_mean, _merged_shape))
for _kind, _open, _masked in (
    ("multiply", _merging(_times), _times_masked),
    ("maximum", _extreme(np.maximum, "maximum"), _either),
    ("minimum", _extreme(np.minimum, "minimum"), _either),
):
    register(_kind, Rule(_unmasked(_open, _masked), _merged_shape, options=frozenset({"masked"})))
register("concatenate", Rule(concatenated, concatenated_shape, defaults={"axis": -1}))
register("stack", Rule(_stack, _stacked_shape, defaults={"axis": None}))
