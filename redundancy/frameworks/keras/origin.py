"""What Keras needs to write a node, or a whole network, back as it was."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import isclass, isfunction
from typing import Any

from redundancy.network import Array


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a call's arguments for the tensor that a node reads at this place among its inputs."""

    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What one layer keeps outside its configuration, as Keras's own files take it along.

    Attributes:
        variables: What `save_own_variables` stores; None where that is its weights only.
        assets: The files that `save_assets` writes, by name; None where it writes none.
        words: Those that it knows, which its configuration may say otherwise.
    """

    variables: Mapping[str, Array] | None = None
    assets: Mapping[str, bytes] | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LayerOrigin:
    """A Keras layer, or another operation of a functional model.

    Attributes:
        cls: Its class.
        config: What `get_config` gave.
        objects: The classes and functions that are not Keras's own and that the configuration names.
        problem: Why it cannot be made again; "" if it can.
        kept: What it and the layers inside it keep besides, one for each; of layers that no kind stands for.
    """

    cls: type
    config: Mapping[str, Any] = field(default_factory=dict)
    objects: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CallOrigin:
    """One call of a layer.

    Attributes:
        layer: That was called.
        arguments: (positional, by keyword) arguments, with a slot for each tensor.
        tensors: How many slots there are.
        scope: The nested models that it is in, the outermost first.
        paths: Where the layer holds the node's weights.
        several: The layer means several nodes, of which this is the first.
        feeds: The nodes that the call reads, slot by slot, where the layer means several.
    """

    layer: LayerOrigin
    arguments: tuple[Any, Any] = ((), {})
    tensors: int = 0
    scope: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    several: bool = False
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryOrigin:
    """An input of a model inside the model, where what that reads does not tell it from another tensor."""


@dataclass(frozen=True, slots=True)
class ItemOrigin:
    """One of several outputs of a call."""

    index: int


@dataclass(frozen=True, slots=True, eq=False)
class PartOrigin:
    """A node that a layer means besides its first one.

    Attributes:
        of: Name of the first.
        role: What it is in the layer.
        paths: Where the layer holds the node's weights.
        output: Which of several outputs of the call it is; None where it is none of them, or the only one.
    """

    of: str
    role: str
    paths: Mapping[str, str] = field(default_factory=dict)
    output: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ArgumentOrigin:
    """An activation that a layer was given as an argument.

    Attributes:
        config: Of the node, as it was read.
    """

    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class ModelOrigin:
    """A Keras model.

    Attributes:
        name: Of the model.
        sequential: Whether it is a Sequential model.
        trainable: Whether the model as a whole is.
        inputs: How its inputs are nested; the leaves are their numbers.
        outputs: How its outputs are nested; the leaves are their numbers.
        nested: The calls of models inside it, in order.
        policy: The dtype policy of the model itself, which layers do not follow; None for Keras's default.
    """

    name: str
    sequential: bool
    trainable: bool
    inputs: Any
    outputs: Any
    nested: tuple[NestedOrigin, ...] = ()
    policy: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class NestedOrigin:
    """The call of a model inside another, whose nodes stand among those of the other.

    Attributes:
        model: That was called.
        call: The arguments.
        feeds: Names of the nodes outside that it reads, in the order of its inputs.
        results: Names of the nodes inside whose outputs are its own, in order.
        members: Names of the nodes inside.
        inputs: (name, shape with the batch, dtype) of each input.
        entries: Names of the nodes that those inside read in place of each input.
    """

    model: ModelOrigin
    call: CallOrigin
    feeds: tuple[str, ...]
    results: tuple[str, ...]
    members: frozenset[str]
    inputs: tuple[tuple[str, tuple[int | None, ...], str], ...]
    entries: tuple[str, ...]


def layer_origin(operation: Any) -> LayerOrigin:
    """What is needed to make a layer, or another operation, again."""
    try:
        with warnings.catch_warnings():
            # The function itself is kept, not its code.
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            config = operation.get_config()
    except Exception as error:  # a class of the user's own may raise anything here
        return LayerOrigin(type(operation), problem=_first_line(error) or "it has no get_config()")
    objects = own_objects(operation)
    return LayerOrigin(type(operation), {**config, **_unnamed(operation, config)}, objects, _disguised(objects))


def _unnamed(operation: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The functions without a name that a layer was given: a configuration could only hold their code."""
    return {
        name: value
        for name, value in vars(operation).items()
        if name in config and isfunction(value) and value.__name__ == "<lambda>"
    }


def own_objects(operation: Any) -> dict[str, Any]:
    """The classes and functions that are not Keras's own and that a layer, a loss or a metric names, by name."""
    found: dict[str, Any] = {}
    # A wrapper or a nested model has layers of its own, at any depth.
    parts = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else (operation,)
    for part in parts:
        for value in (type(part), *vars(part).values()):
            thing = value if isclass(value) or isfunction(value) else type(value)
            if (isfunction(thing) or hasattr(thing, "from_config")) and not is_keras(thing):
                found[thing.__name__] = thing
    return found


def is_keras(thing: Any) -> bool:
    """Whether a class or function is one of Keras itself."""
    return str(thing.__module__).split(".", 1)[0] == "keras"


def _disguised(objects: Mapping[str, Any]) -> str:
    import keras

    names = [name for name, thing in objects.items() if isfunction(thing) and hasattr(keras.activations, name)]
    return f"its function '{names[0]}' is called like one of Keras's own; rename it" if names else ""


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")
