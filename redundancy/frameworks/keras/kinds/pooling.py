"""Pooling over windows and over whole maps, of one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, reads
from redundancy.network import Node

_WINDOWS = [f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)]


@reads(*_WINDOWS)
def _pooling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = {
        "pool_size": tuple(layer.pool_size),
        "strides": tuple(layer.strides),
        "padding": layer.padding,
        "data_format": layer.data_format,
    }
    return Meaning("max_pooling" if type(layer).__name__.startswith("Max") else "average_pooling", config)


@reads(*[f"Global{name}" for name in _WINDOWS])
def _global_pooling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    config = {"data_format": layer.data_format, "keepdims": bool(layer.keepdims)}
    kind = "global_max_pooling" if type(layer).__name__.startswith("GlobalMax") else "global_average_pooling"
    return Meaning(kind, {**config, "rank": len(shapes[0]) - 1})


@makes("max_pooling", "average_pooling")
def _made_pooling(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    plain = {name: config[name] for name in ("pool_size", "strides", "padding", "data_format")}
    kind = "Max" if node.kind == "max_pooling" else "Average"
    return f"{kind}Pooling{len(config['pool_size'])}D", plain


@makes("global_max_pooling", "global_average_pooling")
def _made_global_pooling(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    plain = {name: config[name] for name in ("data_format", "keepdims")}
    kind = "Max" if node.kind == "global_max_pooling" else "Average"
    return f"Global{kind}Pooling{config['rank']}D", plain
