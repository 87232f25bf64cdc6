"""Makes units of a network multiples of others, in every weight that makes or carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from redundancy.layers import RULES
from redundancy.network import Array, Network, Node
from redundancy.spaces import Space, Trace

Sources = Mapping[int, tuple[int, float]]
"""Unit j of a space becomes a multiple of unit i: j -> (i, factor)."""

RATIOS = ("gamma", "variance")
"""What a normalisation multiplies by: a multiple of a unit has the same, and only its mean and shift are multiples."""


def likened(followed: Trace, changes: Iterable[tuple[Space, Sources]]) -> Network:
    """The network, with some units made multiples of others.

    What reads them keeps its weights. Where functions between the layers let multiples pass, each unit then computes
    that multiple of the other.

    Args:
        followed: The network, with its units.
        changes: (space, what becomes of its units); the units that others are made of stay.
    """
    sources: dict[int, tuple[int, float]] = {}
    for space, mine in changes:
        sources.update({int(space.ids[j]): (int(space.ids[i]), factor) for j, (i, factor) in mine.items()})
    changed = {node.name: _changed(node, followed, sources) for node in followed.network}
    return followed.network.with_nodes(changed)


def _changed(node: Node, followed: Trace, sources: Mapping[int, tuple[int, float]]) -> Node:
    rule = RULES.get(node.kind)
    if rule is None or not node.weights:
        return node
    weights = dict(rule.loose(node))
    before = dict(weights)
    for axes, name in ((rule.writes, node.name), *((rule.carries, read) for read in node.inputs[:1])):
        ids = followed.made(name)
        mine = [j for j in sources if j in ids]
        for weight in weights.keys() & axes.keys() if mine else ():
            weights[weight] = _copied(weights[weight], axes[weight], ids, {j: sources[j] for j in mine}, weight)
    return rule.packed(node, weights) if any(weights[name] is not before[name] for name in weights) else node


def _copied(array: Array, axis: int, ids: Array, sources: Mapping[int, tuple[int, float]], weight: str) -> Array:
    moved = np.moveaxis(array, axis, 0).copy()
    for j, (i, factor) in sources.items():
        to, out_of = np.flatnonzero(ids == j), np.flatnonzero(ids == i)
        # One at several places, as in a depthwise convolution or behind Flatten, lies at each in the same order.
        values = moved[out_of] if weight in RATIOS or factor == 1.0 else moved[out_of] * factor
        moved[to] = values.astype(array.dtype)
    return np.moveaxis(moved, 0, axis)
