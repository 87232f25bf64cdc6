"""How much has to go so that a batch takes less time: measured, as no count of operations says it of a machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from redundancy.allocation import Step, gone_after
from redundancy.errors import TooMuchError
from redundancy.material import Material
from redundancy.narrowing import closed
from redundancy.network import Network
from redundancy.pruner import Pruner, first
from redundancy.workbench import written

LATENCY = "latency"
"""What `of` calls it."""

BATCH = 32
"""Rows of the batch that is timed."""

FURTHER = 20
"""Where the time turns out longer when it is taken again, one in so many of all steps is added."""

Seconds: TypeAlias = tuple[float, float]
"""What a batch takes the original, and what it takes the other one in the same turns."""


def latency(original: Any, small: Any, rows: Material) -> Seconds:
    """Seconds that two Keras models of the same inputs take for the first rows, in turns."""
    from redundancy.frameworks.keras.probes import filled, rows_of
    from redundancy.frameworks.keras.timing import latencies

    fixed = rows_of(original)
    few = rows.take(slice(fixed or BATCH))
    before, now = latencies(
        (original, small), tuple(filled(array, max(0, (fixed or 0) - few.rows)) for array in few.inputs)
    )
    return before, now


def goal_of(work: Pruner, original: Any) -> Pruner | Pace:
    """Who says how many steps save a share: the counts of a pruning, or a clock where that is of the latency.

    Args:
        work: The pruning.
        original: The Keras model whose network it prunes; None for none, where nothing is timed.
    """
    if work.of != LATENCY:
        return work
    return Pace(work, lambda network: latency(original, written(original, closed(network)), work.judged))


class Pace:
    """The steps of a pruning, by the time that they save.

    Steps come in the order of what they save of multiply-accumulates, and how many of them are taken is measured: by
    halving, so that few models are written and timed.

    Args:
        work: Whose steps they are.
        clock: Times a network beside the original.

    Attributes:
        seconds: What was measured last when `enough` was sure of its answer; None before.
    """

    def __init__(self, work: Pruner, clock: Callable[[Network], Seconds]) -> None:
        self._work, self._clock = work, clock
        self._known: dict[int, float] = {}
        self.seconds: Seconds | None = None

    def enough(self, share: float) -> tuple[Step, ...]:
        """The fewest steps that save that share of the time, as far as halving finds them.

        What is chosen is timed once more, after whatever training there is; where it is too slow then, more goes.

        Raises:
            TooMuchError: All together do not.
        """
        steps = self._work.steps
        if self._left(len(steps)) > 1.0 - share:
            raise self._too_much(share, self._left(len(steps)))
        count = first(len(steps), lambda count: self._left(count) <= 1.0 - share)
        while True:
            self.seconds = before, now = self._clock(self._work.pruned(gone_after(steps[:count])).network)
            if now <= (1.0 - share) * before:
                return steps[:count]
            if count == len(steps):
                raise self._too_much(share, now / before)
            count = min(count + max(1, len(steps) // FURTHER), len(steps))

    def _left(self, count: int) -> float:
        """The share of the time that is left after so many steps. Training changes no shapes, and is left out."""
        if count not in self._known:
            counts = gone_after(self._work.steps[:count])
            before, now = self._clock(self._work.pruned(counts, trained=False).network)
            self._known[count] = now / before
        return self._known[count]

    def _too_much(self, share: float, left: float) -> TooMuchError:
        most = max(0.0, np.floor(1000 * (1.0 - left)) / 10)
        # What a call takes whatever it computes is most of the time of a small model.
        remedy = "give less" if most else "a call takes that long whatever is in the model, so choose another of="
        return TooMuchError(
            f"remove={share:g} is more than can go: {most:g}% of the latency at most, as measured here; {remedy}"
        )
