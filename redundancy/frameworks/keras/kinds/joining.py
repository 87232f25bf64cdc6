"""Layers that join tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, batched, batchless, makes, reads
from redundancy.network import Node

_MERGES = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "average",
    "Maximum": "maximum",
    "Minimum": "minimum",
}


@reads(*_MERGES)
def _merge(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    # Keras broadcasts tensors of unequal ranks, each version in its own way.
    if len(shapes) < 2 or len({len(shape) for shape in shapes}) > 1:
        return None
    return Meaning(_MERGES[type(layer).__name__])


@makes(*_MERGES.values())
def _made_merge(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return (came_from, {}) if came_from.startswith("ops.") else (node.kind.capitalize(), {})


@reads("CustomScaleLayer")
def _scaled_add(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    if len(shapes) != 2 or shapes[0] != shapes[1] or not isinstance(layer.scale, int | float):
        return None
    return Meaning("scaled_add", {"scale": float(layer.scale)})


@makes("scaled_add")
def _made_scaled_add(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    if not came_from:
        raise UnsupportedError(f"cannot write layer '{node.layer}': Keras lists no layer for kind 'scaled_add'")
    return "CustomScaleLayer", {"scale": config["scale"]}


@reads("Concatenate")
def _concatenate(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = batchless(layer.axis, shapes)
    return None if axis is None else Meaning("concatenate", {"axis": axis})


@makes("concatenate")
def _made_concatenate(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return came_from if came_from == "ops.Concatenate" else "Concatenate", {"axis": batched(config["axis"])}
