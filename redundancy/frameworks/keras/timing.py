"""How long two models take for a batch: in turns, so that what else the machine does falls on both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from redundancy.frameworks.keras.probes import from_rest, nested
from redundancy.network import Array

TURNS = 15
"""Of each model; the median of them is what it takes."""

TURN = 0.02
"""Seconds that a turn lasts, at least: calls are repeated until then."""


def latencies(models: Sequence[Any], inputs: tuple[Array, ...]) -> tuple[float, ...]:
    """Seconds that each model takes for a batch, compiled and warm.

    Args:
        models: Keras models of the same inputs.
        inputs: One batch, an array for each input in order.
    """
    with ExitStack() as states:
        for model in models:
            states.enter_context(from_rest(model))
        batches = [nested(model, inputs) for model in models]
        counts = [_calls(*each) for each in zip(models, batches, strict=True)]
        took: list[list[float]] = [[] for _ in models]
        for turn in range(TURNS):
            # Whoever comes second finds other things in the processor's cache than who comes first.
            for number in range(len(models)) if turn % 2 else reversed(range(len(models))):
                took[number].append(_timed(models[number], batches[number], counts[number]) / counts[number])
        return tuple(float(np.median(each)) for each in took)


def _calls(model: Any, batch: Any) -> int:
    """How many calls make a turn."""
    for _ in range(2):
        model.predict_on_batch(batch)
    return max(1, int(np.ceil(TURN / max(_timed(model, batch, 1), 1e-6))))


def _timed(model: Any, batch: Any, calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        model.predict_on_batch(batch)
    return time.perf_counter() - begun
