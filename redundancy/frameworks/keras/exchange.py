"""Weights, out of a written model and into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.errors import NetworkError
from redundancy.frameworks.keras.calls import Call, calls
from redundancy.frameworks.keras.making import is_known
from redundancy.frameworks.keras.meaning import VARIABLES
from redundancy.frameworks.keras.reading import stored
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
    arrays: dict[str, dict[str, Array]] = {}
    for call, layer in _layers(model, network):
        if call.layer not in arrays:
            variables = _variables(call, layer)
            arrays[call.layer] = {name: frozen_array(stored(variable)) for name, variable in variables.items()}
        changed[call.node.name] = call.node.with_weights(arrays[call.layer])
    return replace(network, nodes=tuple(changed.get(node.name, node) for node in network))


def push(network: Network, model: keras.Model) -> None:
    """Sets a model's weights to a network's.

    Args:
        network: Of the structure that the model was written from.
        model: Made by `write`; changed in place, its optimizer's state left as it is.

    Raises:
        NetworkError: The model has no such layer, or weights of other shapes.
    """
    # Everything is checked before anything is changed.
    found = [(call, layer, _variables(call, layer)) for call, layer in _layers(model, network)]
    for call, layer, variables in found:
        for name, variable in variables.items():
            variable.assign(np.asarray(call.node.weights[name]))
        if not is_known(call.node):
            _finalize(layer)


def _layers(model: Any, network: Network) -> Iterator[tuple[Call, Any]]:
    """The calls that have weights, and their layers."""
    layers = {layer.name: layer for layer in model.layers}
    for call in calls(network):
        if not call.node.weights:
            continue
        if call.layer not in layers:
            raise NetworkError(f"the model has no layer '{call.layer}'; give one that was written from this network")
        yield call, layers[call.layer]


def _variables(call: Call, layer: Any) -> dict[str, Any]:
    """The variables of a layer by the node's names for them."""
    weights = call.node.weights
    if is_known(call.node):
        found = {name: getattr(layer, VARIABLES[name], None) for name in weights}
    else:
        found = dict(zip(weights, [*layer.weights, *[None] * len(weights)], strict=False))
    wrong = [name for name, variable in found.items() if variable is None or variable.shape != weights[name].shape]
    if wrong or len(layer.weights) != len(weights):
        sizes = [tuple(variable.shape) for variable in layer.weights]
        wanted = [array.shape for array in weights.values()]
        raise NetworkError(f"the model's layer '{call.layer}' has weights of shapes {sizes}, the network's {wanted}")
    return found


def _finalize(layer: Any) -> None:
    """Some layers, such as Normalization, compute with constants that they make of their weights."""
    for part in layer._flatten_layers():
        if hasattr(part, "finalize_state"):
            part.finalize_state()
