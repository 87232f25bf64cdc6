"""Which tensors of a Keras model hold whole numbers, and what calculates with them: there, sums wrap around.

A layer that says its own shapes is recorded as giving floating numbers, whatever it gives where the model runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redundancy.frameworks.keras.kinds import operation_name
from redundancy.frameworks.keras.probes import MOVERS

_JOINS = ("add", "subtract", "multiply", "average")
_SINGLE = ("scaled_add", "affine", "activation", "prelu", "reduction")
_GIVES_WHOLE = frozenset({*_JOINS, *_SINGLE, *MOVERS, "maximum", "minimum", "dropout", "pooling"})
"""The kinds that make whole numbers of whole numbers."""


class Wholes:
    """Keeps account of whole numbers while a graph is walked."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def given(self, name: str, tensor: Any) -> None:
        """An input of the model."""
        if _is_whole(tensor):
            self._names.add(name)

    def entered(self, feed: str, name: str) -> None:
        """A node stands for another one inside a model inside the model."""
        if feed in self._names:
            self._names.add(name)

    def calculated(self, call: Any, kind: str, inputs: tuple[str, ...]) -> bool:
        """Whether a call calculates with whole numbers.

        Args:
            call: As Keras recorded it.
            kind: Of the node that it would be.
            inputs: The nodes that it reads.
        """
        many = sum(name in self._names for name in inputs)
        if not many or kind not in (*_JOINS, *_SINGLE):
            return False
        if operation_name(type(call.operation)):
            return _is_whole(call.outputs[0]) or self._mistaken(call, inputs)
        # A Rescaling casts what it is given; a sum of a whole and a floating number is one of floating numbers.
        return kind != "affine" and many >= (2 if kind in _JOINS else 1)

    def called(self, call: Any, inputs: tuple[str, ...], kind: str | None, made: Iterable[str]) -> None:
        """A call of a layer, or of another operation.

        Args:
            call: As Keras recorded it.
            inputs: The nodes that it reads.
            kind: Of the node that it is; None where the house has no word for it, "" where it means several.
            made: The nodes that it became.
        """
        layer, all_whole = call.operation, bool(inputs) and self._names.issuperset(inputs)
        if operation_name(type(layer)):
            kept = self._mistaken(call, inputs)
        elif kind:
            kept = kind in _GIVES_WHOLE and kind != "affine"
        else:
            kept = not getattr(layer, "weights", ())
        if any(map(_is_whole, call.outputs)) or (all_whole and kept):
            self._names.update(made)

    def _mistaken(self, call: Any, inputs: tuple[str, ...]) -> bool:
        """Whether it is given whole numbers that Keras recorded as floating ones."""
        floating = not all(map(_is_whole, call.input_tensors))
        return floating and self._names.issuperset(inputs)


def _is_whole(tensor: Any) -> bool:
    dtype = str(tensor.dtype)
    return "int" in dtype or dtype == "bool"
