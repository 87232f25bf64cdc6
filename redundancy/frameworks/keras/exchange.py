"""Weights, out of a written model and into it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.errors import NetworkError
from redundancy.frameworks.keras.calls import Call, calls
from redundancy.frameworks.keras.kinds import attribute, is_known
from redundancy.frameworks.keras.recording import stored
from redundancy.network import Array, Network, Node, frozen_array

if TYPE_CHECKING:
    import keras


def pull(model: keras.Model, network: Network) -> Network:
    """The network with a model's present weights.

    Args:
        model: Made by `write` from this network, or from one of the same structure.
        network: Its weights do not matter but for their names and shapes.

    Raises:
        NetworkError: The model has no such layer, or weights of other shapes.
    """
    changed: dict[str, Node] = {}
    arrays: dict[tuple[tuple[str, ...], str], dict[str, Array]] = {}
    for call, layer in _layers(model, network):
        for node, variables in _variables(call, layer):
            role = getattr(node.origin, "role", "")
            if (call.path, role) not in arrays:
                values = {name: frozen_array(stored(variable)) for name, variable in variables.items()}
                arrays[call.path, role] = values
            changed[node.name] = node.with_weights(arrays[call.path, role])
    return replace(network, nodes=tuple(changed.get(node.name, node) for node in network))


def push(network: Network, model: keras.Model, held: Collection[tuple[tuple[str, ...], str]] = ()) -> None:
    """Sets a model's weights to a network's.

    Args:
        network: Of the structure that the model was written from.
        model: Made by `write`; changed in place, its optimizer's state left as it is.
        held: Weights that it has already, as (path of the layer, the layer's name of the weight).

    Raises:
        NetworkError: The model has no such layer, or weights of other shapes.
    """
    # Everything is checked before anything is changed.
    found = [(call, layer, _variables(call, layer)) for call, layer in _layers(model, network)]
    done: set[tuple[str, ...]] = set()
    for call, layer, nodes in found:
        if call.path in done:
            continue
        done.add(call.path)
        paths = {(node.name, name): path for node, name, path in call.variables()}
        for node, variables in nodes:
            for name, variable in variables.items():
                if (call.path, paths[node.name, name]) not in held:
                    variable.assign(np.asarray(node.weights[name]))
        _finalize(layer)


def _layers(model: Any, network: Network) -> Iterator[tuple[Call, Any]]:
    """The calls that have weights, and their layers."""
    known: dict[tuple[str, ...], dict[str, Any]] = {}
    for call in calls(network):
        if not call.variables():
            continue
        if call.scope not in known:
            inside = model
            for name in call.scope:
                inside = inside.get_layer(name)
            known[call.scope] = {layer.name: layer for layer in inside.layers}
        if call.layer not in known[call.scope]:
            raise NetworkError(f"the model has no layer '{call.layer}'; give one that was written from this network")
        yield call, known[call.scope][call.layer]


def _variables(call: Call, layer: Any) -> list[tuple[Node, dict[str, Any]]]:
    """The variables of a layer, by node and by the node's names for them."""
    wanted = call.variables()
    if is_known(call.node) or call.parts:
        found = [attribute(layer, path) for _, _, path in wanted]
    else:
        found = [*layer.weights, *[None] * len(wanted)][: len(wanted)]
    pairs = list(zip(wanted, found, strict=True))
    wrong = [1 for (node, name, _), variable in pairs if variable is None or variable.shape != node.weights[name].shape]
    if wrong or len(layer.weights) != len(wanted):
        sizes = [tuple(variable.shape) for variable in layer.weights]
        shapes = [node.weights[name].shape for node, name, _ in wanted]
        raise NetworkError(f"the model's layer '{call.layer}' has weights of shapes {sizes}, the network's {shapes}")
    nodes: dict[str, tuple[Node, dict[str, Any]]] = {}
    for (node, name, _), variable in pairs:
        nodes.setdefault(node.name, (node, {}))[1][name] = variable
    return list(nodes.values())


def _finalize(layer: Any) -> None:
    """Some layers, such as Normalization, compute with constants that they make of their weights."""
    for part in layer._flatten_layers():
        if hasattr(part, "finalize_state"):
            part.finalize_state()
