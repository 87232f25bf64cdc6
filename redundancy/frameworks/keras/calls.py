"""From a network's nodes to the calls of Keras layers that they stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redundancy.errors import NetworkError
from redundancy.frameworks.keras.kinds import WITH_ACTIVATION, default_activation, paths_of
from redundancy.frameworks.keras.origin import ArgumentOrigin, CallOrigin, EntryOrigin, ItemOrigin, PartOrigin
from redundancy.network import Array, Network, Node


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a Keras layer.

    Attributes:
        layer: Its name in the Keras model.
        node: What it computes; the first of them, if the layer means several nodes.
        activation: The node of the activation that the layer has as an argument; None for none.
        parts: All its nodes by role, if it means several.
        scope: The nested models that it is in, the outermost first.
    """

    layer: str
    node: Node
    activation: Node | None = None
    parts: Mapping[str, Node] = field(default_factory=dict)
    scope: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The node whose output is the call's."""
        last = list(self.parts.values())[-1] if self.parts else self.activation or self.node
        return last.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The nodes that it reads, in order."""
        return self.node.origin.feeds if self.parts else self.node.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The nodes whose outputs are the call's, in order; of a layer that means one node, that one for all."""
        several = [node.name for node in self.parts.values() if getattr(node.origin, "output", None) is not None]
        return tuple(several) or (self.output,)

    @property
    def path(self) -> tuple[str, ...]:
        """Where the layer is in the model: the nested models, then its own name."""
        return (*self.scope, self.layer)

    def variables(self) -> list[tuple[Node, str, str]]:
        """(node, name of the weight, path of the layer's attribute) of every weight."""
        found = []
        for node in self.parts.values() or (self.node,):
            paths = getattr(node.origin, "paths", None) or paths_of(node.kind)
            found += [(node, name, paths.get(name, name)) for name in node.weights]
        return found


def calls(network: Network) -> tuple[Call, ...]:
    """The calls of Keras layers that a network stands for, each after those it reads; inputs among them.

    Raises:
        NetworkError: Nodes of one layer have different weights.
    """
    mains = _mains(network)
    fused = _fused(network, mains)
    absorbed = {node.name for node in fused.values()}
    parts = _parts(network)
    names = _KerasNames(network)
    found = []
    for node in network:
        if node.name in absorbed or isinstance(node.origin, EntryOrigin | ItemOrigin | PartOrigin):
            continue
        own = any(node is main for main in mains[node.layer])
        scope = node.origin.scope if isinstance(node.origin, CallOrigin) else ()
        layer = node.layer.split("/", len(scope))[-1] if scope else names.of(node.layer if own else node.name)
        found.append(Call(layer, node, fused.get(node.name), parts.get(node.name, {}), scope))
    return tuple(found)


def _parts(network: Network) -> Mapping[str, dict[str, Node]]:
    """The nodes of each layer that means several, by role, by the first one's name."""
    found: dict[str, dict[str, Node]] = {}
    for node in network:
        if isinstance(node.origin, CallOrigin) and node.origin.several:
            found[node.name] = {"": node}
        elif isinstance(node.origin, PartOrigin):
            found[node.origin.of][node.origin.role] = node
    return found


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
    readers = _readers(network)
    for nodes in mains.values():
        found = {n.name: _only_reader(network, n, readers) for n in nodes if n.kind in WITH_ACTIVATION}
        activations = [node for node in found.values() if node is not None]
        # A layer that is called several times has one activation.
        if activations and len(activations) == len(found) and _same(activations):
            fused.update(zip(found, activations, strict=True))
    return fused


def _readers(network: Network) -> Mapping[str, list[Node]]:
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in network:
        for name in dict.fromkeys(node.inputs):
            readers[name].append(node)
    return readers


def _only_reader(network: Network, node: Node, readers: Mapping[str, list[Node]]) -> Node | None:
    if len(readers[node.name]) != 1 or node.name in network.outputs:
        return None
    reader = readers[node.name][0]
    mine = reader.kind == "activation" and reader.layer == node.layer and not isinstance(reader.origin, PartOrigin)
    # Keras takes functions by name: one with another parameter needs a layer of its own, or to be as it was.
    return reader if mine and (is_as_given(reader) or _is_default(reader)) else None


def is_as_given(node: Node) -> bool:
    """Whether an activation is the one that its layer was given as an argument when it was read."""
    return isinstance(node.origin, ArgumentOrigin) and node.origin.config == node.config


def _is_default(node: Node) -> bool:
    return dict(node.config) == default_activation(node.config["function"])


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
