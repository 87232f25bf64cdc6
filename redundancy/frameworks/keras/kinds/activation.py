"""Activations, as layers and as arguments of others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, batched, batchless, makes, reads
from redundancy.network import Node

PARAMETERS: Mapping[str, str] = {
    "leaky_relu": "negative_slope",
    "elu": "alpha",
    "softmax": "axis",
    "log_softmax": "axis",
}
"""The functions whose node says a parameter."""

_OWN_LAYERS = {
    "leaky_relu": ("LeakyReLU", "negative_slope"),
    "elu": ("ELU", "alpha"),
    "softmax": ("Softmax", "axis"),
}
"""The functions with a layer of their own that takes their parameter."""


def default_activation(function: str) -> dict[str, Any]:
    """The configuration of an activation that Keras knows by its name alone."""
    import keras

    name = PARAMETERS.get(function)
    if name is None:
        return {"function": function}
    parameters = inspect.signature(getattr(keras.activations, function)).parameters
    return {"function": function, name: parameters[name].default}


def function_of(function: Any) -> dict[str, Any] | None:
    """The configuration of a function of Keras's own; None for any other."""
    import keras

    name = getattr(function, "__name__", "")
    return default_activation(name) if name and getattr(keras.activations, name, None) is function else None


@reads("Activation")
def _activation(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = function_of(layer.activation)
    return None if config is None else Meaning("activation", config)


@reads("ReLU")
def _relu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    limit, slope = layer.max_value, float(layer.negative_slope)
    if layer.threshold != 0 or slope < 0 or (slope > 0 and limit is not None) or limit not in (None, 6):
        return None
    if slope > 0:
        return Meaning("activation", {"function": "leaky_relu", "negative_slope": slope})
    return Meaning("activation", {"function": "relu" if limit is None else "relu6"})


@reads("LeakyReLU")
def _leaky_relu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("activation", {"function": "leaky_relu", "negative_slope": float(layer.negative_slope)})


@reads("ELU")
def _elu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("activation", {"function": "elu", "alpha": float(layer.alpha)})


@reads("Softmax")
def _softmax(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = batchless(layer.axis, shapes)
    return None if axis is None else Meaning("activation", {"function": "softmax", "axis": axis})


@makes("activation")
def _made(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    function = config["function"]
    if came_from == "ReLU" and function in ("relu", "relu6", "leaky_relu"):
        slope = config.get("negative_slope", 0.0)
        return "ReLU", {"max_value": 6.0 if function == "relu6" else None, "negative_slope": slope, "threshold": 0.0}
    usual = _usual(node)
    if usual and (came_from == "Activation" or function not in _OWN_LAYERS):
        return "Activation", {"activation": function}
    if function not in _OWN_LAYERS:
        raise UnsupportedError(f"layer '{node.layer}': no Keras layer does {dict(config)}; use the default")
    cls, name = _OWN_LAYERS[function]
    return cls, {name: batched(config[name]) if name == "axis" else config[name]}


def _usual(node: Node) -> bool:
    """Whether the function has Keras's own parameters, so that its name says all."""
    import keras

    function = node.config["function"]
    if not hasattr(keras.activations, function):
        raise UnsupportedError(f"layer '{node.layer}': no function '{function}' in keras.activations; use one of those")
    return dict(node.config) == default_activation(function)
