"""Layers that wrap another: Bidirectional and TimeDistributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from redundancy.frameworks.keras.kinds.kind import (
    WITH_ACTIVATION,
    Meaning,
    Part,
    Shape,
    called_with,
    made,
    meaning_of,
    operates,
    resizes,
)
from redundancy.frameworks.keras.kinds.linear import activated
from redundancy.frameworks.keras.kinds.recurrent import KINDS, given_to, recurrent
from redundancy.network import Node

_MERGES: Mapping[str, Meaning] = {
    "concat": Meaning("both_ways", {"axis": -1}),
    "sum": Meaning("add"),
    "ave": Meaning("average"),
    "mul": Meaning("multiply"),
}

_STEPWISE = (
    "dense",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "activation",
    "dropout",
    "batch_normalization",
    "max_pooling",
    "average_pooling",
)
"""The kinds whose layers do the same with a sequence of tensors as with each of them."""


@operates("Bidirectional")
def _bidirectional(layer: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> tuple[Part, ...] | None:
    both = (layer.forward_layer, layer.backward_layer)
    given = given_to(arguments)
    if given is None or any(type(one).__name__ not in KINDS or not _is_plain(one) for one in both):
        return None
    states, masks = given
    half = len(states) // 2
    steps = shapes[0][:1] if layer.return_sequences else ()
    parts = []
    for role, side, one, begun in zip(("", "backward"), _SIDES, both, (states[:half], states[half:]), strict=True):
        meaning = recurrent(one, half)
        if meaning is None:
            return None
        parts.append(Part(role, _inside(meaning, side), (0, *begun, *masks), (*steps, one.units)))
    return (*parts, *_merged(layer, parts))


_SIDES = ("forward_layer", "backward_layer")


def _is_plain(layer: Any) -> bool:
    import keras

    return type(layer) is getattr(keras.layers, type(layer).__name__, None)


def _inside(meaning: Meaning, where: str) -> Meaning:
    """The meaning of a layer that another one holds."""
    return replace(meaning, paths={name: f"{where}.{path}" for name, path in meaning.paths.items()})


def _merged(layer: Any, parts: list[Part]) -> tuple[Part, ...]:
    """The outputs of a layer that goes through a sequence both ways."""
    forward, backward = parts
    *steps, n = forward.shape
    # Keras takes it that both directions have as many units, even where it keeps them apart.
    meaning = _MERGES[layer.merge_mode or "concat"]
    wide = (*steps, (n or 0) + (backward.shape[-1] or 0)) if meaning.kind == "both_ways" else forward.shape
    merge = Part("merge", meaning, ("", "backward"), wide)
    results: list[tuple[str, int, Shape]] = [("merge", 0, wide)]
    if layer.merge_mode is None:
        results = [(part.role, 0, part.shape) for part in parts]
    if layer.return_state:
        for part, one in zip(parts, (layer.forward_layer, layer.backward_layer), strict=True):
            results += [(part.role, 1 + number, (one.units,)) for number in range(len(one.state_size))]
    if len(results) == 1:
        return (merge,)
    outputs = (
        Part(f"output/{number}", Meaning("state", {"index": index}), (role,), shape, output=number)
        for number, (role, index, shape) in enumerate(results)
    )
    return (merge, *outputs)


@resizes("Bidirectional")
def _resized_bidirectional(parts: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _with_sizes(before[key], parts[role]) for key, role in (("layer", ""), ("backward_layer", "backward"))}


def _with_sizes(serialized: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """A layer inside another, serialized, with the sizes that its node says."""
    _, says = made(node, None, serialized["class_name"])
    sizes = {name: value for name, value in says.items() if name in ("units", "filters", "use_bias", "groups")}
    # It is built when it is called: how large its input was says nothing any more.
    kept = {name: value for name, value in serialized.items() if name != "build_config"}
    return {**kept, "config": {**serialized["config"], **sizes}}


@operates("TimeDistributed")
def _time_distributed(layer: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> tuple[Part, ...] | None:
    inner, given = layer.layer, called_with(("inputs", "training", "mask"), arguments)
    if given is None or given.get("training") or len(shapes[0]) < 2:
        return None
    reading = meaning_of(inner, (shapes[0][1:],))
    if not isinstance(reading, Meaning) or reading.config.get("data_format") == "channels_first":
        return None
    # Of the layers that take a mask, only this one does not ask for it in inference.
    if inner._call_has_mask_arg and reading.kind != "batch_normalization":
        return None
    return _stepwise(_inside(reading, "layer"), shapes[0], tuple(layer.compute_output_shape((None, *shapes[0]))[1:]))


def _stepwise(meaning: Meaning, before: Shape, shape: Shape) -> tuple[Part, ...] | None:
    """What a layer means that does the same at every step."""
    if meaning.kind == "flatten":
        return (Part("", _laid_out(shape), (0,), shape),)
    if meaning.kind.startswith("global_"):
        wide = (shape[0], *[1] * (len(before) - 2), shape[-1])
        pooled = Part("", replace(meaning, config={**meaning.config, "keepdims": True}), (0,), wide)
        return (pooled, Part("flat", _laid_out(shape), ("",), shape)) if len(wide) > len(shape) else (pooled,)
    if meaning.kind not in _STEPWISE:
        return None
    axis = meaning.config.get("axis", -1)
    config = {**meaning.config, "axis": axis + 1} if axis >= 0 else meaning.config
    activation = meaning.activation or {"function": "linear"}
    plain = replace(meaning, config=config, activation=None)
    return (Part("", plain, (0,), shape), *activated("", activation, shape))


def _laid_out(shape: Shape) -> Meaning:
    return Meaning("reshape", {"target": tuple(-1 if extent is None else extent for extent in shape)})


@resizes("TimeDistributed")
def _resized_time_distributed(parts: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    node, inner = parts[""], before["layer"]
    if node.kind in WITH_ACTIVATION:
        return {"layer": _with_sizes(inner, node)}
    return {"layer": {name: value for name, value in inner.items() if name != "build_config"}}
