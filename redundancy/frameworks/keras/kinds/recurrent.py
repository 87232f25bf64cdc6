"""SimpleRNN, GRU and LSTM, as they are called: with a mask, with states to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.activation import function_of
from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Paths, Shape, called_with, makes, operates
from redundancy.frameworks.keras.origin import Slot
from redundancy.network import Node

CELL: Paths = {"kernel": "cell.kernel", "recurrent_kernel": "cell.recurrent_kernel", "bias": "cell.bias"}

KINDS: Mapping[str, str] = {"SimpleRNN": "simple_rnn", "GRU": "gru", "LSTM": "lstm"}


@operates(*KINDS)
def _called(layer: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    given = given_to(arguments)
    return None if given is None else recurrent(layer, len(given[0]))


def given_to(arguments: tuple[Any, Any]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The states and the mask that a call gave, by number of the tensor; None where it gave anything else besides."""
    import keras

    given = called_with(("sequences", "initial_state", "mask", "training"), arguments)
    if given is None or given.get("training"):
        return None
    states, mask = keras.tree.flatten(given.get("initial_state") or []), given.get("mask")
    # Keras lists the tensors of a call by the names of its parameters.
    slots = [given["sequences"], *states, *([] if mask is None else [mask])]
    if slots != [Slot(number) for number in range(len(slots))]:
        return None
    return tuple(range(1, 1 + len(states))), tuple(range(1 + len(states), len(slots)))


def recurrent(layer: Any, states: int = 0) -> Meaning | None:
    """What a recurrent layer means that begins with so many given states."""
    functions = {"function": function_of(layer.activation)}
    if hasattr(layer, "recurrent_activation"):
        functions["recurrent"] = function_of(layer.recurrent_activation)
    config: dict[str, Any] = {name: says["function"] for name, says in functions.items() if says}
    if len(config) < len(functions):
        return None
    config |= {"return_sequences": layer.return_sequences, "stateful": layer.stateful, "states": states}
    if hasattr(layer, "reset_after"):
        config["reset_after"] = layer.reset_after
    return Meaning(KINDS[type(layer).__name__], config, CELL)


@makes(*KINDS.values(), paths=CELL)
def _made(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    cls = next(cls for cls, kind in KINDS.items() if kind == node.kind)
    says = {name: config[name] for name in ("return_sequences", "stateful", "reset_after") if name in config}
    functions = {"activation": config["function"]}
    if "recurrent" in config:
        functions["recurrent_activation"] = config["recurrent"]
    units = node.weights["recurrent_kernel"].shape[0]
    return cls, {"units": units, "use_bias": "bias" in node.weights, **functions, **says}
