"""What Keras's layers mean in the house's words: one small function a class.

Only a class of Keras's own is known, never a subclass: what a subclass does is its own affair.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A Keras layer in the house's words.

    Attributes:
        kind: Of its node.
        config: Of its node.
        weights: The house's names of the weights that it has.
        activation: Configuration of the activation that it was given as an argument; None for none.
    """

    kind: str
    config: Mapping[str, Any]
    weights: tuple[str, ...] = ()
    activation: Mapping[str, Any] | None = None


Reader = Callable[[Any, tuple[Shape, ...]], Meaning | None]

VARIABLES: Mapping[str, str] = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "mean": "moving_mean",
    "variance": "moving_variance",
}
"""The attribute of a Keras layer that holds a weight, by the house's name."""

PARAMETERS: Mapping[str, str] = {
    "leaky_relu": "negative_slope",
    "elu": "alpha",
    "softmax": "axis",
    "log_softmax": "axis",
}
"""The functions whose node says a parameter."""

JOINS = ("add", "concatenate")
"""The kinds that read several tensors."""

_READERS: dict[str, Reader] = {}


def meaning_of(operation: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    """What a layer, or another operation, means; None where the house has no word for it.

    Args:
        operation: Of a functional model.
        shapes: Of the tensors that it reads, without the batch.
    """
    reader = _READERS.get(_known_as(operation))
    meaning = reader(operation, shapes) if reader else None
    return None if meaning is None or _altered(operation, meaning) else meaning


def default_activation(function: str) -> dict[str, Any]:
    """The configuration of an activation that Keras knows by its name alone."""
    import keras

    name = PARAMETERS.get(function)
    if name is None:
        return {"function": function}
    parameters = inspect.signature(getattr(keras.activations, function)).parameters
    return {"function": function, name: parameters[name].default}


def _known_as(operation: Any) -> str:
    import keras

    cls = type(operation)
    name, module = str(cls.__name__), cls.__module__
    if cls is getattr(keras.layers, name, None):
        return name
    # The operators of tensors are classes that Keras does not export.
    return f"ops.{name}" if module == "keras.src.ops.numpy" else ""


def _altered(operation: Any, meaning: Meaning) -> bool:
    """Whether it is quantized, adapted, or has weights that its class does not say."""
    changed = getattr(operation, "quantization_mode", None) or getattr(operation, "lora_enabled", False)
    return bool(changed) or len(getattr(operation, "weights", ())) != len(meaning.weights)


def _reads(*classes: str) -> Callable[[Reader], Reader]:
    def registered(reader: Reader) -> Reader:
        for name in classes:
            _READERS[name] = reader
        return reader

    return registered


def _function(function: Any) -> dict[str, Any] | None:
    """The configuration of a function of Keras's own; None for any other."""
    import keras

    name = getattr(function, "__name__", "")
    return default_activation(name) if name and getattr(keras.activations, name, None) is function else None


def _batchless(axis: Any, shapes: tuple[Shape, ...]) -> int | None:
    """An axis without counting the batch, negative ones as they are; None for several, or for the batch itself."""
    rank = len(shapes[0]) + 1
    if not isinstance(axis, int) or not -rank < axis < rank or axis == 0:
        return None
    return axis - 1 if axis > 0 else axis


def _present(layer: Any, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if getattr(layer, VARIABLES[name], None) is not None)


def _linear(kind: str, layer: Any, config: dict[str, Any]) -> Meaning | None:
    activation = _function(layer.activation)
    if activation is None:
        return None
    if plain := _regularizer(layer.kernel_regularizer):
        config["regularizer"] = plain
    weights = _present(layer, "kernel", "bias")
    return Meaning(kind, config, weights, None if activation["function"] == "linear" else activation)


def _regularizer(regularizer: Any) -> tuple[str, float] | None:
    import keras

    if type(regularizer) is keras.regularizers.L2:
        return "l2", _shortest(regularizer.l2)
    if type(regularizer) is keras.regularizers.L1:
        return "l1", _shortest(regularizer.l1)
    return None


def _shortest(value: Any) -> float:
    """The number that was meant: Keras keeps some factors in float32 only, where 0.01 is 0.009999999776."""
    number = float(value)
    return float(str(np.float32(number))) if number == float(np.float32(number)) else number


@_reads("Dense")
def _dense(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return _linear("dense", layer, {})


@_reads("Conv2D")
def _conv(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = {
        "strides": tuple(layer.strides),
        "padding": layer.padding,
        "dilation": tuple(layer.dilation_rate),
        "groups": layer.groups,
        "data_format": layer.data_format,
    }
    return _linear("conv", layer, config)


@_reads("BatchNormalization")
def _batch_normalization(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = _batchless(layer.axis, shapes)
    config = {"axis": axis, "epsilon": float(layer.epsilon), "momentum": float(layer.momentum)}
    weights = _present(layer, "gamma", "beta", "mean", "variance")
    return None if axis is None else Meaning("batch_normalization", config, weights)


@_reads("Activation")
def _activation(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = _function(layer.activation)
    return None if config is None else Meaning("activation", config)


@_reads("ReLU")
def _relu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    limit, slope = layer.max_value, float(layer.negative_slope)
    if layer.threshold != 0 or slope < 0 or (slope > 0 and limit is not None) or limit not in (None, 6):
        return None
    if slope > 0:
        return Meaning("activation", {"function": "leaky_relu", "negative_slope": slope})
    return Meaning("activation", {"function": "relu" if limit is None else "relu6"})


@_reads("LeakyReLU")
def _leaky_relu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("activation", {"function": "leaky_relu", "negative_slope": float(layer.negative_slope)})


@_reads("ELU")
def _elu(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("activation", {"function": "elu", "alpha": float(layer.alpha)})


@_reads("Softmax")
def _softmax(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = _batchless(layer.axis, shapes)
    return None if axis is None else Meaning("activation", {"function": "softmax", "axis": axis})


@_reads("MaxPooling2D", "AveragePooling2D")
def _pooling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = {
        "pool_size": tuple(layer.pool_size),
        "strides": tuple(layer.strides),
        "padding": layer.padding,
        "data_format": layer.data_format,
    }
    return Meaning("max_pooling" if type(layer).__name__.startswith("Max") else "average_pooling", config)


@_reads("GlobalMaxPooling2D", "GlobalAveragePooling2D")
def _global_pooling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = {"data_format": layer.data_format, "keepdims": bool(layer.keepdims)}
    kind = "global_max_pooling" if type(layer).__name__.startswith("GlobalMax") else "global_average_pooling"
    return Meaning(kind, config)


@_reads("Dropout")
def _dropout(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("dropout", {"rate": float(layer.rate)})


@_reads("Flatten")
def _flatten(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("flatten", {"data_format": layer.data_format})


@_reads("Add", "ops.Add")
def _add(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    # Keras broadcasts tensors of unequal shapes, each version of Add in its own way.
    return Meaning("add", {}) if len(shapes) > 1 and len(set(shapes)) == 1 else None


@_reads("Concatenate")
def _concatenate(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = _batchless(layer.axis, shapes)
    return None if axis is None else Meaning("concatenate", {"axis": axis})
