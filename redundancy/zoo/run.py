"""One recipe, trained from one seed."""

from __future__ import annotations

from dataclasses import dataclass

from redundancy.network import Network
from redundancy.zoo.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One recipe, trained from one seed.

    Attributes:
        recipe: What was trained.
        seed: What decided the initial weights, the order of the data and what dropout drops.
        network: With the weights after the last step.
        loss: Mean cross-entropy over the whole training set after the last step, without dropout and without
            the regularizer's penalty. NaN or infinite where training diverged at the end.
        accuracy: Share of the test images classified rightly, in [0, 1].
        data_digest: `Dataset.digest` of the data it was trained on.
        diverged: The step, from 1, whose loss was NaN or infinite. That step was not taken, and training ended
            there: the network is that of the step before. None where every step was taken.
        alone: Why it was trained one at a time, by a Keras model, and not beside others: there is no fused form of its
            optimizer, say, or on JAX; "" where it was not.
    """

    recipe: Recipe
    seed: int
    network: Network
    loss: float
    accuracy: float
    data_digest: str
    diverged: int | None = None
    alone: str = ""

    def __str__(self) -> str:
        ended = "" if self.diverged is None else f", diverged at step {self.diverged}"
        return f"seed {self.seed}: loss {self.loss:.4g}, accuracy {self.accuracy:.4f}{ended}; {self.recipe}"

    __repr__ = __str__
