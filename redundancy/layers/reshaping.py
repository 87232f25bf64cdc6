"""Layers that move values and change none: Permute, Reshape, repeating, cropping, padding and upsampling."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from math import prod

import numpy as np

from redundancy.coefficients import Basis, Rows
from redundancy.errors import NetworkError
from redundancy.layers.linear import border
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.layers.window import CHANNELS_LAST, channel_axis
from redundancy.network import Array, Node
from redundancy.units import Affine, Part, Units, lonely, nothing_known, stacked


def _permute(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, dims = inputs[0], node.config["dims"]
    if not units.parts:
        return tracer.opaque(node, inputs, "it moves an axis whose extent is not fixed")
    return replace(_renamed(units, ("permute", dims)), axis=dims.index(units.axis))


def _permuted_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return tuple(inputs[0][axis] for axis in node.config["dims"])


def _repeat(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    return replace(_renamed(inputs[0], ("repeat", node.config["n"])), axis=1)


def _repeated_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (node.config["n"], *inputs[0])


def _spatial(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """Cropping and upsampling: whatever is constant stays so."""
    if inputs[0].axis != channel_axis(node, len(node.shape)):
        return tracer.opaque(node, inputs, "it works along the axis that its input's units lie on")
    return _renamed(inputs[0], (node.kind, tuple(sorted(node.config.items()))))


def _padding(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    axis = channel_axis(node, len(node.shape))
    if inputs[0].axis != axis:
        return tracer.opaque(node, inputs, "it works along the axis that its input's units lie on")
    if not tracer.values or not any(extent for pair in node.config["amount"] for extent in pair):
        return inputs[0]
    step = (node.kind, node.config["amount"])
    return inputs[0].mapped(lambda part: _bordered(part, step, border(node, axis, tracer)))


def _bordered(part: Part, step: Hashable, extent: Hashable) -> Part:
    """The same units with zeros around: what was constant is so no longer."""
    affine, low, high = part.affine.renamed(step), np.minimum(part.low, 0), np.maximum(part.high, 0)
    if np.any(affine.offset):
        n = len(part.ids)
        terms: dict[Basis, Rows] = {basis: affine.gained(basis) for basis in affine.terms}
        terms[step, ("one", extent)] = affine.offset[:, None]
        own = affine.alone
        affine = replace(affine, terms=terms, gain=np.ones(n), offset=np.zeros(n), stored=False, own=own)
    return replace(part, affine=affine, low=low, high=high)


def _renamed(units: Units, step: Hashable) -> Units:
    return units.mapped(lambda part: replace(part, affine=part.affine.renamed(step)))


def _grown_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    axis = channel_axis(node, len(inputs[0]))
    spatial = [extent for a, extent in enumerate(inputs[0]) if a != axis]
    if node.kind == "upsampling":
        amounts = node.config["size"]
        grown = [None if extent is None else extent * n for extent, n in zip(spatial, amounts, strict=True)]
    else:
        sign = 1 if node.kind == "zero_padding" else -1
        changes = [sign * sum(pair) for pair in node.config["amount"]]
        grown = [None if extent is None else extent + n for extent, n in zip(spatial, changes, strict=True)]
    grown.insert(axis, inputs[0][axis])
    return tuple(grown)


def _reshape(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, before, after = inputs[0], tracer.shapes[node.inputs[0]], node.shape
    if not units.parts or None in before or None in after:
        return tracer.opaque(node, inputs, "it reshapes a tensor whose size is not fixed")
    old, new = tuple(n or 0 for n in before), tuple(n or 0 for n in after)
    for axis in reversed(range(len(new))):
        places = [_carried(part, units.axis, old, new, axis) for part in units.parts]
        if all(where is not None for where in places):
            step = ("reshape", old, new, units.axis)
            pairs = zip(units.parts, places, strict=True)
            moved = [
                replace(part, affine=part.affine.renamed(step), where=where)
                for part, where in pairs
                if where is not None
            ]
            return Units(tuple(moved), axis)
    if units.axis == len(old) - 1 and old[:-1] == new[: len(old) - 1] and len(units.parts) == 1:
        return _split(node, units, new[len(old) - 1 :], tracer)
    return tracer.opaque(node, inputs, f"it reshapes {old} to {new}, which tears its units apart")


def _carried(part: Part, axis: int, old: tuple[int, ...], new: tuple[int, ...], to: int) -> Array | None:
    """Where along axis `to` each unit lies afterwards, shape (p, n); None if it does not lie there on its own."""
    entries = np.moveaxis(np.arange(prod(old)).reshape(old), axis, 0).reshape(old[axis], -1)
    mine = np.moveaxis(entries[part.where], 0, 1).reshape(len(part.ids), -1)
    place = np.unravel_index(mine, new)
    others = [n for n, extent in enumerate(new) if n != to]
    elsewhere = np.ravel_multi_index([place[n] for n in others], [new[n] for n in others]) if others else 0 * mine
    # Every unit must lie at the same positions of the other axes, in the same order.
    order = np.argsort(elsewhere[0], kind="stable")
    rest = prod(new) // new[to]
    if np.any(elsewhere != elsewhere[:1]) or mine.shape[1] % rest:
        return None
    index = place[to][:, order].reshape(len(part.ids), rest, -1)
    regular = np.all(elsewhere[0][order].reshape(rest, -1) == np.arange(rest)[:, None])
    return np.ascontiguousarray(index[:, 0].T) if regular and np.all(index == index[:, :1]) else None


def _split(node: Node, units: Units, sizes: tuple[int, ...], tracer: Tracer) -> Units:
    """The last axis becomes several: a unit of the last of them is all that lies before it, as a vector."""
    (part,) = units.parts
    order = np.empty(part.where.size, dtype=np.intp)
    order[part.where[0]] = np.arange(len(part.ids))
    if len(part.where) > 1:
        return tracer.opaque(node, (units,), "it splits the axis that a flattened map lies on")
    rows = order.reshape(-1, sizes[-1])
    for row in rows[1:]:
        tracer.tie(part.ids[rows[0]], part.ids[row])
    n = sizes[-1]
    where, axis = np.arange(n)[None], len(node.shape) - 1
    low, high = part.low[rows].min(axis=0), part.high[rows].max(axis=0)
    return Units((Part(part.ids[rows[0]], _vectors(part.affine, rows, node), low, high, where),), axis)


def _vectors(affine: Affine, rows: Array, node: Node) -> Affine:
    if affine.itself:
        # A value of its own at one place is one at all places together.
        places = [(affine.gain[row], affine.offset[row]) for row in rows]
        unknown = replace(nothing_known("", rows.shape[1], affine.eps), holds=affine.holds)
        return lonely(unknown, places, ("value", node.name))
    return stacked([affine.take(row) for row in rows], ("split", rows.shape))


def _slice(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, keys = inputs[0], node.config["keys"]
    if not units.parts or keys[units.axis] != (None, None, None):
        return tracer.opaque(node, inputs, "it takes a slice of its input's units")
    gone = sum(isinstance(key, int) for key in keys[: units.axis])
    return replace(_renamed(units, ("slice", keys)), axis=units.axis - gone)


def _sliced_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    pairs = zip(inputs[0], node.config["keys"], strict=True)
    return tuple(_length(extent, key) for extent, key in pairs if not isinstance(key, int))


def _length(extent: int | None, key: tuple[int | None, int | None, int | None]) -> int | None:
    if key == (None, None, None):
        return extent
    return None if extent is None else len(range(*slice(*key).indices(extent)))


def _reshaped_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    target, total = node.config["target"], 1
    if None in inputs[0]:
        return tuple(None if extent == -1 else extent for extent in target)
    for extent in inputs[0]:
        total *= extent or 0
    known = -prod(target) if -1 in target else prod(target)
    if known == 0 or total % known or (-1 not in target and known != total):
        raise NetworkError(f"node '{node.name}' cannot reshape {inputs[0]} to {target}: the sizes differ")
    return tuple(total // known if extent == -1 else extent for extent in target)


register("slice", Rule(_slice, _sliced_shape, defaults={"keys": None}))
register("permute", Rule(_permute, _permuted_shape, defaults={"dims": None}))
register("reshape", Rule(_reshape, _reshaped_shape, defaults={"target": None}))
register("repeat", Rule(_repeat, _repeated_shape, defaults={"n": None}))
register("cropping", Rule(_spatial, _grown_shape, defaults={"amount": None, **CHANNELS_LAST}))
register("zero_padding", Rule(_padding, _grown_shape, defaults={"amount": None, **CHANNELS_LAST}))
register(
    "upsampling", Rule(_spatial, _grown_shape, defaults={"size": None, "interpolation": "nearest", **CHANNELS_LAST})
)
