"""Layers that are called several times: one set of numbers for all calls, so that the units of all change together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from redundancy.layers import RULES, Tracer
from redundancy.network import Network, Node
from redundancy.units import Units

OTHERWISE = "it is called several times, with more inputs once than another time"

APART = "it is called several times, with units that lie in different ways"


def shared(network: Network) -> frozenset[str]:
    """The layers that are called several times with the same numbers."""
    calls = Counter((node.layer, node.kind) for node in network if holds_numbers(node))
    return frozenset(layer for (layer, _), count in calls.items() if count > 1)


def holds_numbers(node: Node) -> bool:
    """Whether a node has weights, or a configuration with numbers that go when units go."""
    if node.weights or node.kind not in RULES:
        return bool(node.weights)
    rule = RULES[node.kind]
    return any(array.size > 1 for name, array in rule.loose(node).items() if name in rule.alike)


def tie_calls(first: Node, again: Node, units: Mapping[str, Units], tracer: Tracer) -> None:
    """Ties the units of two calls of a layer, where they are read and made.

    Args:
        first: One call.
        again: Another.
        units: Of every node so far.
        tracer: That follows them.
    """
    # A recurrent layer may be given a state or a mask in one call only: what the other call has not got stays as it is.
    both = min(len(first.inputs), len(again.inputs))
    for name in (*first.inputs[both:], *again.inputs[both:]):
        tracer.pin(units[name], again.layer, OTHERWISE)
    pairs = [(units[a], units[b]) for a, b in zip(first.inputs[:both], again.inputs[:both], strict=True)]
    for one, other in [*pairs, (units[first.name], units[again.name])]:
        if one.size == other.size and _lie_alike(first, again, units):
            tracer.tie(one.ids, other.ids)
        else:
            for tensor in (one, other):
                tracer.pin(tensor, again.layer, APART)


def _lie_alike(first: Node, again: Node, units: Mapping[str, Units]) -> bool:
    """Whether numbers that are laid out as the input is lose the same ones with the units of either call."""
    if first.kind not in RULES or not RULES[first.kind].alike:
        return True
    return units[first.name].axis - len(first.shape) == units[again.name].axis - len(again.shape)
