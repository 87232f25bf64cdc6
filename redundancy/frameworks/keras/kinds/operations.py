"""Operations on tensors that Keras records as it does layers: `x + y`, `2 * x`, slices, functions of `keras.ops`."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.kind import (
    Made,
    Meaning,
    Shape,
    called_with,
    makes,
    operates,
    operation_name,
    reads,
)
from redundancy.frameworks.keras.origin import Slot
from redundancy.frameworks.keras.precision import float64_kept
from redundancy.layers.rescaling import nested
from redundancy.network import Array, Node

_MERGES = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Maximum": "maximum", "Minimum": "minimum"}


@operates("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Maximum", "Minimum")
def _arithmetic(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    name = type(operation).__name__
    if len(shapes) == 2 and len(shapes[0]) == len(shapes[1]) and name in _MERGES:
        return Meaning(_MERGES[name])
    if len(shapes) == 1 and name == "Maximum" and _is_zero(arguments):
        return Meaning("activation", {"function": "relu"})
    affine = _affine(name, list(arguments[0]), arguments[1], shapes[0]) if len(shapes) == 1 else None
    if affine is None:
        return None
    return Meaning("affine", {"scale": nested(affine[0]), "offset": nested(affine[1])})


def _is_zero(arguments: tuple[Any, Any]) -> bool:
    """Whether the other argument of two is the number 0."""
    others = [leaf for leaf in arguments[0] if not isinstance(leaf, Slot)]
    return not arguments[1] and len(others) == 1 and isinstance(others[0], int | float) and others[0] == 0


@operates("Power")
def _power(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    args = arguments[0]
    squared = len(args) == 2 and isinstance(args[0], Slot) and isinstance(args[1], int | float) and args[1] == 2
    return Meaning("activation", {"function": "square"}) if squared and not arguments[1] else None


@operates("Clip")
def _clip(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    low, high = operation.x_min, operation.x_max
    if len(shapes) != 1 or not all(isinstance(end, int | float) for end in (low, high)):
        return None
    if (low, high) == (-1, 1):
        return Meaning("activation", {"function": "hard_tanh"})
    if low != 0 or high < 0:
        return None
    return Meaning("activation", {"function": "relu", "max_value": float(high)})


def _affine(name: str, args: list[Any], kwargs: Mapping[str, Any], shape: Shape) -> tuple[Array, Array] | None:
    """(scale, offset) of an operation with a number, or an array of them; None where it is none."""
    one, zero = np.ones(()), np.zeros(())
    if name == "Negative" and len(args) == 1:
        return -one, zero
    if kwargs or len(args) != 2:
        return None
    first = isinstance(args[0], Slot)
    numbers = laid_out(args[1] if first else args[0], shape)
    if numbers is None:
        return None
    if name == "Add":
        return None if _is_ambiguous(numbers) else (one, numbers)
    if name == "Subtract":
        return (one, -numbers) if first else (-one, numbers)
    if name == "Multiply":
        return numbers, zero
    return (1.0 / numbers, zero) if name in ("Divide", "TrueDivide") and first and np.all(numbers != 0) else None


def _is_ambiguous(numbers: Array) -> bool:
    """Whether Keras's addition on TensorFlow could take numbers along one axis for a bias along another."""
    return bool(sum(extent > 1 for extent in numbers.shape) == 1 and numbers.shape[-1] == 1)


def laid_out(value: Any, shape: Shape) -> Array | None:
    """A number, or an array with as many axes as a tensor has without the batch; None if it makes the tensor larger.

    Args:
        value: That a tensor is combined with, entry by entry.
        shape: Of the tensor, without the batch.
    """
    import keras

    if isinstance(value, bool | Slot | keras.Variable) or not (keras.ops.is_tensor(value) or _is_plain(value)):
        return None
    # As Keras converts them: lists become float32.
    with float64_kept():
        numbers = np.asarray(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(value)), np.float64)
    if not numbers.ndim:
        return numbers
    if numbers.ndim == len(shape) + 1 and numbers.shape[0] == 1:
        numbers = numbers[0]
    if numbers.ndim > len(shape):
        return None
    numbers = numbers.reshape((1,) * (len(shape) - numbers.ndim) + numbers.shape)
    return numbers if all(mine in (1, its) for mine, its in zip(numbers.shape, shape, strict=True)) else None


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | list | tuple | np.number | np.ndarray)


