"""What Keras recorded of a model: its graph, its calls and what they were given, and its weights."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds import AUGMENTATIONS
from redundancy.frameworks.keras.origin import Slot
from redundancy.frameworks.keras.overriding import is_graph, no_graph
from redundancy.network import Array

MASKLESS = frozenset({"BatchNormalization"})
"""The classes that make use of a mask in training only."""


def built_graph(model: Any) -> Any:
    """The functional graph of a model."""
    import keras

    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"a {type(model).__name__} is no Keras model; give a Sequential or functional one")
    if not is_graph(model):
        raise UnsupportedError(f"model '{model.name}' {no_graph(model)}")
    graph = graph_of(model)
    if graph is None:
        what = f"the Sequential model '{model.name}' is not built, so its layers have no shapes"
        raise UnsupportedError(f"{what}; begin it with keras.Input(shape) or call model.build((None, ...))")
    return graph


def calls_of(graph: Any) -> Iterator[Any]:
    """The calls that Keras recorded, each after those it reads."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from (call for call in graph._nodes_by_depth[depth] if not call.is_input)


def graph_of(model: Any) -> Any:
    """What holds the recorded calls of a Sequential or functional model; None for a Sequential that is not built."""
    import keras

    return model._functional if isinstance(model, keras.Sequential) else model


def fits(call: Any, graph: Any) -> bool:
    """Whether a model inside the model is given its inputs one by one, as they are.

    Where they differ, Keras sorts them by name, squeezes or expands an axis, or casts, and records nothing of it.

    Args:
        call: Of the model inside.
        graph: That model's.
    """
    import keras

    tensors, inputs = call.input_tensors, getattr(graph, "inputs", ())
    args = call.arguments.args or (call.arguments.kwargs.get("inputs"),)
    given = args[0] if len(args) == 1 else None
    wanted = graph._inputs_struct if inputs else None
    sorted_by = given.keys() if isinstance(given, dict) else None
    if sorted_by != (wanted.keys() if isinstance(wanted, dict) else None) or len(tensors) != len(inputs):
        return False
    if not all(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(given)):
        return False
    return all(map(_as_it_is, tensors, inputs))


def _as_it_is(tensor: Any, wanted: Any) -> bool:
    """Whether a tensor reaches an input without another rank, and without whole numbers being made of its values."""
    before, after = str(tensor.dtype), str(wanted.dtype)
    if len(tensor.shape) != len(wanted.shape):
        return False
    whole = after == "bool" or "int" in after
    return before == after or not whole or (before != "string" and np.can_cast(before, after))


def is_plain(call: Any) -> bool:
    """Whether a call passes tensors and nothing that changes what the layer does in inference."""
    import keras

    kwargs = dict(call.arguments.kwargs)
    # Layers that augment images are recorded as in training, whoever calls them; the model says in which mode it is.
    if kwargs.get("training") is False or type(call.operation).__name__ in AUGMENTATIONS:
        kwargs.pop("training", None)
    # What takes several tensors is recorded with one mask for each, be it none.
    masked = any(mask is not None for mask in keras.tree.flatten(kwargs.pop("mask", None)))
    if masked and type(call.operation).__name__ not in MASKLESS:
        return False
    leaves = keras.tree.flatten((call.arguments.args, kwargs))
    return all(leaf is None or isinstance(leaf, keras.KerasTensor) for leaf in leaves)


def slotted(call: Any, known: Container[int]) -> tuple[Any, int]:
    """The (positional, by keyword) arguments of a call with a slot for each tensor, and how many slots there are.

    Args:
        call: As Keras recorded it.
        known: The ids of tensors; None stands for all others.
    """
    import keras

    slots = itertools.count()

    def filled(leaf: Any) -> Any:
        if not isinstance(leaf, keras.KerasTensor):
            return leaf
        return Slot(next(slots)) if id(leaf) in known else None

    # Keras lists the tensors of a call in the order in which its arguments are flattened: of a dict, by its keys.
    given = (call.arguments.args, call.arguments.kwargs)
    return keras.tree.pack_sequence_as(given, [filled(leaf) for leaf in keras.tree.flatten(given)]), next(slots)


def stored(variable: Any) -> Array:
    """A variable's values, as stored."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))


def weights_by_path(operation: Any) -> dict[str, Array]:
    """The weights of a layer of any class, by their paths, in Keras's order."""
    weights: dict[str, Array] = {}
    for number, variable in enumerate(getattr(operation, "weights", ())):
        name = variable.path if variable.path not in weights else f"{variable.path}:{number}"
        weights[name] = stored(variable)
    return weights
