"""Layers that normalise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import (
    Made,
    Meaning,
    Paths,
    Shape,
    batched,
    batchless,
    makes,
    present,
    reads,
)
from redundancy.network import Node

PATHS: Paths = {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "variance": "moving_variance"}


@reads("BatchNormalization")
def _batch_normalization(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    axis = batchless(layer.axis, shapes)
    config = {"axis": axis, "epsilon": float(layer.epsilon), "momentum": float(layer.momentum)}
    return None if axis is None else Meaning("batch_normalization", config, present(layer, **PATHS))


@makes("batch_normalization", paths=PATHS)
def _made_batch_normalization(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    made = {"axis": batched(config["axis"]), "epsilon": config["epsilon"], "momentum": config["momentum"]}
    return "BatchNormalization", {**made, "scale": "gamma" in node.weights, "center": "beta" in node.weights}
