"""How the loss of each example answers to inputs that were put into a network, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from redundancy.errors import OptionError
from redundancy.frameworks.keras.differentiating import Differentiated
from redundancy.frameworks.keras.likelihood import Head
from redundancy.frameworks.keras.probes import filled, from_rest, rows_of
from redundancy.frameworks.keras.writing import write
from redundancy.network import Array, Network

ROWS = 64
"""How many are computed at once, where the model does not fix it."""


def precision(network: Network) -> str:
    """The dtype of what is put into a network: as precise as any of its weights."""
    precise = any(array.dtype == np.float64 for node in network for array in node.weights.values())
    return "float64" if precise else "float32"


def answers(
    network: Network,
    head: Head,
    idle: Sequence[Array],
    inputs: tuple[Array, ...],
    labels: Array | None,
    *,
    seed: int,
    dtype: str | None = None,
) -> Iterator[tuple[list[Array], list[Array]]]:
    """The outputs behind the first, and the gradient of each example's loss, of one batch after the other.

    Args:
        network: Of which the first output is the head's, with inputs for what is tapped behind its own.
        head: How the first output is read.
        idle: What each of those inputs is given, for one row.
        inputs: One array for each of the network's own, of n rows.
        labels: Of n rows; drawn if None.
        seed: Of the labels that are drawn.
        dtype: To compute in; as the layers have it if not given.

    Returns:
        Of each batch, the other outputs, and one gradient for each of `idle`; as many rows each. As computed.

    Raises:
        OptionError: The labels do not fit.
    """
    if labels is not None and len(labels) != len(inputs[0]):
        raise OptionError(f"{len(labels)} labels for {len(inputs[0])} rows of inputs: give one for each")
    model = write(network, dtype=dtype)
    rng, run, fixed = np.random.default_rng(seed), Differentiated(model, len(idle)), rows_of(model)
    with from_rest(model):
        for start in range(0, max(len(inputs[0]), 1), fixed or ROWS):
            batch = [array[start : start + (fixed or ROWS)] for array in inputs]
            rows, told = len(batch[0]), None if labels is None else labels[start : start + len(batch[0])]
            missing = max(0, (fixed or 0) - rows)
            given = [np.repeat(one[None], rows + missing, axis=0) for one in idle]
            weigh = _Residuals(head, rows, missing, told, rng)
            outputs, gradients = run([*(filled(array, missing) for array in batch), *given], weigh)
            yield [output[:rows] for output in outputs[1:]], [gradient[:rows] for gradient in gradients]


class _Residuals:
    """The gradient of the loss of each row of a batch with respect to its scores; none for rows that only fill it."""

    def __init__(self, head: Head, rows: int, missing: int, labels: Array | None, rng: np.random.Generator) -> None:
        self._head, self._rows, self._missing, self._labels, self._rng = head, rows, missing, labels, rng

    def __call__(self, outputs: list[Array]) -> Array:
        found = self._head.residuals(outputs[0][: self._rows], self._labels, self._rng)
        return np.concatenate([found, np.zeros((self._missing, *found.shape[1:]))])
