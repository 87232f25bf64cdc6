"""How good a network is, by its logits."""

from __future__ import annotations

import numpy as np

from redundancy.network import Array


def judged(logits: Array, labels: Array) -> tuple[float, float]:
    """(mean cross-entropy, accuracy), in float64.

    Args:
        logits: The network's own, (n, classes), of any dtype.
        labels: (n,), whole numbers.
    """
    exact = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged network has no finite logits
        shifted = exact - exact.max(axis=1, keepdims=True)
        own = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
        loss = float((np.log(np.exp(shifted).sum(axis=1)) - own).mean())
    return loss, float((exact.argmax(axis=1) == labels).mean())
