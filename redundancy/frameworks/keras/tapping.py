"""Inputs that are put between a node of a network and whoever reads it: what they are given changes its values there.

The gradient with respect to such an input is the gradient with respect to the node's value, on every backend alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from redundancy.frameworks.keras.origin import CallOrigin, ItemOrigin, LayerOrigin, PartOrigin, Slot
from redundancy.network import Network, Node

FACTOR, SUMMAND = "factor", "summand"
"""What an input is to the values: 1 leaves them as they are, or 0 does."""

Shape = tuple[int | None, ...]


def leading(network: Network, *outputs: str) -> Network:
    """The part of a network that leads to some nodes, which become its outputs; all its inputs stay."""
    reached = set(outputs)
    for node in reversed(network.nodes):
        if node.name in reached:
            # The steps of one layer stand and fall together, with all that the layer reads.
            reached.update(node.inputs, (_first(node),), getattr(node.origin, "feeds", ()))
    kept = tuple(node for node in network if node.kind == "input" or {node.name, _first(node)} & reached)
    return Network(kept, outputs)


def _first(node: Node) -> str:
    """The first step of the layer that a node is a step of."""
    return node.origin.of if isinstance(node.origin, PartOrigin) else node.name


def tapped(network: Network, shapes: Mapping[str, Shape], role: str, dtype: str) -> tuple[Network, dict[str, str]]:
    """The network with one more input for each of some nodes, behind its own.

    Args:
        network: Not nested.
        shapes: Of those inputs without the batch, as they broadcast to the node's values, by name of the node.
        role: FACTOR or SUMMAND.
        dtype: Of those inputs.

    Returns:
        The network, and for each of those nodes the name of the one that gives its values from now on.
    """
    gates = {name: _free(network, f"{name}_{role}") for name in shapes}
    inputs = [_input(gates[name], shape, dtype) for name, shape in shapes.items()]
    nodes: list[Node] = []
    for node in network:
        nodes.append(_rewired(node, gates))
        if node.name in shapes:
            nodes.append(_gate(node, gates[node.name], role))
    # Keras takes inputs in the order of the nodes: the network's own come first.
    own = [node for node in nodes if node.kind == "input"]
    rest = [node for node in nodes if node.kind != "input"]
    return Network((*own, *inputs, *rest), tuple(gates.get(name, name) for name in network.outputs)), gates


def _free(network: Network, name: str) -> str:
    """A name that Keras allows and that no node has."""
    taken = {other for node in network for other in (node.name, node.layer)}
    name = name.replace("/", "_")
    while name in taken or f"{name}_input" in taken:
        name += "_"
    return name


def _rewired(node: Node, gates: Mapping[str, str]) -> Node:
    if isinstance(node.origin, ItemOrigin):
        return node  # one of several outputs is found by the call that gives it
    return node.reading(gates)


def _input(gate: str, shape: Shape, dtype: str) -> Node:
    return Node(f"{gate}_input", "input", shape=shape, config={"dtype": dtype})


def _gate(node: Node, gate: str, role: str) -> Node:
    layer = LayerOrigin(_layer(), {"name": gate, "role": role, "dtype": "float32"})
    origin = CallOrigin(layer, ((Slot(0), Slot(1)), {}), 2)
    return Node(gate, "Gate", (node.name, f"{gate}_input"), node.shape, origin=origin)


@cache
def _layer() -> type:
    """The class of the layer: made where it is asked for, so that importing this loads no Keras."""
    import keras

    class Gate(keras.layers.Layer):  # type: ignore[misc]
        """Values times, or plus, what an input says; a mask that comes with the values goes on with them."""

        def __init__(self, role: str, **options: Any) -> None:
            super().__init__(autocast=False, **options)
            self.role, self.supports_masking = role, True
            self._convert_input_args = False

        def call(self, values: Any, given: Any) -> Any:
            given = keras.ops.cast(given, values.dtype)
            return values * given if self.role == FACTOR else values + given

        def compute_output_spec(self, values: Any, given: Any) -> Any:
            return keras.KerasTensor(values.shape, values.dtype)

    return Gate
