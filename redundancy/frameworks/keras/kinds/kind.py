"""What a Keras layer means in the house's words, and back: the registries that one file a family fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redundancy.layers import RULES
from redundancy.network import Node

Shape = tuple[int | None, ...]

Paths = Mapping[str, str]
"""Where a Keras layer holds its weights: the attribute, with dots in between, by the house's name of the weight."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A Keras layer in the house's words.

    Attributes:
        kind: Of its node.
        config: Of its node.
        paths: Where the layer holds its weights, and would hold those that it may be given.
        activation: Configuration of the activation that it was given as an argument; None for none.
    """

    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    paths: Paths = field(default_factory=dict)
    activation: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One of several nodes that a single Keras layer means.

    Attributes:
        role: What it is in the layer; it ends the node's name.
        meaning: Without an activation: that is a part of its own.
        inputs: What it reads: the number of one of the call's tensors, or the role of a part before it.
        shape: Of its output, without the batch.
        output: Which of several outputs of the call it is; None where it is none of them, or the only one.
    """

    role: str
    meaning: Meaning
    inputs: tuple[int | str, ...]
    shape: Shape
    output: int | None = None


Reading = Meaning | tuple[Part, ...] | None
Reader = Callable[[Any, tuple[Shape, ...]], Reading]

Made = tuple[str, dict[str, Any]]
"""The name of a Keras class, and what the node says of its configuration."""

# (node, its configuration with every default, the name of the class that it came from or "")
Maker = Callable[[Node, Mapping[str, Any], str], Made]

# (nodes by role, configuration of the layer as it was) -> what the nodes say of its configuration
Resizer = Callable[[Mapping[str, Node], Mapping[str, Any]], dict[str, Any]]

# (operation, shapes, the (positional, by keyword) arguments of its call with slots for tensors) -> its meaning
OperationReader = Callable[[Any, tuple[Shape, ...], tuple[Any, Any]], Reading]

_READERS: dict[str, Reader] = {}
_OPERATIONS: dict[str, OperationReader] = {}
_MAKERS: dict[str, Maker] = {}
_PATHS: dict[str, Paths] = {}
_RESIZERS: dict[str, Resizer] = {}

_OPERATION_MODULES = (
    "keras.src.ops.math",
    "keras.src.ops.nn",
    "keras.src.ops.numpy",
    "keras.src.activations.activations",
)
"""Where the classes of operations are; those of one name mean the same."""

NAMED = ("name", "trainable", "dtype")
"""What every Keras layer's configuration has."""

JOINS = ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "stack", "scaled_add")
"""The kinds that read several tensors, as a list."""

UNLISTED = {"CustomScaleLayer": "keras.src.applications.inception_resnet_v2"}
"""Layers of Keras's own architectures that `keras.layers` does not list, and their modules."""

WITH_ACTIVATION = ("dense", "conv", "conv_transpose", "depthwise_conv", "einsum_dense")
"""The kinds whose Keras layers take an activation as an argument."""


def classes() -> frozenset[str]:
    """The classes of layers and operations whose meaning is known, at least in some cases."""
    return frozenset({*_READERS, *_OPERATIONS})


def reads(*classes: str) -> Callable[[Reader], Reader]:
    """Registers what layers of these classes mean."""

    def registered(reader: Reader) -> Reader:
        _READERS.update(dict.fromkeys(classes, reader))
        return reader

    return registered


def operates(*classes: str) -> Callable[[OperationReader], OperationReader]:
    """Registers what operations of these classes mean, layers among them, by what they were called with."""

    def registered(reader: OperationReader) -> OperationReader:
        _OPERATIONS.update(dict.fromkeys(classes, reader))
        return reader

    return registered


def makes(*kinds: str, paths: Paths | None = None) -> Callable[[Maker], Maker]:
    """Registers which layer nodes of these kinds are, and where it holds their weights."""

    def registered(maker: Maker) -> Maker:
        for kind in kinds:
            _MAKERS[kind] = maker
            _PATHS[kind] = paths or {}
        return maker

    return registered