@makes("affine")
def _made_affine(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    import keras

    # An operation stays one, with its numbers among the arguments of the call: a layer would hand on masks as well.
    if came_from.startswith("ops.") or (came_from and not _is_changed(node)):
        return came_from, {}
    if keras.config.image_data_format() == "channels_first" and any(isinstance(n, tuple) for n in config.values()):
        what = f"cannot write layer '{node.layer}': Keras's Rescaling moves its numbers where channels come first"
        raise UnsupportedError(f"{what}; call keras.config.set_image_data_format('channels_last') first")
    return "Rescaling", {name: _serialized(config[name]) for name in ("scale", "offset")}


def _is_changed(node: Node) -> bool:
    """Whether a Rescaling has other numbers than it was read with."""
    import keras

    given = [keras.saving.deserialize_keras_object(node.origin.layer.config[name]) for name in ("scale", "offset")]
    return _differ(node, tuple(laid_out(_as_cast(value), node.shape) for value in given))


def _differ(node: Node, numbers: tuple[Array | None, ...] | None) -> bool:
    pairs = zip(numbers or (None,), ("scale", "offset"), strict=False)
    return any(array is None or nested(array) != node.config[name] for array, name in pairs)


def arguments_of(node: Node) -> tuple[Any, Any]:
    """The (positional, by keyword) arguments of the call that a node was read from, with the numbers it has now."""
    positional, kwargs = node.origin.arguments
    args, name = list(positional), operation_name(node.origin.layer.cls)
    if node.kind == "gather":
        return taking(node)
    if node.kind != "affine" or not name or not _differ(node, _affine(name, args, kwargs, node.shape)):
        return positional, kwargs
    place = int(isinstance(args[0], Slot))
    scale, offset = (np.asarray(node.config[key]) for key in ("scale", "offset"))
    with np.errstate(divide="ignore"):
        numbers = {"Add": offset, "Subtract": -offset if place else offset, "Multiply": scale}.get(name, 1.0 / scale)
    return (*args[:place], _like(numbers, args[place]), *args[place + 1 :]), kwargs


def taking(node: Node) -> tuple[Any, Any]:
    """The (positional, by keyword) arguments of the call that takes entries by their places."""
    return (Slot(0), list(node.config["places"])), {}


def _like(numbers: Array, before: Any) -> Array:
    """Numbers of the dtype and the rank that others had."""
    import keras

    with float64_kept():
        given = np.asarray(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(before)))
    whole = np.issubdtype(given.dtype, np.integer)
    now = (np.rint(numbers) if whole else numbers).astype(given.dtype)
    surplus = now.ndim - given.ndim
    return now.reshape(now.shape[surplus:]) if surplus >= 0 else now[None]


def _as_cast(value: Any) -> Any:
    """A layer's own numbers: only TensorFlow makes float32 of its lists on the way to the layer's dtype."""
    import keras

    exact = isinstance(value, list | tuple) and keras.backend.backend() != "tensorflow"
    return np.asarray(value, np.float64) if exact else value


def _serialized(numbers: Any) -> Any:
    """A number, or an array without leading axes of extent 1, as Keras has them in a configuration."""
    import keras

    array = np.asarray(numbers)
    while array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    # Of lists Keras would make numbers of float32.
    return keras.saving.serialize_keras_object(array) if array.ndim else array.item()


@reads("Rescaling")
def _rescaling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    import keras

    # Where channels come first by default, Keras moves the numbers to another axis.
    moves = keras.config.image_data_format() == "channels_first" and np.ndim(layer.scale) > 0
    scale, offset = (laid_out(_as_cast(value), shapes[0]) for value in (layer.scale, layer.offset))
    if moves or scale is None or offset is None:
        return None
    return Meaning("affine", {"scale": nested(scale), "offset": nested(offset)})


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


@operates("Take")
def _take(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    import keras

    called = called_with(("x", "indices"), arguments)
    if called is None or len(shapes) != 1 or operation.axis not in (-1, len(shapes[0])) or not shapes[0]:
        return None
    given, extent = called.get("indices"), shapes[0][-1]
    if not (keras.ops.is_tensor(given) or isinstance(given, list | tuple | np.ndarray)) or extent is None:
        return None
    places = np.asarray(keras.ops.convert_to_numpy(given) if keras.ops.is_tensor(given) else given)
    if (
        places.ndim != 1
        or places.dtype.kind not in "iu"
        or not places.size
        or not np.all((places >= 0) & (places < extent))
    ):
        return None
    return Meaning("gather", {"places": tuple(places.tolist())})


@makes("gather")
def _made_take(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "ops.Take", {"axis": -1}


def operation_called(name: str) -> type:
    """The class of operations that Keras records where the function of `keras.ops` of that name is called."""
    import keras

    tensor = keras.KerasTensor((None, 1))
    recorded = {"Take": lambda: keras.ops.take(tensor, [0], axis=-1)}[name]()
    return type(recorded._keras_history.operation)


@operates("Reshape")
def _reshape(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    target = getattr(operation, "newshape", None)
    if not isinstance(target, tuple | list) or len(target) < 2 or target[0] not in (-1, None) or len(shapes) != 1:
        return None
    rest = tuple(int(extent) for extent in target[1:])
    # The batch must stay what it is: as many values in each row as before.
    whole = None not in shapes[0] and prod(extent or 0 for extent in shapes[0]) == prod(rest)
    return Meaning("reshape", {"target": rest}) if whole and all(extent > 0 for extent in rest) else None


@operates("Transpose")
def _transpose(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axes = getattr(operation, "axes", None)
    if not axes or len(shapes) != 1:
        return None
    batch, *others = (int(axis) % len(axes) for axis in axes)
    return None if batch else Meaning("permute", {"dims": tuple(axis - 1 for axis in others)})


@operates("Concatenate")
def _concatenate(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    axis = operation.axis
    if not isinstance(axis, int) or axis == 0 or len({len(shape) for shape in shapes}) > 1:
        return None
    return Meaning("concatenate", {"axis": axis - 1 if axis > 0 else axis})
