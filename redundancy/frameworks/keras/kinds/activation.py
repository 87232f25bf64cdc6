"""Activations: as layers, as arguments of others, and as operations on tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy import algebra
from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.kind import (
    Made,
    Meaning,
    Paths,
    Shape,
    batched,
    batchless,
    makes,
    operates,
    present,
    reads,
)
from redundancy.network import Node

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    **algebra.PARAMETERS,
    **{function: {"axis": -1} for function in algebra.NOT_POINTWISE},
}
"""Keras's defaults of the parameters that functions have."""

_ALWAYS_SAID = frozenset({"leaky_relu", "elu", "softmax", "log_softmax", "threshold"})
"""The functions whose node says every parameter, and not only those that differ from Keras's defaults."""

_OWN_LAYERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "relu": ("ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.2}),
    "elu": ("ELU", {"alpha": 1.0}),
    "softmax": ("Softmax", {"axis": -1}),
}
"""The functions with a layer of their own that takes their parameters."""

_LAYERS: Mapping[str, str] = {cls: function for function, (cls, _) in _OWN_LAYERS.items()}

_OPERATIONS: Mapping[str, str] = {
    "Abs": "abs",
    "Absolute": "abs",
    "Arctan": "arctan",
    "Celu": "celu",
    "Cos": "cos",
    "Elu": "elu",
    "Erf": "erf",
    "Exp": "exponential",
    "Gelu": "gelu",
    "Glu": "glu",
    "HardShrink": "hard_shrink",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LeakyRelu": "leaky_relu",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "Mish": "mish",
    "ReLU": "relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Sin": "sin",
    "SoftShrink": "soft_shrink",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "Sparsemax": "sparsemax",
    "Square": "square",
    "Squareplus": "squareplus",
    "Tanh": "tanh",
    "TanhShrink": "tanh_shrink",
    "Threshold": "threshold",
}
"""The functions that operations of Keras are, by class."""


def default_activation(function: str) -> dict[str, Any]:
    """The configuration of an activation that Keras knows by its name alone."""
    return _said(function, {})


def _said(function: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a function with parameters; those that are not given have Keras's defaults."""
    defaults = _DEFAULTS.get(function, {})
    values = {name: _plain(given.get(name, default)) for name, default in defaults.items()}
    stated = {name: v for name, v in values.items() if v != defaults[name] or function in _ALWAYS_SAID}
    return {"function": function, **stated}


def _plain(value: Any) -> Any:
    """A number as Python has it; truth and whole numbers stay what they are."""
    return value if value is None or isinstance(value, bool | int | tuple | list) else float(value)


def function_of(function: Any) -> dict[str, Any] | None:
    """The configuration of a function, or a layer of one, that is Keras's own; None for any other."""
    import keras

    if isinstance(function, keras.Layer):
        return _argument(function)
    name = getattr(function, "__name__", "")
    if name and getattr(keras.activations, name, None) is function:
        return default_activation(algebra.ALIASES.get(name, name))
    return None


def _argument(layer: Any) -> dict[str, Any] | None:
    """The configuration of an activation layer that stands for a function, as in `Dense(3, activation=ReLU(6))`."""
    import keras

    cls = type(layer)
    if cls is keras.layers.Activation:
        return function_of(layer.activation)
    known = cls is getattr(keras.layers, cls.__name__, None) and cls.__name__ in _LAYERS
    if not known or isinstance(getattr(layer, "axis", None), tuple | list):
        return None
    return _of_layer(layer)


def _of_layer(layer: Any) -> dict[str, Any]:
    function = _LAYERS[type(layer).__name__]
    given = {name: getattr(layer, name) for name in _OWN_LAYERS[function][1]}
    if function == "relu" and not given["threshold"]:
        slope, limit = float(given["negative_slope"]), given["max_value"]
        if slope and limit is None:
            return {"function": "leaky_relu", "negative_slope": slope}
        if not slope and limit == 6:
            return {"function": "relu6"}
    return _said(function, given)


@reads("Activation")
def _activation(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = function_of(layer.activation)
    return None if config is None else Meaning("activation", config)


@reads("ReLU", "LeakyReLU", "ELU")
def _layer(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("activation", _of_layer(layer))


@reads("Softmax")
def _softmax(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = batchless(layer.axis, shapes)
    return None if axis is None else Meaning("activation", {"function": "softmax", "axis": axis})


@operates(*_OPERATIONS)
def _operation(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    function = _OPERATIONS[type(operation).__name__]
    given = {name: getattr(operation, name) for name in _DEFAULTS.get(function, {}) if hasattr(operation, name)}
    if "axis" in given:
        given["axis"] = batchless(given["axis"], shapes)
        if given["axis"] is None:
            return None
    # One half of a gate multiplies the other: its output is narrower, which no function of one unit is.
    return Meaning("activation", _said(function, given)) if len(shapes) == 1 and function != "glu" else None


@makes("activation")
def _made(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    function = config["function"]
    if came_from.startswith("ops."):
        return came_from, {}
    if came_from == "ReLU" and function in ("relu", "relu6", "leaky_relu"):
        given = {"max_value": 6.0} if function == "relu6" else config
        return "ReLU", {name: given.get(name, default) for name, default in _OWN_LAYERS["relu"][1].items()}
    usual = _usual(node)
    if usual and (came_from == "Activation" or function in ("relu", *_unlayered(function))):
        return "Activation", {"activation": function}
    if function not in _OWN_LAYERS:
        raise UnsupportedError(f"layer '{node.layer}': no Keras layer does {dict(config)}; use the default")
    cls, defaults = _OWN_LAYERS[function]
    said = {name: config.get(name, default) for name, default in defaults.items()}
    return cls, {name: batched(value) if name == "axis" else value for name, value in said.items()}


def _unlayered(function: str) -> tuple[str, ...]:
    return () if function in _OWN_LAYERS else (function,)


def _usual(node: Node) -> bool:
    """Whether the function has Keras's own parameters, so that its name says all."""
    import keras

    function = node.config["function"]
    if not hasattr(keras.activations, function):
        raise UnsupportedError(f"layer '{node.layer}': no function '{function}' in keras.activations; use one of those")
    return dict(node.config) == default_activation(function)


PRELU: Paths = {"alpha": "alpha"}


@reads("PReLU")
def _prelu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("prelu", {}, present(layer, **PRELU))


@makes("prelu", paths=PRELU)
def _made_prelu(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    if came_from:
        return came_from, {}
    alpha = node.weights["alpha"].shape
    shared = [axis + 1 for axis, extent in enumerate(alpha) if extent == 1 != node.shape[axis]]
    return "PReLU", {"shared_axes": shared or None}
