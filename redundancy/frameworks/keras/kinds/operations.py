"""Operations on tensors that Keras records as it does layers: `x + y`, `2 * x`, slices, functions of `keras.ops`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, operates
from redundancy.frameworks.keras.origin import Slot
from redundancy.network import Node

_MERGES = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Maximum": "maximum", "Minimum": "minimum"}


@operates("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Maximum", "Minimum")
def _arithmetic(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    name = type(operation).__name__
    if len(shapes) == 2 and len(shapes[0]) == len(shapes[1]) and name in _MERGES:
        return Meaning(_MERGES[name])
    affine = _affine(name, list(arguments[0]), arguments[1]) if len(shapes) == 1 else None
    return None if affine is None else Meaning("affine", {"scale": affine[0], "offset": affine[1]})


def _affine(name: str, args: list[Any], kwargs: Mapping[str, Any]) -> tuple[float, float] | None:
    """(scale, offset) of an operation with a number; None where it is none."""
    if name == "Negative" and len(args) == 1:
        return -1.0, 0.0
    if kwargs or len(args) != 2 or not any(_is_number(value) for value in args):
        return None
    first = isinstance(args[0], Slot)
    number = float(args[1] if first else args[0])
    if name == "Add":
        return 1.0, number
    if name == "Subtract":
        return (1.0, -number) if first else (-1.0, number)
    if name == "Multiply":
        return number, 0.0
    return (1.0 / number, 0.0) if name in ("Divide", "TrueDivide") and first and number else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@makes("affine")
def _made_affine(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    # An operation comes back as it was, with its number among the arguments of the call.
    return came_from or "Rescaling", {} if came_from else {"scale": config["scale"], "offset": config["offset"]}


@operates("GetItem")
def _slice(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    args = arguments[0]
    if len(args) != 2 or not isinstance(args[0], Slot):
        return None
    keys = args[1] if isinstance(args[1], tuple) else (args[1],)
    if any(not isinstance(key, slice | int | type(...)) or isinstance(key, bool) for key in keys):
        return None
    whole = len(shapes[0]) + 1
    if ... in keys:
        at = keys.index(...)
        keys = (*keys[:at], *[slice(None)] * (whole - len(keys) + 1), *keys[at + 1 :])
    keys = (*keys, *[slice(None)] * (whole - len(keys)))
    if len(keys) != whole or keys[0] != slice(None):
        return None
    parts = tuple(key if isinstance(key, int) else (key.start, key.stop, key.step) for key in keys[1:])
    return Meaning("slice", {"keys": parts})


@makes("slice")
def _made_slice(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return came_from or "GetItem", {}


@operates("Reshape")
def _reshape(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    target = getattr(operation, "newshape", None)
    # The batch must stay what it is.
    if not isinstance(target, tuple | list) or len(target) < 2 or target[0] not in (-1, None) or len(shapes) != 1:
        return None
    rest = tuple(int(extent) for extent in target[1:])
    return Meaning("reshape", {"target": rest}) if all(extent > 0 for extent in rest) else None


@operates("Transpose")
def _transpose(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axes = getattr(operation, "axes", None)
    if not axes or len(shapes) != 1 or axes[0] != 0:
        return None
    return Meaning("permute", {"dims": tuple(axis - 1 for axis in axes[1:])})


@operates("Concatenate")
def _concatenate(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axis = operation.axis
    if not isinstance(axis, int) or axis == 0 or len({len(shape) for shape in shapes}) > 1:
        return None
    return Meaning("concatenate", {"axis": axis - 1 if axis > 0 else axis})
