"""Inputs that lose units: where weights read them, some places are taken, and the rest is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

import numpy as np

from redundancy.layers import INPUT, RULES
from redundancy.network import Network, Node
from redundancy.spaces import Space, Trace, trace

TAKEN = "taken"
"""What the name of a node that takes places of another one's output ends with."""


def opened(network: Network) -> tuple[Network, dict[str, tuple[str, ...]]]:
    """The same network with all places of its inputs taken, one by one, wherever weights read them.

    What takes them makes units that may go, as inputs may not. Readers inside a model that the network calls, and
    axes of one unit, are left alone.

    Returns:
        The network; and the names of what takes them, by the name of the node whose output is read. What takes some
        already is among them.
    """
    followed = trace(network)
    found = _taking(network, followed)
    inside = {name for nested in getattr(network.origin, "nested", ()) for name in nested.members}
    nodes = {node.name: node for node in network}
    behind: dict[str, Node] = {}
    for source, reads in _read(network, followed).items():
        extent, calling = nodes[source].shape[-1], _calling(nodes, source, reads, inside)
        if extent in (None, 1) or not calling:
            continue
        name = _free(f"{source}_{TAKEN}", (*nodes.values(), *behind.values()))
        behind[source] = Node(name, "gather", (source,), nodes[source].shape, {"places": tuple(range(extent or 0))})
        found[source] = (*found.get(source, ()), name)
        nodes |= {reader: nodes[reader].reading({source: name}) for reader in calling}
    ordered = [each for node in nodes.values() for each in (node, behind.get(node.name)) if each is not None]
    return replace(network, nodes=tuple(ordered)), found


def _taking(network: Network, followed: Trace) -> dict[str, tuple[str, ...]]:
    """What takes some places of inputs already, by the name of the node whose output it reads."""
    inputs = [unit for space in followed.spaces if _is_input(space) for unit in space.ids.tolist()]
    found: dict[str, tuple[str, ...]] = {}
    for node in network:
        if node.kind == "gather" and np.isin(followed.made(node.inputs[0]), inputs).any():
            found[node.inputs[0]] = (*found.get(node.inputs[0], ()), node.name)
    return found


def _read(network: Network, followed: Trace) -> dict[str, set[str]]:
    """The nodes whose weights read inputs along the last axis, as all of it, by the node whose output they read."""
    found: dict[str, set[str]] = {}
    for tap in (tap for space in followed.spaces if _is_input(space) for tap in space.taps):
        if followed.units[tap.node].axis == len(network[tap.node].shape) - 1 and not tap.mate:
            found.setdefault(tap.node, set()).update(read.node for read in tap.reads)
    return found


def _is_input(space: Space) -> bool:
    return any(pin.reason == INPUT for pin in space.pins)


def _calling(nodes: Mapping[str, Node], source: str, reads: Set[str], inside: Set[str]) -> set[str]:
    """The nodes of the calls that may read something else than a node: those where nothing but weights reads it."""
    kept = {node.name for node in nodes.values() if source in node.inputs and node.name not in reads}
    kept |= {name for name in reads if name in inside or source in nodes[name].inputs[1:]}
    barred = {source, *kept}
    calls = {_call(nodes[name]) for name in reads} - {_call(nodes[name]) for name in barred}
    return {node.name for node in nodes.values() if _call(node) in calls}


def _call(node: Node) -> str:
    """The first node of the layer's call that a node is part of."""
    return str(getattr(node.origin, "of", node.name))


def _free(name: str, nodes: Iterable[Node]) -> str:
    """A name that no node, layer or model inside the model has."""
    taken = {part for node in nodes for part in (node.name, node.layer, node.name.split("/")[0])}
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def closed(network: Network) -> Network:
    """The same network without what `opened` put in and still takes all places in their order."""
    idle = {
        node.name: node.inputs[0]
        for node in network
        if node.kind == "gather"
        and node.origin is None
        and node.name not in network.outputs
        and node.config["places"] == tuple(range(network[node.inputs[0]].shape[-1] or 0))
    }
    return _without(network, idle)


def widened(network: Network) -> Network:
    """The same network with weights of zero for places not taken, where only weights read what is taken, and once."""
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
        or len(set(node.config["places"])) < len(node.config["places"])  # sums of weights would be rounded
    ):
        return False
    return rule.axis(reader, len(node.shape)) == len(node.shape) - 1


def _wider(reader: Node, node: Node, extent: int) -> Node:
    rule, places = RULES[reader.kind], list(node.config["places"])
    weights = dict(rule.loose(reader))
    for name, axis in rule.reads.items():
        rows = np.moveaxis(weights[name], axis, 0)
        wide = np.zeros((extent, *rows.shape[1:]), rows.dtype)
        wide[places] = rows
        weights[name] = np.moveaxis(wide, 0, axis)
    return rule.packed(reader, weights)


def _without(network: Network, gone: Mapping[str, str]) -> Network:
    """The same network where each of some nodes gives way to the one that it reads."""
    if not gone:
        return network
    nodes = tuple(node.reading(gone) for node in network if node.name not in gone)
    return replace(network, nodes=nodes)
