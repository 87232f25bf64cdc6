"""What a network says of rows of data, and how much of that is right."""

from __future__ import annotations

import numpy as np

from redundancy.errors import OptionError
from redundancy.material import Material
from redundancy.network import Array, Network


def outputs_on(network: Network, rows: Material) -> tuple[Array, ...]:
    """What a network says of rows, in float64."""
    from redundancy.frameworks.keras import evaluate

    found = evaluate(network, rows.inputs)
    return tuple(np.asarray(array, np.float64) for array in (found if isinstance(found, tuple) else (found,)))


def right(network: Network, rows: Material) -> Array:
    """Whether each row is classified rightly. Shape (n,), bool.

    Raises:
        OptionError: The network is no classifier of rows, or the labels are no such classes.
    """
    from redundancy.frameworks.keras.likelihood import says_probabilities

    first, *others = outputs_on(network, rows)
    assert rows.labels is not None
    scores = first.reshape(len(first), -1)
    if others or first.ndim > 2 or rows.labels.max() >= max(scores.shape[1], 2):
        shapes = ", ".join(str(array.shape[1:]) for array in (first, *others))
        raise OptionError(
            f"the model gives outputs of shape {shapes} for labels from {rows.labels.min()} to {rows.labels.max()}: its"
            " accuracy is not known; give remove= and data without labels"
        )
    if scores.shape[1] > 1:
        return np.asarray(scores.argmax(axis=1) == rows.labels)
    threshold = 0.5 if says_probabilities(network) else 0.0
    return np.asarray((scores[:, 0] > threshold) == (rows.labels == 1))


def accuracy(network: Network, rows: Material) -> float:
    """The share of rows that are classified rightly."""
    return float(np.mean(right(network, rows)))
