"""Layers that normalise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
from redundancy.layers.rescaling import nested
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


ADAPTED: Paths = {"mean": "adapt_mean", "variance": "adapt_variance", "count": "count"}


@reads("Normalization")
def _normalization(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    import keras

    axes = [axis if axis >= 0 else axis + len(shapes[0]) + 1 for axis in layer.axis]
    if 0 in axes or not layer.built:
        return None
    axis = tuple(sorted(axis - 1 for axis in axes))
    config: dict[str, Any] = {"axis": axis, "epsilon": float(keras.config.epsilon()), "invert": bool(layer.invert)}
    if layer.input_mean is None:
        return Meaning("standardization", config, present(layer, **ADAPTED))
    kept = tuple(shapes[0][a] for a in axis)
    for name, values in (("mean", layer.input_mean), ("variance", layer.input_variance)):
        numbers = keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(values))
        config[name] = nested(np.broadcast_to(np.asarray(numbers, np.float64), kept))
    return Meaning("standardization", config)


@makes("standardization", paths=ADAPTED)
def _made_normalization(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    if "mean" in node.weights:
        return "Normalization", {"mean": None, "variance": None}
    # Lists would become float32; and what is one number for all stays one.
    before = node.origin.layer.config if came_from else {"mean": ()}
    given = {} if np.ndim(before["mean"]) == 0 else {name: np.asarray(config[name]) for name in ("mean", "variance")}
    axis = tuple(axis + 1 for axis in config["axis"])
    return "Normalization", given if came_from else {**given, "axis": axis, "invert": config["invert"]}
