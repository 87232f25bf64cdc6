"""A data set: images and labels, checked once and then frozen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redundancy.errors import DataError
from redundancy.network import Array, frozen_array

MOST_CLASSES = 65_536
"""Above this a label is taken for something else than the number of a class."""


# No slots: the cached properties below need an instance dictionary.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, for training and for testing. All arrays are read-only.

    Attributes:
        name: What it was loaded by: a registered name, or the path of a file.
        x_train: Shape (n, h, w, c), float32 in [0, 1].
        y_train: Shape (n,), int64 in 0..classes-1.
        x_test: Shape (m, h, w, c), float32 in [0, 1].
        y_test: Shape (m,), int64 in 0..classes-1.

    Raises:
        DataError: An array is not what is said here, or the arrays do not fit each other.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = (
                frozen_array(getattr(self, f"x_{part}")),
                frozen_array(getattr(self, f"y_{part}")),
            )
            _check_images(self.name, f"x_{part}", images)
            _check_labels(self.name, f"y_{part}", labels, len(images))
            object.__setattr__(self, f"x_{part}", images)
            object.__setattr__(self, f"y_{part}", labels)
        if self.x_test.shape[1:] != self.input_shape:
            sizes = f"training images of shape {self.input_shape} and test images of {self.x_test.shape[1:]}"
            raise refused(self.name, f"it has {sizes}", "give both the same shape")
        if (largest := int(self.y_test.max())) >= self.classes:
            unseen = f"y_test has the label {largest}, but y_train stops at {self.classes - 1}"
            raise refused(self.name, unseen, "every class needs training images")

    def __str__(self) -> str:
        name = self.name if self.name.isprintable() else ascii(self.name)
        counts = f"{len(self.x_train)} training and {len(self.x_test)} test images"
        return f"{name}: {counts} of {'x'.join(map(str, self.input_shape))}, {self.classes} classes"

    def __reduce__(self) -> tuple[type[Dataset], tuple[object, ...]]:
        # Pickled arrays come back writable: going through the constructor freezes them again.
        return Dataset, (self.name, *self._arrays)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.x_train.shape[1:]
        return height, width, channels

    @cached_property
    def classes(self) -> int:
        """One more than the largest training label."""
        return int(self.y_train.max()) + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all values and shapes, in hexadecimal: the same on every machine, whatever the name."""
        hasher = hashlib.sha256()
        for array in self._arrays:
            hasher.update(repr(array.shape).encode())
            hasher.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
        return hasher.hexdigest()

    @property
    def _arrays(self) -> tuple[Array, Array, Array, Array]:
        return self.x_train, self.y_train, self.x_test, self.y_test


def refused(name: str, why: str, remedy: str) -> DataError:
    """The one-line error about a data set; quoting keeps line breaks in `name` out of it."""
    return DataError(f"cannot use the data set {name!r}: {why}; {remedy}")


def _check_images(name: str, key: str, images: Array) -> None:
    if images.ndim != 4 or images.dtype != np.float32:
        found = f"{key} has shape {images.shape} and dtype {images.dtype}"
        raise refused(name, found, "make it (n, height, width, channels), float32")
    if images.size == 0:
        raise refused(name, f"{key} has shape {images.shape}: no images, or images of no size", "give at least one")
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):  # NaN goes through min and max
        raise refused(name, f"{key} has NaN or infinite values", "remove or repair those images")
    if low < 0 or high > 1:
        found = f"{key} has values from {low:g} to {high:g}, outside [0, 1]"
        raise refused(name, found, "rescale them, or store 0..255 as uint8")


def _check_labels(name: str, key: str, labels: Array, n: int) -> None:
    if labels.ndim != 1 or labels.dtype != np.int64:
        found = f"{key} has shape {labels.shape} and dtype {labels.dtype}"
        raise refused(name, found, "make it (n,), int64")
    if len(labels) != n:
        found = f"{key} has {len(labels)} labels for the {n} images of {key.replace('y', 'x', 1)}"
        raise refused(name, found, "give one label an image")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= MOST_CLASSES:
        found = f"{key} has the label {low if low < 0 else high}, outside 0..{MOST_CLASSES - 1}"
        raise refused(name, found, "number the classes from 0")
