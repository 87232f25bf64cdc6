"""Makes units of a network multiples of others, in every weight that makes or carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from redundancy.layers import RULES
from redundancy.layers.tracer import epsilon
from redundancy.network import Array, Network, Node
from redundancy.spaces import Space, Trace

Sources = Mapping[int, tuple[int, float]]
"""Unit j of a space becomes a multiple of unit i: j -> (i, factor)."""

GRID = 16.0
"""Factors differ by so many roundings of a weight, or not at all: what differs by less cannot be told from rounding."""

RATIOS = ("gamma", "variance")
"""What a normalisation multiplies by: a multiple of a unit has the same, and only its mean and shift are multiples."""


def likened(followed: Trace, changes: Iterable[tuple[Space, Sources]]) -> Network:
    """The network, with some units made multiples of others.

    What reads them keeps its weights. Where functions between the layers let multiples pass, each unit then computes
    that multiple of the other, but for a factor that is rounded a little.

    Args:
        followed: The network, with its units.
        changes: (space, what becomes of its units); units that others are made of stay, but for
            the rounding of one multiplication.
    """
    groups: dict[int, dict[int, float]] = {}
    for space, mine in changes:
        for j, (i, factor) in mine.items():
            groups.setdefault(int(space.ids[i]), {})[int(space.ids[j])] = factor
    changed = {node.name: _changed(node, followed, groups) for node in followed.network}
    return followed.network.with_nodes(changed)


def _changed(node: Node, followed: Trace, groups: Mapping[int, Mapping[int, float]]) -> Node:
    rule = RULES.get(node.kind)
    if rule is None or not node.weights:
        return node
    weights = dict(rule.loose(node))
    before = dict(weights)
    for axes, name in ((rule.writes, node.name), *((rule.carries, read) for read in node.inputs[:1])):
        ids = followed.made(name)
        mine = {root: group for root, group in groups.items() if root in ids}
        for weight in weights.keys() & axes.keys() if mine else ():
            weights[weight] = _copied(weights[weight], axes[weight], ids, mine, weight)
    return rule.packed(node, weights) if any(weights[name] is not before[name] for name in weights) else node


def _copied(array: Array, axis: int, ids: Array, groups: Mapping[int, Mapping[int, float]], weight: str) -> Array:
    """An array of weights with the units of each group made multiples of its first one.

    A multiple that is rounded is one of what was multiplied, and not the other way round: whoever looks for multiples
    asks of which first unit the others are.
    """
    moved = np.moveaxis(array, axis, 0).copy()
    for root, group in groups.items():
        first = min(root, *group)
        factors = {root: 1.0, **group}
        _multiply(moved, ids, root, first, factors[first], weight)
        for unit, factor in factors.items():
            if unit != first:
                _multiply(moved, ids, first, unit, factor / factors[first], weight)
    return np.moveaxis(moved, 0, axis)


def _multiply(moved: Array, ids: Array, of: int, unit: int, factor: float, weight: str) -> None:
    """Makes one unit a multiple of another."""
    # One at several places, as in a depthwise convolution or behind Flatten, lies at each in the same order.
    values = moved[ids == of]
    factor = 1.0 if weight in RATIOS else _on_grid(factor, moved.dtype)
    moved[ids == unit] = values if factor == 1.0 else (values * factor).astype(moved.dtype)


def _on_grid(factor: float, dtype: np.dtype[Any]) -> float:
    step = GRID * epsilon(dtype) if dtype.kind in "fV" else 0.0
    mantissa, exponent = np.frexp(factor)
    return float(np.ldexp(np.round(mantissa / step) * step, exponent)) if step else factor
