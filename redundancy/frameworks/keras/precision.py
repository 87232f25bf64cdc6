"""Float64, of which Keras makes float32 in many operations wherever it does not compute with TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_NAME = "float64"

_lock = threading.Lock()
_inside: list[str] = []
"""What Keras made of float64 before; one entry for each that is inside."""


@contextmanager
def float64_kept() -> Iterator[None]:
    """Lets Keras compute in float64 meanwhile, where that is asked for: on TensorFlow it does so anyway.

    JAX takes numbers of 64 bits for numbers of 32 unless it is told otherwise, and Keras turns results that would be
    float64 into float32 on JAX and PyTorch. What is of another dtype is computed as ever, and afterwards all is.
    """
    import keras

    backend = keras.backend.backend()
    with ExitStack() as settings:
        if backend == "jax":
            import jax

            settings.enter_context(jax.enable_x64(True))
        if backend != "tensorflow":
            settings.enter_context(_results_kept())
        yield


@contextmanager
def _results_kept() -> Iterator[None]:
    from keras.src.backend.common import dtypes

    table = dtypes.BIT64_TO_BIT32_DTYPE
    with _lock:
        _inside.append(table[_NAME])
        table[_NAME] = _NAME
    try:
        yield
    finally:
        with _lock:
            # What it was for the first that came in is what it is again after the last that goes.
            before = _inside.pop()
            table[_NAME] = before