def resizes(*classes: str) -> Callable[[Resizer], Resizer]:
    """Registers how the configuration of a layer that means several nodes follows from them."""

    def registered(resizer: Resizer) -> Resizer:
        _RESIZERS.update(dict.fromkeys(classes, resizer))
        return resizer

    return registered


def meaning_of(operation: Any, shapes: tuple[Shape, ...]) -> Reading:
    """What a layer, or another operation, means; None where the house has no word for it.

    Args:
        operation: Of a functional model.
        shapes: Of the tensors that it reads, without the batch.
    """
    reader = _READERS.get(_known_as(operation))
    meaning = reader(operation, shapes) if reader else None
    return None if meaning is None or _altered(operation, meaning) else meaning


def operation_of(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Reading:
    """What an operation means that was called with these arguments; None where the house has no word for it.

    Args:
        operation: Of a functional model: a layer that takes more than tensors to work on, or what Keras recorded
            where somebody wrote `x + y` or called a function of `keras.ops`.
        shapes: Of the tensors that it reads, without the batch.
        arguments: (positional, by keyword), with a slot for each tensor.
    """
    reader = _OPERATIONS.get(operation_name(type(operation)) or _known_as(operation))
    meaning = reader(operation, shapes, arguments) if reader else None
    return None if meaning is None or _altered(operation, meaning) else meaning


def is_known(node: Node) -> bool:
    """Whether the node's kind is one of the house's that Keras has a layer for."""
    return node.kind in _MAKERS


def paths_of(kind: str) -> Paths:
    """Where Keras's own layer for a kind holds its weights."""
    return _PATHS.get(kind, {})


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
    if node.kind in WITH_ACTIVATION:
        config["activation"] = activation.config["function"] if activation else "linear"
    return cls, config


def resized(cls: str, parts: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    """What the nodes of one layer say of its configuration."""
    return _RESIZERS[cls](parts, before)


def present(layer: Any, **paths: str) -> Paths:
    """Those of the paths that lead to something."""
    return {name: path for name, path in paths.items() if attribute(layer, path) is not None}


def attribute(layer: Any, path: str) -> Any:
    """What a path leads to; None where it leads nowhere."""
    for name in path.split("."):
        layer = getattr(layer, name, None)
    return layer


def called_with(parameters: tuple[str, ...], arguments: tuple[Any, Any]) -> dict[str, Any] | None:
    """What a call gave, by the names of its parameters; None where it gave anything else.

    Args:
        parameters: In order.
        arguments: (positional, by keyword).
    """
    positional, named = arguments
    if len(positional) > len(parameters) or named.keys() - set(parameters):
        return None
    return {**dict(zip(parameters, positional, strict=False)), **named}


def batchless(axis: Any, shapes: tuple[Shape, ...]) -> int | None:
    """An axis without counting the batch, negative ones as they are; None for several, or for the batch itself."""
    rank = len(shapes[0]) + 1
    if not isinstance(axis, int) or not -rank < axis < rank or axis == 0:
        return None
    return axis - 1 if axis > 0 else axis


def batched(axis: int) -> int:
    """An axis as Keras counts it, with the batch."""
    return axis + 1 if axis >= 0 else axis


def operation_name(cls: type) -> str:
    """The name of a class of operations; "" for any other."""
    return str(cls.__name__) if cls.__module__ in _OPERATION_MODULES else ""


def _known_as(operation: Any) -> str:
    import keras

    cls = type(operation)
    known = cls is getattr(keras.layers, cls.__name__, None) or UNLISTED.get(cls.__name__) == cls.__module__
    return str(cls.__name__) if known else ""


def _altered(operation: Any, meaning: Meaning | tuple[Part, ...]) -> bool:
    """Whether it is quantized, adapted, or has weights that its class does not say."""
    meanings = (meaning,) if isinstance(meaning, Meaning) else tuple(part.meaning for part in meaning)
    layers = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else (operation,)
    changed = any(
        getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False) for layer in layers
    )
    held = sum(len(present(operation, **meaning.paths)) for meaning in meanings)
    return changed or len(getattr(operation, "weights", ())) != held
