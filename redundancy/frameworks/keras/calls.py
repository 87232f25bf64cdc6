"""From a network's nodes to the calls of Keras layers that they stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redundancy.errors import NetworkError
from redundancy.frameworks.keras.meaning import default_activation
from redundancy.frameworks.keras.origin import ItemOrigin
from redundancy.network import Array, Network, Node

_WITH_ACTIVATION = ("dense", "conv")
"""The kinds whose Keras layers take an activation as an argument."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a Keras layer.

    Attributes:
        layer: Its name in the Keras model.
        node: What it computes.
        activation: The node of the activation that the layer has as an argument; None for none.
    """

    layer: str
    node: Node
    activation: Node | None = None

    @property
    def output(self) -> str:
        """The node whose output is the call's."""
        return (self.activation or self.node).name


def calls(network: Network) -> tuple[Call, ...]:
    """The calls of Keras layers that a network stands for, each after those it reads; inputs among them.

    Raises:
        NetworkError: Nodes of one layer have different weights.
    """
    mains = _mains(network)
    fused = _fused(network, mains)
    absorbed = {node.name for node in fused.values()}
    names = _KerasNames(network)
    found = []
    for node in network:
        if node.name in absorbed or isinstance(node.origin, ItemOrigin):
            continue
        own = any(node is main for main in mains[node.layer])
        found.append(Call(names.of(node.layer if own else node.name), node, fused.get(node.name)))
    return tuple(found)


def _mains(network: Network) -> Mapping[str, list[Node]]:
    """The nodes that are calls of a layer, by layer; not the activation that it was given as an argument."""
    mains: dict[str, list[Node]] = defaultdict(list)
    for node in network:
        before = mains[node.layer]
        if not before or before[0].kind == node.kind:
            before.append(node)
    for layer, nodes in mains.items():
        if any(_differ(nodes[0], node) for node in nodes[1:]):
            what = f"layer '{layer}' is called {len(nodes)} times, but its nodes have different weights"
            raise NetworkError(f"{what}; give all of them the same")
    return mains


def _differ(first: Node, second: Node) -> bool:
    if first.weights.keys() != second.weights.keys():
        return True
    return any(_unequal(array, second.weights[name]) for name, array in first.weights.items())


def _unequal(a: Array, b: Array) -> bool:
    # By their bits, so that a NaN is equal to itself.
    return a is not b and (a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes())


def _fused(network: Network, mains: Mapping[str, Iterable[Node]]) -> dict[str, Node]:
    """The activation that a layer can take as an argument, by the node that it follows."""
    fused: dict[str, Node] = {}
    for nodes in mains.values():
        found = {node.name: _only_reader(network, node) for node in nodes if node.kind in _WITH_ACTIVATION}
        activations = [node for node in found.values() if node is not None]
        # A layer that is called several times has one activation.
        if activations and len(activations) == len(found) and _same(activations):
            fused.update(zip(found, activations, strict=True))
    return fused


def _only_reader(network: Network, node: Node) -> Node | None:
    readers = network.readers(node.name)
    if len(readers) != 1 or node.name in network.outputs:
        return None
    reader = readers[0]
    mine = reader.kind == "activation" and reader.layer == node.layer
    # Keras takes functions by name: one with another parameter needs a layer of its own.
    return reader if mine and dict(reader.config) == default_activation(reader.config["function"]) else None


def _same(nodes: list[Node]) -> bool:
    return all(node.config == nodes[0].config for node in nodes)


class _KerasNames:
    """Names without a slash, which Keras refuses: the layer's own where it has none, and never one twice."""

    def __init__(self, network: Network) -> None:
        self._names: dict[str, str] = {}
        plain = {name for node in network for name in (node.layer, node.name) if "/" not in name}
        self._taken = set(plain)

    def of(self, layer: str) -> str:
        """The name of a layer."""
        if "/" not in layer:
            return layer
        if layer not in self._names:
            base = layer.replace("/", "_")
            numbered = (f"{base}_{number}" if number else base for number in range(len(self._taken) + 1))
            self._names[layer] = next(name for name in numbered if name not in self._taken)
            self._taken.add(self._names[layer])
        return self._names[layer]
