"""Inputs for a model, in an .npz file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from redundancy.data import npz
from redundancy.data.dataset import refused
from redundancy.network import Array

Shape = Sequence[int | None]

_OF_DATA_SETS = ("x_test", "x_train")
"""What inputs are called in data sets: those that the model was not trained on before those that it was."""


def samples(
    path: str | Path, inputs: Sequence[tuple[str, Shape]], *, stored: Collection[str] = ()
) -> tuple[Array, ...]:
    """The arrays of a file that a model can be given. Nothing in it is ever unpickled.

    They are called as the inputs are; or x, x2, x3, ... in the order of the inputs; or x_test or x_train, as in a data
    set. Those are taken as a data set is: uint8 is divided by 255, but for a model that does so itself, and images of
    one channel need no axis for it. All others are taken as they are stored.

    Args:
        path: An .npz file.
        inputs: (name, shape without the batch; None for any size) of each input of the model.
        stored: Names of those that are to be numbers up to 255, so that uint8 is taken as it is.

    Returns:
        One array an input, of shape (n, *shape), with numbers or booleans of the dtype that they are stored in.

    Raises:
        DataError: The file is missing, damaged or too large, has no such arrays, or they do not fit the inputs, are no
            numbers, or are NaN or infinite.
    """
    path, name = Path(path), str(path)
    arrays = npz.read(path, lambda present: _chosen(name, inputs, present))
    fitting = tuple(
        _fitting(name, key, array, each, stored=each[0] in stored)
        for (key, array), each in zip(arrays.items(), inputs, strict=True)
    )
    if len({len(array) for array in fitting}) > 1:
        rows = ", ".join(f"{len(array)} of {key}" for key, array in zip(arrays, fitting, strict=True))
        raise refused(name, f"it has {rows}", "give as many of each")
    return fitting


def part(path: str | Path, key: str, each: tuple[str, Shape], *, stored: Collection[str]) -> Array:
    """One array of a file, as the only input of a model.

    Args:
        path: An .npz file.
        key: What the array is called: x_test and x_train are taken as a data set is.
        each: (name, shape without the batch; None for any size) of the input.
        stored: As of `samples`.

    Returns:
        Shape (n, *shape).

    Raises:
        DataError: As of `samples`.
    """
    return _fitting(str(path), key, npz.read(Path(path), lambda _: (key,))[key], each, stored=each[0] in stored)


def _chosen(name: str, inputs: Sequence[tuple[str, Shape]], present: Collection[str]) -> Sequence[str]:
    """The arrays to read, one an input."""
    named = [key for key, _ in inputs]
    numbered = ["x", *(f"x{number}" for number in range(2, len(inputs) + 1))]
    choices = [named, numbered, *([key] for key in _OF_DATA_SETS if len(inputs) == 1)]
    for keys in choices:
        if len(set(keys)) == len(keys) and set(keys) <= set(present):
            return keys
    held = ", ".join(sorted(present)[:9]) or "nothing"
    why = f"it holds {held}, and the model reads {wanted(inputs)}"
    names = " or ".join(dict.fromkeys(", ".join(keys) for keys in choices))
    raise refused(name, why, f"call the arrays {names} in numpy.savez(file, name=array, ...)")


def wanted(inputs: Sequence[tuple[str, Shape]]) -> str:
    """What a model reads, in order: the name of each input and the shape of data for it."""
    return ", ".join(f"{name} {_shaped(shape)}" for name, shape in inputs)


def _shaped(shape: Shape) -> str:
    return f"(n, {', '.join('any' if n is None else str(n) for n in shape)})" if shape else "(n,)"


def _fitting(name: str, key: str, raw: Array, each: tuple[str, Shape], *, stored: bool) -> Array:
    _, shape = each
    array = _as_in_a_data_set(raw, shape, stored=stored) if key in _OF_DATA_SETS else raw
    if array.dtype.kind not in "biuf":
        raise refused(name, f"{key} holds {array.dtype}", "store numbers")
    fits = array.ndim == len(shape) + 1 and all(
        want in (None, has) for want, has in zip(shape, array.shape[1:], strict=True)
    )
    if not fits or not array.size:
        why = f"{key} has shape {raw.shape}, but the model reads {wanted([each])}"
        raise refused(name, why, "give one row or more of that shape")
    if not np.all(np.isfinite(array)):
        raise refused(name, f"{key} has NaN or infinite values", "remove or repair those rows")
    return array


def _as_in_a_data_set(raw: Array, shape: Shape, *, stored: bool) -> Array:
    array = raw.astype(np.float32) / np.float32(255) if raw.dtype == np.uint8 and not stored else raw
    return array[..., None] if array.ndim == len(shape) and list(shape[-1:]) == [1] else array
