"""What a Keras model is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a model.

    Attributes:
        name: That of its layer, as `redundancy.network.Network` has it; tensors are numbered anew in every process.
        shape: Without the batch; None for any size.
        dtype: As Keras calls it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def inputs_of(model: Any) -> tuple[Input, ...]:
    """The inputs of a model, in order; none where it is no graph of layers."""
    return tuple(
        Input(tensor._keras_history.operation.name, tuple(tensor.shape[1:]), str(tensor.dtype))
        for tensor in getattr(model, "inputs", None) or ()
    )
