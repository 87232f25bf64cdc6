"""Initialisers that hold an array: of a layer that has become smaller they would make weights of no use."""

from __future__ import annotations

from typing import Any

import numpy as np

from redundancy.frameworks.keras.calls import Call

SUFFIX = "_initializer"

OTHERS = {"depthwise": "kernel", "recurrent": "recurrent_kernel", "depthwise_kernel": "kernel"}
"""What an initialiser's name begins with, where that is not the name of the weight."""


def fitting(config: Any, call: Call) -> Any:
    """A configuration without initialisers that hold an array which fits the weights no more: Keras's own stand in.

    Args:
        config: Of the layer, as it was read; layers inside it at any depth.
        call: Of the layer, with the weights that it has now.
    """
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for node, name, path in call.variables():
        shapes.setdefault(path.rsplit(".", 1)[-1], []).append(node.weights[name].shape)
    return _fitting(config, shapes)


def _fitting(config: Any, shapes: dict[str, list[tuple[int, ...]]]) -> Any:
    if isinstance(config, list):
        return [_fitting(inner, shapes) for inner in config]
    if not isinstance(config, dict):
        return config
    return {name: _fitting(inner, shapes) for name, inner in config.items() if not _is_stale(name, inner, shapes)}


def _is_stale(name: str, given: Any, shapes: dict[str, list[tuple[int, ...]]]) -> bool:
    values = given.get("config", {}).get("value") if name.endswith(SUFFIX) and isinstance(given, dict) else None
    held = _shape(values)
    weight = name.removesuffix(SUFFIX)
    wanted = shapes.get(weight) or shapes.get(OTHERS.get(weight, f"{weight}_kernel"), [])
    return bool(held) and not all(_broadcasts(held, shape) for shape in wanted)


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of a number, an array, or an array as Keras writes it."""
    if isinstance(values, dict):
        values = values.get("config", {}).get("value")
    return np.shape(values) if values is not None else ()


def _broadcasts(held: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(held, wanted) == wanted
    except ValueError:
        return False
