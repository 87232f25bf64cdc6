"""Which form of labels a loss takes: the number of the class, or a one among zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from redundancy.network import Array

TRIED = 3
"""Classes that a loss is tried on, at most."""


def takes_numbers(loss: Any, shape: tuple[int, ...]) -> bool:
    """Whether a loss takes the number of each class, and not a one among zeros.

    Keras's own say so by their names. Another one is tried: what takes labels in a form finds each class nearest to
    itself. Where it does that in both forms, or in none, it takes ones among zeros.

    Args:
        loss: As a model was compiled with it: a name, a function or an object.
        shape: Of an output, without the batch; the classes last.
    """
    # An object may be called as its user likes and wrap a function.
    called = [loss if isinstance(loss, str) else type(loss).__name__]
    called += [str(getattr(each, "__name__", "")) for each in (loss, getattr(loss, "fn", None))]
    if "sparse" in " ".join(called).replace("_", "").lower():
        return True
    tried = np.arange(min(shape[-1], TRIED)).reshape(-1, *[1] * len(shape))
    numbers = np.broadcast_to(tried, (len(tried), 1, *shape[:-1]))
    ones = np.eye(shape[-1], dtype="float32")[numbers]
    return not _tells(loss, ones, ones) and _tells(loss, numbers, ones)


def _tells(loss: Any, labels: Array, ones: Array) -> bool:
    """Whether a loss is least where what is said is what the label says, for each of some labels."""
    import keras

    found = np.empty((len(labels), len(labels)))
    try:
        function = keras.losses.get(loss)
        for row, label in enumerate(labels):
            for column, one in enumerate(ones):
                said = keras.ops.convert_to_tensor(0.05 + 0.8 * one)
                loss_of = function(keras.ops.convert_to_tensor(label), said)
                found[row, column] = np.mean(keras.ops.convert_to_numpy(loss_of))
    except Exception:  # a loss of the user's own may raise anything for labels that it does not take
        return False
    best = np.diagonal(found)
    others = found + np.diag(np.full(len(labels), np.inf))
    return bool(np.all(np.isfinite(best)) and np.all(best < others.min(axis=1)))
