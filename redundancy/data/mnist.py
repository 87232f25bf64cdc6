"""mnist: all 70,000 digits, by Keras's own loader, which downloads them once and keeps them."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from redundancy import cache
from redundancy.data.conversion import dataset_from
from redundancy.data.dataset import Dataset, refused
from redundancy.errors import DataError
from redundancy.network import Array

NAME = "mnist"

PATIENCE = 10.0
"""Seconds without any answer from the network after which the download is given up."""

_DOWNLOAD = 600.0
"""Seconds to wait for another process that downloads: 11 MB, over a slow line."""


def load() -> Dataset:
    """All of MNIST: 60,000 training and 10,000 test images of 28x28x1.

    Raises:
        DataError: It is not in Keras's cache, and the network does not give it.
    """
    # Keras neither locks its cache nor writes it atomically: a second process would read half a file.
    with cache.locked(cache.directory() / "mnist.npz", _DOWNLOAD):
        try:
            # Its progress bar is no part of what a command prints.
            with _bounded(PATIENCE), redirect_stdout(sys.stderr):
                arrays = _from_keras()
        except DataError:
            raise
        # Keras raises a bare Exception where the network fails, and other kinds where its cache does.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            remedy = "connect to the network once, or give a file: REDUNDANCY_DATA=/path/mnist.npz"
            raise refused(NAME, f"Keras cannot fetch it ({reason})", remedy) from error
    return dataset_from(NAME, arrays)


def _from_keras() -> dict[str, Array]:
    from keras.datasets import mnist  # starts Keras's backend: seconds that only this data set costs

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Let no connection that is opened meanwhile wait longer: Keras's download has no limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
