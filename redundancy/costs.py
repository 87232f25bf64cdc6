"""What a network costs: parameters, multiply-accumulates and bytes; and what it would cost with fewer units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from redundancy.layers import RULES
from redundancy.network import Array, Network, Node
from redundancy.spaces import Tap, Trace


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a network, or of a part of it.

    Attributes:
        parameters: Numbers in the weights; those of a layer that is called twice count once.
        macs: Multiply-accumulates by which weights read units, for one input, and by which attention multiplies
            queries with keys and what that gives with values; 0 for what layers without a rule do, and an extent that
            is not fixed counts as 1.
        bytes: Of the weights in memory.
    """

    parameters: int
    macs: int
    bytes: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.parameters - other.parameters, self.macs - other.macs, self.bytes - other.bytes)

    def to_dict(self) -> dict[str, int]:
        """In plain types, as JSON has them."""
        return {"parameters": self.parameters, "macs": self.macs, "bytes": self.bytes}


NOTHING = Cost(0, 0, 0)


def cost(network: Network) -> Cost:
    """What a network costs."""
    return _total(network, {})


def cost_without(followed: Trace, gone: Array) -> Cost:
    """What a network would cost without some units, counted by shapes alone.

    Args:
        followed: The network, with its units.
        gone: Which units would go, by canonical id. Shape (units,), bool.
    """
    left = {node.name: _left(node, followed, gone) for node in followed.network}
    return _total(followed.network, left)


def gained(network: Network, taps: Sequence[Tap], gone: Array, constants: Mapping[str, Array]) -> Cost:
    """What the biases cost that layers gain, where constants of units that go have no bias to move to.

    Args:
        network: That the units are of.
        taps: Where they are read.
        gone: Which units of the space go. Shape (units,), bool.
        constants: What each unit of a tap has of its own, by name of the tap; 0 elsewhere. Shapes (units there,).
    """
    numbers: dict[str, tuple[int, int]] = {}
    for tap in taps:
        constant = constants.get(tap.name, np.zeros(len(tap.units)))
        channels = np.flatnonzero(gone[tap.units] & (constant != 0))
        for read in tap.reads if len(channels) else ():
            node = network[read.node]
            rule = RULES[node.kind]
            weights = rule.loose(node)
            if "bias" in weights or node.layer in numbers:
                continue
            lost = np.moveaxis(weights[read.weight], read.axis, 0)[tap.part.where[:, channels]]
            if np.any(lost):
                numbers[node.layer] = prod(lost.shape[lost.ndim - rule.biased :]), lost.itemsize
    return Cost(sum(n for n, _ in numbers.values()), 0, sum(n * size for n, size in numbers.values()))


Left = tuple[float, float, int | None]
"""The share of the units that a node reads, and of those that it makes, that would be left; the axis of the latter."""

_WHOLE: Left = (1.0, 1.0, None)


def _left(node: Node, followed: Trace, gone: Array) -> Left:
    shares = [float(1.0 - np.mean(gone[followed.made(name)])) if followed.units[name].parts else 1.0
              for name in (*node.inputs[:1], node.name)]  # fmt: skip
    return shares[0] if len(shares) == 2 else 1.0, shares[-1], followed.units[node.name].axis


def _total(network: Network, left: Mapping[str, Left]) -> Cost:
    counted: set[tuple[str, str]] = set()
    parameters = macs = size = 0
    for node in network:
        for name, array in node.weights.items():
            share = _share(node, name, *left.get(node.name, _WHOLE))
            numbers = round(array.size * share)
            macs += round(array.size * share * _uses(network, node, name))
            if (node.layer, name) not in counted:
                counted.add((node.layer, name))
                parameters += numbers
                size += numbers * array.itemsize
        macs += _attended(network, node, left)
    return Cost(parameters, macs, size)


def _attended(network: Network, node: Node, left: Mapping[str, Left]) -> int:
    """Products of units with each other: of each query with each key, and of what that gives with each value."""
    pair = RULES[node.kind].multiplies if node.kind in RULES else None
    if pair is None:
        return 0
    query, key = (network[node.inputs[number]] for number in pair)
    value = network[node.inputs[0]]
    widths = sum((each.shape[-1] or 1) * left.get(each.name, _WHOLE)[1] for each in (query, value))
    return round(_positions(query) * _positions(key) * widths)


def _positions(node: Node) -> int:
    return prod(extent or 1 for extent in node.shape[:-1])


def _share(node: Node, weight: str, read: float, made: float, axis: int | None) -> float:
    rule = RULES.get(node.kind)
    if rule is None or (weight in rule.alike and _is_one_for_all(rule.loose(node)[weight], node, axis)):
        return 1.0
    share = made if weight in rule.writes else 1.0
    if weight in rule.rereads:
        share *= made
    return share * (read if weight in (*rule.reads, *rule.carries, *rule.alike) else 1.0)


def _is_one_for_all(array: Array, node: Node, axis: int | None) -> bool:
    """Whether a weight that is laid out as its input is holds the same numbers for all units."""
    return axis is not None and array.ndim == len(node.shape) and array.shape[axis] == 1


def _uses(network: Network, node: Node, weight: str) -> int:
    """How often each number of a weight is multiplied with a value, for one input."""
    rule = RULES.get(node.kind)
    if rule is None or not (weight in rule.reads or weight in rule.rereads or weight == "kernel"):
        return 0
    # A transposed convolution spreads each position of its input, and a recurrent layer goes through each; others
    # gather each of their output.
    goes_through = node.kind == "conv_transpose" or bool(rule.rereads)
    shape = network[node.inputs[0]].shape if goes_through else node.shape
    axis = rule.axis(node, len(shape))
    return prod(extent or 1 for place, extent in enumerate(shape) if place != axis)
