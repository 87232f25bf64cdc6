"""Which Keras layer a node of one of the house's kinds is, and how it is configured: one small function a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.meaning import default_activation
from redundancy.layers import RULES
from redundancy.network import Node

Made = tuple[str, dict[str, Any]]
"""The name of a Keras class, and what the node says of its configuration."""

# (node, its configuration with every default, the name of the class that it came from or "")
Maker = Callable[[Node, Mapping[str, Any], str], Made]

_MAKERS: dict[str, Maker] = {}

NAMED = ("name", "trainable", "dtype")
"""What every Keras layer's configuration has."""


def is_known(node: Node) -> bool:
    """Whether the node's kind is one of the house's."""
    return node.kind in _MAKERS


def made(node: Node, activation: Node | None, came_from: str) -> Made:
    """The Keras class of a node, and what the node says of its configuration.

    Args:
        node: Of a known kind.
        activation: The activation that the layer takes as an argument.
        came_from: Name of the Keras class that it was read from, or "".

    Raises:
        UnsupportedError: Keras has no layer for it.
    """
    cls, config = _MAKERS[node.kind](node, {**RULES[node.kind].defaults, **node.config}, came_from)
    if node.kind in ("dense", "conv"):
        config["activation"] = activation.config["function"] if activation else "linear"
    return cls, config


def _makes(*kinds: str) -> Callable[[Maker], Maker]:
    def registered(maker: Maker) -> Maker:
        for kind in kinds:
            _MAKERS[kind] = maker
        return maker

    return registered


def _linear(node: Node, config: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"use_bias": "bias" in node.weights}
    if "regularizer" in config:
        made["kernel_regularizer"] = _regularizer(node, *config["regularizer"])
    return made


def _regularizer(node: Node, name: str, factor: float) -> Any:
    import keras

    known = {"l1": keras.regularizers.L1, "l2": keras.regularizers.L2}
    if name not in known:
        raise UnsupportedError(f"layer '{node.layer}': the regularizer '{name}' is unknown; use 'l1' or 'l2'")
    return known[name](factor)


@_makes("input")
def _input(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "InputLayer", {"batch_shape": (None, *node.shape), "dtype": config["dtype"]}


@_makes("dense")
def _dense(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Dense", {"units": node.weights["kernel"].shape[1], **_linear(node, config)}


@_makes("conv")
def _conv(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    kernel = node.weights["kernel"]
    renamed = {"dilation_rate": config["dilation"]}
    plain = {name: config[name] for name in ("strides", "padding", "groups", "data_format")}
    sizes = {"filters": kernel.shape[3], "kernel_size": kernel.shape[:2]}
    return "Conv2D", {**sizes, **plain, **renamed, **_linear(node, config)}


@_makes("batch_normalization")
def _batch_normalization(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    made = {"axis": _batched(config["axis"]), "epsilon": config["epsilon"], "momentum": config["momentum"]}
    return "BatchNormalization", {**made, "scale": "gamma" in node.weights, "center": "beta" in node.weights}


@_makes("activation")
def _activation(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
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
    return cls, {name: _batched(config[name]) if name == "axis" else config[name]}


_OWN_LAYERS = {
    "leaky_relu": ("LeakyReLU", "negative_slope"),
    "elu": ("ELU", "alpha"),
    "softmax": ("Softmax", "axis"),
}
"""The functions with a layer of their own that takes their parameter."""


def _usual(node: Node) -> bool:
    """Whether the function has Keras's own parameters, so that its name says all."""
    import keras

    function = node.config["function"]
    if not hasattr(keras.activations, function):
        raise UnsupportedError(f"layer '{node.layer}': no function '{function}' in keras.activations; use one of those")
    return dict(node.config) == default_activation(function)


@_makes("max_pooling", "average_pooling")
def _pooling(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    plain = {name: config[name] for name in ("pool_size", "strides", "padding", "data_format")}
    return "MaxPooling2D" if node.kind == "max_pooling" else "AveragePooling2D", plain


@_makes("global_max_pooling", "global_average_pooling")
def _global_pooling(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    plain = {name: config[name] for name in ("data_format", "keepdims")}
    return "GlobalMaxPooling2D" if node.kind == "global_max_pooling" else "GlobalAveragePooling2D", plain


@_makes("dropout")
def _dropout(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Dropout", {"rate": config["rate"]}


@_makes("flatten")
def _flatten(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Flatten", {"data_format": config["data_format"]}


@_makes("add")
def _add(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Add", {}


@_makes("concatenate")
def _concatenate(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Concatenate", {"axis": _batched(config["axis"])}


def _batched(axis: int) -> int:
    """An axis as Keras counts it, with the batch."""
    return axis + 1 if axis >= 0 else axis
