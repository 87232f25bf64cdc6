"""Two networks of one graph followed through their layers, to bound how far they are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from redundancy.algebra import algebra_of
from redundancy.bounds.both import Both
from redundancy.bounds.intervals import UNIT, Interval, anywhere, nowhere, outward
from redundancy.bounds.linear import LINEAR, Linear
from redundancy.bounds.lines import astray, difference_lines, slopes, value_lines
from redundancy.bounds.pooling import pooled
from redundancy.bounds.steps import BentStep, KnownStep, Step, linear_step
from redundancy.bounds.substitution import Walk
from redundancy.layers import RULES
from redundancy.network import Array, Network, Node

Box = Mapping[str, tuple[Array, Array]]

Sizes = tuple[Mapping[str, Array], Mapping[str, Array]]

MAXIMA = ("max_pooling", "global_max_pooling")

Known = Callable[[str], Both]
"""Where the values of a node lie, of which nothing else is known."""


def follow(
    first: Network, second: Network, box: Box, known: Known, *, closely: bool = True, sizes: Sizes = ({}, {})
) -> Walk:
    """Follows two networks whose nodes and shapes are the same.

    Args:
        first: A network, all of whose shapes are fixed.
        second: Another.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch.
        known: What is known of a node of another kind, by name.
        sizes: Of what each kernel was computed from, by absolute values, by node; for both.
        closely: Bound what functions see by substitution as well, not by intervals alone.
    """
    walk, masked = Walk(first), makes_masks(first)
    for a, b in zip(first, second, strict=True):
        if a.kind == "input":
            walk.add(a.name, KnownStep(_input(a, box)))
            continue
        if closely and a.kind in ("activation", *MAXIMA):
            walk.tighten(a.inputs[0])
        hidden = masked and (len(a.inputs) > 1 or "pooling" in a.kind)
        step = None if hidden else _step(a, b, walk, sizes)
        walk.add(a.name, step or KnownStep(known(a.name)))
    return walk


def makes_masks(network: Network) -> bool:
    """Whether a mask may hide values from layers that look at several."""
    return any(node.kind not in RULES or node.config.get("mask_zero") for node in network)


def _input(node: Node, box: Box) -> Both:
    shape = tuple(extent or 0 for extent in node.shape)
    low, high = box.get(node.name, (np.array(-np.inf), np.array(np.inf)))
    both = Interval(np.broadcast_to(low, shape).astype(np.float64), np.broadcast_to(high, shape).astype(np.float64))
    return Both(both, both, nowhere(shape))


def _step(a: Node, b: Node, walk: Walk, sizes: Sizes) -> Step | None:
    inputs = [walk.both[name] for name in a.inputs]
    shape = tuple(extent or 0 for extent in a.shape)
    if a.kind == "activation":
        return step_of(a, inputs[0]) if algebra_of(a.config) else normalised(a, inputs[0])
    if a.kind in MAXIMA:
        return pooled(a, inputs[0], shape)
    if a.kind not in LINEAR:
        return None
    shapes = tuple(both.first.low.shape for both in inputs)
    first = _read(a, shapes, sizes[0])
    second = first if same(a, b) else _read(b, shapes, sizes[1])
    return None if first is None or second is None else linear_step(first, second, inputs, shape)


def _read(node: Node, shapes: tuple[tuple[int, ...], ...], sizes: Mapping[str, Array]) -> Linear | None:
    found = LINEAR[node.kind](node, shapes)
    if found is None or node.name not in sizes:
        return found
    rule = RULES[node.kind]
    wide = LINEAR[node.kind](rule.packed(node, {**rule.loose(node), "kernel": sizes[node.name]}), shapes)
    return None if wide is None else replace(found, sizes=wide.maps)


def same(a: Node, b: Node) -> bool:
    """Whether two nodes compute the same, to the bit."""
    pairs = [(array, b.weights.get(name)) for name, array in a.weights.items()]
    return (
        len(a.weights) == len(b.weights)
        and all(one is other or (other is not None and np.array_equal(one, other)) for one, other in pairs)
        and (a.config is b.config or dict(a.config) == dict(b.config))
    )


def step_of(node: Node, both: Both) -> BentStep:
    """What a function of one unit does, whose algebra is known: lines below and above it and its difference."""
    algebra = algebra_of(node.config)
    assert algebra is not None
    config = dict(node.config)
    first = value_lines(algebra, both.first, slopes(config, algebra, both.first))
    second = value_lines(algebra, both.second, slopes(config, algebra, both.second))
    steep = slopes(config, algebra, both.first.join(both.second))
    under, over, apart = difference_lines(steep, (both.first, *first), second, both.apart)
    steepest = float(np.max(np.abs(steep), initial=0.0))
    norm = 0.0 if both.length == 0 else steepest * both.length * (1 + 4 * UNIT)
    image = Both(first[2], second[2], apart, norm).closer()
    return BentStep(first[0], first[1], under, over, both, image, (astray(under, steep), astray(over, steep)))


def normalised(node: Node, both: Both) -> KnownStep | None:
    """Softmax: p_i is the sigmoid of -log(sum over j of exp(z_j - z_i)), which moves by no more than some z_j - z_i.

    So |p_i' - p_i| <= tanh(r / 4), where no d_j - d_i is larger than r: as far as the sigmoid moves, at most.
    """
    if node.config["function"] != "softmax" or node.config.get("axis", -1) not in (-1, len(node.shape) - 1):
        return None
    d, n = both.apart, node.shape[-1] or 0
    if n < 2:
        return None
    others = ~np.eye(n, dtype=bool)
    with np.errstate(invalid="ignore"):
        rise = _extreme(np.max, d.high, others, -np.inf) - d.low
        fall = d.high - _extreme(np.min, d.low, others, np.inf)
    reach = np.where(np.isnan(rise + fall), np.inf, np.maximum(rise, fall))
    most = np.where(reach == 0, 0.0, np.tanh(0.25 * reach) * (1 + 1e-14))
    values = outward(np.zeros(d.low.shape), np.ones(d.low.shape))
    return KnownStep(Both(values, values, Interval(-most, most)))


def _extreme(which: Callable[..., Array], values: Array, others: Array, beyond: float) -> Array:
    """The largest or least of all other values along the last axis."""
    return which(np.where(others, values[..., None, :], beyond), axis=-1)


def unknown(shape: tuple[int, ...]) -> Both:
    """Of which nothing is known."""
    nothing = anywhere(shape)
    return Both(nothing, nothing, nothing)


def fixed(network: Network) -> bool:
    """Whether the shape of every tensor is fixed."""
    return all(None not in node.shape and prod(extent or 0 for extent in node.shape) for node in network)
