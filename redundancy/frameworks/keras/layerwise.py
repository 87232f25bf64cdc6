"""The layers of a model one by one, where their order is not known, or not what they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from redundancy.algebra import algebra_of
from redundancy.costs import Cost
from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds import WITH_ACTIVATION, Meaning, attribute, meaning_of
from redundancy.frameworks.keras.overriding import is_graph
from redundancy.frameworks.keras.reading import read
from redundancy.frameworks.keras.recording import stored
from redundancy.layers import RULES
from redundancy.network import Array, Network, Node
from redundancy.weighing import UNKNOWN, Weighed

_TOLD = ("Dense", "EinsumDense", *(f"Conv{n}D{kind}" for n in (1, 2, 3) for kind in ("", "Transpose")))
"""The classes whose kernels say what their units compute."""

_OTHERWISE = ("keras.src.layers.rnn", "keras.src.layers.convolutional", "keras.src.layers.normalization")
"""Where layers live whose weights do not lie unit by unit along their last axis."""


def weighable(model: Any) -> tuple[Weighed, ...]:
    """Every layer of a model, at any depth, that has a kernel of its own.

    Args:
        model: Built.

    Raises:
        UnsupportedError: It has no weights.
    """
    if not model.weights:
        raise UnsupportedError(
            f"model '{model.name}' has no weights: call it on data, or build it, so that its layers have them"
        )
    layers = [layer for layer in model._flatten_layers() if _own(layer)]
    names = Counter(layer.name for layer in layers)
    found: list[Weighed] = []
    for layer in layers:
        name = layer.name if names[layer.name] == 1 else layer.path
        found += _known(layer, name) or _unknown(name, type(layer), _own(layer))
    return tuple(found)


def size_of(model: Any) -> Cost:
    """What the weights of a model take; what it multiplies is not known."""
    arrays = [stored(variable) for variable in model.weights]
    return Cost(sum(array.size for array in arrays), 0, sum(array.nbytes for array in arrays))


def unknown_layers(network: Network) -> tuple[Weighed, ...]:
    """The kernels of the layers of a network for which there is no rule.

    Args:
        network: Read from Keras.
    """
    first = {node.layer: node for node in reversed(network.nodes) if node.kind not in RULES and node.weights}
    found: list[Weighed] = []
    for name, node in reversed(first.items()):
        origin = getattr(node.origin, "layer", None)
        found += _unknown(name, getattr(origin, "cls", object), node.weights)
    return tuple(found)


def unseen_layers(model: Any) -> tuple[str, ...]:
    """The layers that make units by kernels of which nothing is known: not even where in them a unit lies.

    Args:
        model: Built; as a graph or not.
    """
    layers = [layer for layer in model._flatten_layers() if _own(layer)] if not is_graph(model) else ()
    seen: dict[str, tuple[type, Mapping[str, Array], bool]] = {
        layer.name: (type(layer), _own(layer), bool(_known(layer, layer.name))) for layer in layers
    }
    for node in read(model) if is_graph(model) else ():
        cls = getattr(getattr(node.origin, "layer", None), "cls", object)
        seen.setdefault(node.layer, (cls, node.weights, node.kind in RULES))
    return tuple(name for name, (cls, weights, known) in seen.items() if not known and _is_dark(cls, weights))


def _is_dark(cls: type, weights: Mapping[str, Array]) -> bool:
    makes_units = any(array.ndim > 1 for array in weights.values())
    return makes_units and str(cls.__module__).startswith(_OTHERWISE) and "normalization" not in str(cls.__module__)


def _own(layer: Any) -> dict[str, Array]:
    """The weights that a layer has itself, and no layer inside it, by name."""
    inside = {id(v) for part in layer._flatten_layers(include_self=False) for v in part.weights}
    own = [variable for variable in layer.weights if id(variable) not in inside]
    return {variable.name: stored(variable) for variable in own}


def _known(layer: Any, name: str) -> list[Weighed]:
    """A layer of Keras's own whose kernel says what its units compute; none where it is another."""
    meaning = meaning_of(layer, ()) if type(layer).__name__ in _TOLD else None
    if not isinstance(meaning, Meaning) or meaning.kind not in WITH_ACTIVATION:
        return []
    weights = {key: stored(attribute(layer, path)) for key, path in meaning.paths.items()}
    function = algebra_of(meaning.activation or {"function": "linear"})
    # The rules of layers say which axis makes the units; they ask for no more than rank where nothing is traced.
    node = Node(name, meaning.kind, (), (None,) * 4, meaning.config, weights)
    rule = RULES[meaning.kind]
    if meaning.kind == "einsum_dense" or function is None:
        return _unknown(name, object, weights)
    rows = np.moveaxis(rule.loose(node)["kernel"], rule.writes["kernel"], 0)
    offset = np.asarray(weights.get("bias", np.zeros(len(rows))), np.float64)
    return [Weighed(name, rows.reshape(len(rows), -1), offset, function, weights["kernel"])]


def _unknown(name: str, cls: type, weights: Mapping[str, Array]) -> list[Weighed]:
    """What may be kernels: floating weights of several axes, with the units along the last."""
    if str(cls.__module__).startswith(_OTHERWISE):
        return []
    kernels = {key: array for key, array in weights.items() if array.ndim > 1 and array.dtype.kind in "fV"}
    return list(_paired(name, kernels, weights))


def _paired(name: str, kernels: Mapping[str, Array], weights: Mapping[str, Array]) -> Iterator[Weighed]:
    """Each kernel, with the numbers that are there for each of its units, if it is the only one of as many."""
    for key, kernel in kernels.items():
        n = kernel.shape[-1]
        alone = sum(other.shape[-1] == n for other in kernels.values()) == 1
        beside = [array for array in weights.values() if array.shape == (n,) and alone and array.dtype.kind in "fV"]
        rows = np.concatenate(
            [np.moveaxis(kernel, -1, 0).reshape(n, -1), *(array[:, None] for array in beside)], axis=1
        )
        label = name if len(kernels) == 1 else f"{name}/{key.rsplit('/', 1)[-1]}"
        yield Weighed(label, rows, np.zeros(n), UNKNOWN, kernel)
