"""How a difference between two networks passes each kind of layer: one small function a kind, and their registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from redundancy.algebra import algebra_of
from redundancy.layers import RULES
from redundancy.layers.composing import kernel_bounds
from redundancy.layers.normalization import effective
from redundancy.layers.rescaling import by_unit
from redundancy.network import Array, Node
from redundancy.units import Units


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is known of the output of one node.

    Attributes:
        units: Of the first network, with bounds of their values.
        apart: Bounds of the difference, along the axis of units. Shape (size,), float64.
        roots: The canonical id at each index of the axis. Shape (size,), int.
    """

    units: Units
    apart: Array
    roots: Array

    @property
    def size(self) -> Array:
        """The largest value of the first network, by size. Shape (size,)."""
        return np.maximum(np.abs(along(self.units, "low")), np.abs(along(self.units, "high")))


Spread = Callable[[Node, Node, tuple[Seen, ...], Seen], Array | None]
"""(node of the first network, of the second, what they read, the output so far) -> difference along the output's axis;
None where nothing is known."""

SPREADS: dict[str, Spread] = {}
"""How a difference passes each kind of node."""


def along(units: Units, name: str) -> Array:
    """The lower or upper bounds of a tensor's units, at each index of their axis. Shape (size,)."""
    values = np.full(units.size, -np.inf if name == "low" else np.inf)
    for part in units.parts:
        values[part.where] = getattr(part, name)
    return values


def spreads(*kinds: str) -> Callable[[Spread], Spread]:
    """Registers how a difference passes nodes of these kinds."""

    def registered(spread: Spread) -> Spread:
        SPREADS.update(dict.fromkeys(kinds, spread))
        return spread

    return registered


@spreads("dense", "conv", "conv_transpose", "einsum_dense")
def _kernel(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,) = inputs
    kernel, bias = _flat(a)
    changed, shifted = _flat(b)
    if (
        seen.units.size != kernel.shape[2]
        or len(blank.roots) != kernel.shape[3]
        or seen.units.axis != _reading(a, seen)
    ):
        return None
    places = []
    for place in range(kernel.shape[1]):
        step, shift = (changed - kernel)[:, place], (shifted - bias)[place]
        low, high = kernel_bounds(seen.units, step, shift, padded=RULES[a.kind].padded(a))
        passed = _weighed(np.abs(changed[:, place]).sum(axis=0), seen.apart)
        places.append(passed + np.maximum(np.abs(low), np.abs(high)))
    return np.asarray(np.max(places, axis=0))


def _reading(node: Node, seen: Seen) -> int:
    """The axis that a node reads along; the rank of what it reads is that of its output."""
    return RULES[node.kind].axis(node, len(node.shape)) if node.kind != "einsum_dense" else seen.units.axis


