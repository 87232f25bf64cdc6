"""MultiHeadAttention: three projections, what the heads make of them, and a projection back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import (
    Meaning,
    Part,
    Paths,
    Shape,
    attribute,
    called_with,
    operates,
    resizes,
)
from redundancy.frameworks.keras.origin import Slot
from redundancy.network import Node

_TENSORS = ("query", "value", "key")
_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")
_PARAMETERS = (*_TENSORS, *_MASKS, "return_attention_scores", "training", "use_causal_mask")


@operates("MultiHeadAttention")
def _called(layer: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> tuple[Part, ...] | None:
    given = called_with(_PARAMETERS, arguments)
    if given is None or given.get("return_attention_scores") or given.get("training") or layer._use_gate:
        return None
    places: dict[str, Any] = {name: given.get(name) for name in _TENSORS + _MASKS}
    if any(not isinstance(place, Slot) for name, place in places.items() if place is not None or name == "query"):
        return None
    query, value = places["query"], places["value"]
    key = places["key"] or value
    masks = tuple(places[name].index for name in _MASKS if places[name] is not None)
    kernel = attribute(layer, "output_dense.kernel")
    if value is None or key is None or len(kernel.shape) != 3:
        return None
    return _parts(layer, shapes, (query.index, key.index, value.index), masks)


def _parts(layer: Any, shapes: tuple[Shape, ...], reads: tuple[int, ...], masks: tuple[int, ...]) -> tuple[Part, ...]:
    import keras

    heads, steps = layer.num_heads, shapes[reads[0]][:-1]
    # TensorFlow rounds the factor of the scores, whatever it computes in.
    config = {"scale": "float32" if keras.backend.backend() == "tensorflow" else "float64"}
    widths = (layer.key_dim, layer.key_dim, layer.value_dim)
    projections = [
        Part(
            "" if name == "query" else name,
            Meaning(f"attention_{name}", config if name == "query" else {}, _paths(f"{name}_dense")),
            (source,),
            (*shapes[source][:-1], heads * width),
        )
        for name, source, width in zip(("query", "key", "value"), reads, widths, strict=True)
    ]
    # Far from the diagonal a window can be empty.
    attends = Meaning("attention", {"heads": heads, "masked": layer._sliding_window is not None})
    made = attribute(layer, "output_dense.kernel").shape[-1]
    return (
        *projections,
        Part("attention", attends, ("value", "", "key", *masks), (*steps, heads * layer.value_dim)),
        Part("output", Meaning("attention_output", {}, _paths("output_dense")), ("attention",), (*steps, made)),
    )


def _paths(sublayer: str) -> Paths:
    return {"kernel": f"{sublayer}.kernel", "bias": f"{sublayer}.bias"}


@resizes("MultiHeadAttention")
def _resized(parts: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    query, value, output = (parts[role].weights["kernel"].shape for role in ("", "value", "output"))
    sizes = {"num_heads": query[1], "key_dim": query[2], "value_dim": value[2]}
    # By default it makes as many units as the tensor of its queries has.
    default = before["output_shape"] is None and output[2] == query[0]
    return {**sizes, "output_shape": None if default else (output[2],)}
