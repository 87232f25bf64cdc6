"""Inputs, and layers that do nothing in inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, reads
from redundancy.network import Node


@makes("input")
def _input(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "InputLayer", {"batch_shape": (None, *node.shape), "dtype": config["dtype"]}


@reads("Dropout")
def _dropout(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("dropout", {"rate": float(layer.rate)})


@makes("dropout")
def _made_dropout(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Dropout", {"rate": config["rate"]}