def _flat(node: Node) -> tuple[Array, Array]:
    """The kernel as (window, places, in, out) and the bias as (places, out), float64; one place but for einsum."""
    rule = RULES[node.kind]
    weights = rule.loose(node)
    kernel = np.asarray(weights["kernel"], np.float64)
    kernel = np.moveaxis(kernel, (rule.reads["kernel"], rule.writes["kernel"]), (-2, -1))
    read, made = kernel.shape[-2:]
    bias = np.asarray(weights.get("bias", np.zeros(made)), np.float64)
    return kernel.reshape(-1, max(1, bias.size // made), read, made), bias.reshape(-1, made)


def _weighed(weights: Array, apart: Array) -> Array:
    """`weights.T @ apart`, where no weight means nothing even of an infinite difference. (n, out), (n,) -> (out,)."""
    finite = np.isfinite(apart)
    reached = np.any(weights[~finite] != 0, axis=0)
    return np.where(reached, np.inf, weights.T @ np.where(finite, apart, 0.0))


@spreads("depthwise_conv")
def _depthwise(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,) = inputs
    kernel, changed = (np.asarray(node.weights["kernel"], np.float64) for node in (a, b))
    n, many = kernel.shape[-2:]
    bias, shifted = (np.asarray(node.weights.get("bias", np.zeros(n * many)), np.float64) for node in (a, b))
    if seen.units.size != n or len(blank.roots) != n * many:
        return None
    passed, step = (np.abs(array).reshape(-1, n, many).sum(axis=0) for array in (changed, changed - kernel))
    found = _times(passed, seen.apart[:, None]) + _times(step, seen.size[:, None])
    return np.asarray(found.reshape(-1) + np.abs(shifted - bias))


@spreads("embedding")
def _embedding(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    tables = [np.asarray(node.weights["embeddings"], np.float64) for node in (a, b)]
    return np.asarray(np.max(np.abs(tables[0] - tables[1]), axis=0))


@spreads("batch_normalization")
def _normalised(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,) = inputs
    (gain, offset), (other, shifted) = effective(a), effective(b)
    if seen.units.axis != RULES[a.kind].axis(a, len(a.shape)):
        return None
    ends = np.stack([_times(other - gain, along(seen.units, end)) + (shifted - offset) for end in ("low", "high")])
    return np.asarray(_times(np.abs(other), seen.apart) + np.abs(ends).max(axis=0))


NORMALISING = {"softmax": 0.5, "log_softmax": 2.0}
"""By how much the largest difference of an input can grow: of softmax, row sums of |diag(p) - p p'| are 2 p (1 - p)."""


@spreads("activation")
def _activated(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,), algebra = inputs, algebra_of(a.config)
    if algebra is None:
        factor = NORMALISING.get(a.config["function"])
        return None if factor is None else np.full(len(blank.roots), factor * np.max(seen.apart, initial=0.0))
    low, high = along(seen.units, "low"), along(seen.units, "high")
    least, most = algebra.bounds(low - seen.apart, high + seen.apart)
    # What the second network computes lies in here; no difference is larger than the whole range.
    with np.errstate(invalid="ignore"):
        width = np.maximum(along(blank.units, "high") - least, most - along(blank.units, "low"))
    steep = _times(np.asarray(algebra.lipschitz), seen.apart)
    return np.fmin(steep, np.where(np.isnan(width), np.inf, width))


@spreads(
    "dropout", "max_pooling", "average_pooling", "global_max_pooling", "global_average_pooling", "flatten", "permute",
    "reshape", "repeat", "cropping", "zero_padding", "upsampling", "slice",
)  # fmt: skip
def _moved(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    """Values that are moved, averaged, or compared differ by no more than they did."""
    (seen,) = inputs
    by_root = np.zeros(1 + max(seen.roots.max(initial=0), blank.roots.max(initial=0)))
    np.maximum.at(by_root, seen.roots, seen.apart)
    return np.asarray(by_root[blank.roots]) if np.isin(blank.roots, seen.roots).all() else None


@spreads("gather")
def _taken(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,), places = inputs, a.config["places"]
    if b.config["places"] != places or seen.units.axis != len(a.shape) - 1:
        return None
    return np.asarray(seen.apart[list(places)])


@spreads("affine")
def _scaled(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    (seen,) = inputs
    scale = np.abs(np.asarray(a.config["scale"], np.float64))
    if scale.ndim and not seen.units.parts:
        return None
    return _times(by_unit(scale, seen.units).max(axis=1), seen.apart)


def _side_by_side(inputs: tuple[Seen, ...]) -> Array | None:
    """The differences of several tensors whose units lie on one axis. Shape (inputs, size)."""
    alike = all(seen.units.axis == inputs[0].units.axis and len(seen.apart) == len(inputs[0].apart) for seen in inputs)
    return np.stack([seen.apart for seen in inputs]) if alike else None


@spreads("add", "subtract")
def _added(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    rows = _side_by_side(inputs)
    return None if rows is None else np.asarray(rows.sum(axis=0))


@spreads("scaled_add")
def _scaled_added(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    rows = _side_by_side(inputs)
    return None if rows is None else np.asarray(rows[0] + _times(np.asarray(abs(a.config["scale"])), rows[1]))


@spreads("average")
def _averaged(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    rows = _side_by_side(inputs)
    return None if rows is None else np.asarray(rows.mean(axis=0))


@spreads("maximum", "minimum")
def _extreme(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    rows = _side_by_side(inputs)
    return None if rows is None else np.asarray(rows.max(axis=0))


@spreads("multiply")
def _multiplied(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    """|x' y' - x y| <= |x| |y' - y| + |y| |x' - x| + |x' - x| |y' - y|, factor by factor."""
    if _side_by_side(inputs) is None:
        return None
    size, apart = inputs[0].size, inputs[0].apart
    with np.errstate(invalid="ignore", over="ignore"):
        for seen in inputs[1:]:
            apart = _times(size, seen.apart) + _times(seen.size, apart) + _times(apart, seen.apart)
            size = _times(size, seen.size)
    return apart


def _times(a: Array, b: Array) -> Array:
    """The product, where nothing times infinity is nothing."""
    a, b = np.broadcast_arrays(a, b)
    with np.errstate(over="ignore"):
        return np.asarray(np.multiply(a, b, out=np.zeros(a.shape), where=(a != 0) & (b != 0)))


@spreads("concatenate")
def _concatenated(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array | None:
    axis = a.config["axis"] % len(a.shape)
    if all(seen.units.axis == axis for seen in inputs):
        return np.concatenate([seen.apart for seen in inputs])
    return _extreme(a, b, inputs, blank)
