"""From arrays as files hold them to the arrays of a data set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from redundancy.data.dataset import Dataset, refused
from redundancy.network import Array

KEYS = ("x_train", "y_train", "x_test", "y_test")
"""What the arrays of a data set are called, in files as in `Dataset`."""


def dataset_from(name: str, arrays: Mapping[str, Array]) -> Dataset:
    """The data set made of raw arrays.

    Args:
        name: Of the data set.
        arrays: By the names in `KEYS`. Images: (n, h, w) or (n, h, w, c), uint8 in 0..255 or floats in
            [0, 1]. Labels: (n,) or (n, 1), integers, or floats that are integers.

    Raises:
        DataError: An array is none of that, or the arrays do not fit each other.
    """
    converters = {"x": _images, "y": labels}
    return Dataset(name, *(converters[key[0]](name, key, arrays[key]) for key in KEYS))


def _images(name: str, key: str, raw: Array) -> Array:
    if raw.ndim not in (3, 4):
        remedy = "make it (n, height, width) or (n, height, width, channels)"
        raise refused(name, f"{key} has shape {raw.shape}", remedy)
    if raw.dtype != np.uint8 and raw.dtype.kind != "f":
        raise refused(name, f"{key} holds {raw.dtype}", "store uint8 in 0..255, or floats in [0, 1]")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused as that
        images = raw.astype(np.float32)
    if raw.dtype == np.uint8:
        images /= np.float32(255)
    if images.ndim == 3:
        images = images[..., None]
    images.setflags(write=False)  # it is ours alone: freezing it here saves a copy of the largest arrays
    return images


def labels(name: str, key: str, raw: Array) -> Array:
    """The numbers of classes, one a row.

    Args:
        name: Of the data set, for the error.
        key: What the array is called in it, for the error.
        raw: Shape (n,) or (n, 1), integers, or floats that are integers.

    Returns:
        Shape (n,), int64.

    Raises:
        DataError: The array is none of that.
    """
    numbers = raw[:, 0] if raw.ndim == 2 and raw.shape[1] == 1 else raw
    if numbers.ndim != 1:
        raise refused(name, f"{key} has shape {raw.shape}", "give the number of the class, one an image")
    if numbers.dtype.kind not in "iuf":
        raise refused(name, f"{key} holds {numbers.dtype}", "store the numbers of the classes as integers")
    if numbers.dtype.kind == "f" and not np.all(np.isfinite(numbers) & (numbers == np.rint(numbers))):
        raise refused(name, f"{key} has values that are not whole numbers", "store the numbers of the classes")
    # Beyond this, the cast below would change them: uint64 to negative numbers, floats to anything.
    if numbers.size and max(abs(int(numbers.min())), abs(int(numbers.max()))) > 2**53:
        raise refused(name, f"{key} has labels beyond 2**53", "number the classes from 0")
    return numbers.astype(np.int64)
