"""Inputs that lose units: where weights read them, some places are taken, and the rest is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from redundancy.layers import INPUT, RULES
from redundancy.network import Network, Node
from redundancy.spaces import Tap, trace

TAKEN = "taken"
"""What the name of a node that takes places of another one's output ends with."""


def opened(network: Network) -> tuple[Network, dict[str, str]]:
    """The same network with all places of its inputs taken, one by one, wherever weights read them.

    What takes them makes units that may go, as inputs may not. Readers inside a model that the network calls, and
    axes of one unit, are left alone.

    Returns:
        The network; and the name of what takes them, by the name of the node whose output is read. What takes some
        already is among them.
    """
    nodes = {node.name: node for node in network}
    names = {node.inputs[0]: node.name for node in network if node.kind == "gather"}
    inside = {name for nested in getattr(network.origin, "nested", ()) for name in nested.members}
    before: dict[str, Node] = {}
    for tap in _taps(network):
        readers = {read.node for read in tap.reads}
        source = nodes[tap.node]
        extent = source.shape[-1]
        if tap.node in names or tap.node in readers or extent in (None, 1) or not inside.isdisjoint(readers):
            continue
        name = _free(f"{tap.node}_{TAKEN}", nodes)
        taking = Node(name, "gather", (tap.node,), source.shape, {"places": tuple(range(extent or 0))})
        before |= dict.fromkeys((min(readers, key=list(nodes).index),), taking)
        names[tap.node] = name
        for reader in readers:
            nodes[reader] = replace(nodes[reader], inputs=(name, *nodes[reader].inputs[1:]))
    ordered = [each for node in nodes.values() for each in (before.get(node.name), node) if each is not None]
    return replace(network, nodes=tuple(ordered)), names


def _taps(network: Network) -> tuple[Tap, ...]:
    """Where weights read inputs along the last axis, as all of it."""
    followed = trace(network)
    return tuple(
        tap
        for space in followed.spaces
        if any(pin.reason == INPUT for pin in space.pins)
        for tap in space.taps
        if followed.units[tap.node].axis == len(network[tap.node].shape) - 1 and not tap.mate
    )


def _free(name: str, taken: Mapping[str, Node]) -> str:
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def closed(network: Network) -> Network:
    """The same network without what takes all places in their order."""
    idle = {
        node.name: node.inputs[0]
        for node in network
        if node.kind == "gather" and node.config["places"] == tuple(range(network[node.inputs[0]].shape[-1] or 0))
    }
    return _without(network, idle)


def widened(network: Network) -> Network:
    """The same network with weights of zero for places that are not taken, where only weights read those that are."""
    found, changed = {}, {}
    for node in network:
        readers = network.readers(node.name)
        if node.kind != "gather" or node.name in network.outputs or not all(_widens(each, node) for each in readers):
            continue
        found[node.name] = node.inputs[0]
        for reader in readers:
            changed[reader.name] = _wider(reader, node, network[node.inputs[0]].shape[-1] or 0)
    return _without(network.with_nodes(changed), found)


def _widens(reader: Node, node: Node) -> bool:
    rule = RULES.get(reader.kind)
    if (
        rule is None
        or not rule.reads
        or rule.rereads
        or reader.config.get("groups", 1) != 1
        or reader.inputs != (node.name,)
    ):
        return False
    return rule.axis(reader, len(node.shape)) == len(node.shape) - 1


def _wider(reader: Node, node: Node, extent: int) -> Node:
    rule, places = RULES[reader.kind], list(node.config["places"])
    weights = dict(rule.loose(reader))
    for name, axis in rule.reads.items():
        rows = np.moveaxis(weights[name], axis, 0)
        wide = np.zeros((extent, *rows.shape[1:]), rows.dtype)
        np.add.at(wide, places, rows)  # a place may be taken twice
        weights[name] = np.moveaxis(wide, 0, axis)
    return rule.packed(reader, weights)


def _without(network: Network, gone: Mapping[str, str]) -> Network:
    """The same network where each of some nodes gives way to the one that it reads."""
    if not gone:
        return network
    nodes = tuple(
        replace(node, inputs=tuple(gone.get(name, name) for name in node.inputs))
        for node in network
        if node.name not in gone
    )
    return replace(network, nodes=nodes)
