"""How far what a model says is from what another one says of the same rows, as one number."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, xlogy

from redundancy.network import Array

TINY = 1e-12
"""A probability that is smaller counts as this: the other model's rounding decides nothing."""


def of_classes(expected: Array, got: Array, axis: int, *, logits: bool) -> float:
    """The mean Kullback-Leibler divergence of distributions over classes, in nats.

    Args:
        expected: Logits or probabilities of the one model. Shape (n, ...), float64.
        got: Of the other. The same shape.
        axis: Of the classes.
        logits: They are logits.
    """
    first, second = (log_softmax(a, axis=axis) if logits else np.log(np.maximum(a, TINY)) for a in (expected, got))
    return float(np.mean(np.sum(np.exp(first) * (first - second), axis=axis)))


def of_yes_or_no(expected: Array, got: Array, *, logits: bool) -> float:
    """The mean over rows of the sum of the divergences of each output, a probability of yes, in nats."""
    first, second = (1.0 / (1.0 + np.exp(-a)) if logits else a for a in (expected, got))
    first, second = (np.clip(a, TINY, 1.0 - TINY) for a in (first, second))
    found = xlogy(first, first / second) + xlogy(1.0 - first, (1.0 - first) / (1.0 - second))
    return float(np.sum(found) / len(found))


def of_numbers(expected: Array, got: Array) -> float:
    """The mean squared difference, as a share of the variance of the one model's outputs."""
    spread = float(np.mean((expected - expected.mean(axis=0)) ** 2))
    missed = float(np.mean((expected - got) ** 2))
    return missed / spread if spread > 0 else missed
