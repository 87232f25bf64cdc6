"""Operations that reduce axes, or add and take away axes of extent 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, operates
from redundancy.network import Node

_HOW = {"Mean": "mean", "Sum": "sum", "Max": "max", "Amax": "max", "Min": "min", "Amin": "min"}


@operates(*_HOW)
def _reduction(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    if len(shapes) != 1 or getattr(operation, "initial", None) is not None:
        return None
    axes = _batchless(operation.axis, len(shapes[0]) + 1)
    config = {"how": _HOW[type(operation).__name__], "axes": axes, "keepdims": bool(operation.keepdims)}
    return Meaning("reduction", config) if axes else None


@operates("ExpandDims")
def _expand(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    given = operation.axis if isinstance(operation.axis, Iterable) else (operation.axis,)
    axes = _batchless(given, len(shapes[0]) + 1 + len(tuple(given))) if len(shapes) == 1 else None
    return Meaning("expand", {"axes": axes}) if axes else None


@operates("Squeeze")
def _squeeze(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axes = _batchless(operation.axis, len(shapes[0]) + 1) if len(shapes) == 1 else None
    return Meaning("squeeze", {"axes": axes}) if axes else None


@operates("Stack")
def _stack(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axes = _batchless(operation.axis, len(shapes[0]) + 2)
    return Meaning("stack", {"axis": axes[0]}) if axes and len(set(shapes)) == 1 and len(shapes) > 1 else None


def _batchless(axis: Any, rank: int) -> tuple[int, ...] | None:
    """Axes without counting the batch, increasing; None where the batch is among them, or none is said.

    Args:
        axis: One or several, as Keras counts them.
        rank: Of the tensor that they are of, with the batch.
    """
    axes = tuple(axis) if isinstance(axis, Iterable) else (axis,)
    if not all(isinstance(a, int) for a in axes):
        return None
    counted = sorted(a % rank for a in axes)
    return tuple(a - 1 for a in counted) if 0 not in counted else None


@makes("reduction", "expand", "squeeze", "stack")
def _made(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    if not came_from:
        raise UnsupportedError(f"layer '{node.layer}': no Keras layer does what '{node.kind}' does")
    return came_from, {}
