"""What a criterion sees of the units of a space, and what it says: in which order they should go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.errors import NetworkError
from redundancy.network import Array


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The units of a space at one place where weights read them.

    Attributes:
        samples: What they are there on data. Shape (samples, n), float64.
        outgoing: The weights that read them. Only what rows have in common matters, so that it may be any factor
            A of the matrix A A' of their products. Shape (n, m), float64.
        padded: A constant cannot move to the bias of some reader.
        gates: The gradient of each example's loss by a gate of 1 that multiplies the unit, where somebody asked for
            it. Shape (examples, n), float64.
    """

    samples: Array
    outgoing: Array
    padded: bool = False
    gates: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The units of a space.

    Attributes:
        incoming: The weights that make each unit, its bias last; zero where there is none. Shape (n, k), float64.
        readings: One for each place where they are read; at least one.
        seed: Of what is random.
    """

    incoming: Array
    readings: tuple[Reading, ...]
    seed: int = 0

    @property
    def size(self) -> int:
        """How many units there are."""
        return len(self.incoming)

    @property
    def outgoing(self) -> Array:
        """The weights that read each unit, wherever they do. Shape (n, m), float64."""
        return np.hstack([reading.outgoing for reading in self.readings])

    @property
    def gates(self) -> Array:
        """The gradients by a gate that multiplies a unit wherever it is read. Shape (examples, n), float64.

        Raises:
            NetworkError: Nobody asked for them.
        """
        opened = [reading.gates for reading in self.readings if reading.gates is not None]
        if len(opened) < len(self.readings):
            raise NetworkError("the gradients of gates are not known: measure them for a criterion that needs them")
        return np.asarray(np.sum(opened, axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """In which order units should go.

    Attributes:
        order: The units, the one that should go first first. Shape (n,), int.
        loss: What the criterion expects it to cost that the first k + 1 of them are gone, in its own unit, which is
            not that of another criterion. Shape (n,), float64, not decreasing.
        heirs: By whom each unit is stood in for where it goes and nothing is repaired: another unit, or -1 for nobody.
            Shape (n,), int.
        shares: How many times the heir stands in for it. Shape (n,), float64.
    """

    order: Array
    loss: Array
    heirs: Array
    shares: Array


def by_scores(scores: Array) -> Ranking:
    """The units with the smallest scores go first, and nobody stands in for them.

    Args:
        scores: What it costs that a unit goes, whatever others do. Shape (n,), float64, not negative.
    """
    order = np.argsort(scores, kind="stable")
    return in_order(order, np.cumsum(scores[order]))


def in_order(order: Array, loss: Array) -> Ranking:
    """The units in an order of one's own; nobody stands in for them.

    Args:
        order: Shape (n,), int.
        loss: Shape (n,), float64; made not to decrease.
    """
    nobody = np.full(len(order), -1, dtype=np.intp)
    return Ranking(np.asarray(order, np.intp), np.maximum.accumulate(loss), nobody, np.zeros(len(order)))
