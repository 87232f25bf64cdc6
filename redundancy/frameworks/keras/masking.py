"""Which tensors of a Keras model may carry a mask.

Keras records a mask on what a layer gives where the layer is called. Three kinds are not recorded, and are carried
where the model runs: those that are made inside a nested model or a layer with layers of its own, those that the inputs
of a nested model bring along, and those that a layer's own code puts on what it returns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redundancy.frameworks.keras.origin import is_keras

_HANDED_ON = ("identity", "dropout", "input")
"""The kinds that give the tensor itself that they were given, with all that it carries."""

_MASKING = ("Masking", "Lambda")
"""The classes of Keras whose layers make masks, or may."""

MASKED = ("multiply", "maximum", "minimum")
"""The kinds whose layers put other values where a mask hides what they are given; operations do not."""


class Masks:
    """Keeps account of masks while a graph is walked."""

    def __init__(self) -> None:
        self._unrecorded: set[str] = set()

    def reach(self, tensors: Iterable[Any], names: Iterable[str]) -> bool:
        """Whether a mask may come with tensors, which these nodes made."""
        return _recorded(tensors) or not self._unrecorded.isdisjoint(names)

    def called(self, call: Any, inputs: tuple[str, ...], kind: str | None, made: Iterable[str]) -> None:
        """A call of a layer, or of another operation.

        Args:
            call: As Keras recorded it.
            inputs: The nodes that it reads.
            kind: Of the node that it is, one of several that it means, or None where the house has no word for it.
            made: The nodes that it became.
        """
        layer = call.operation
        if all(_recorded((tensor,)) for tensor in call.outputs):
            return
        carried = _makes(layer)
        if kind is None or kind in _HANDED_ON:
            carried |= self.reach(call.input_tensors, inputs)
        elif getattr(layer, "supports_masking", False):
            carried |= not self._unrecorded.isdisjoint(inputs)
        if carried:
            self._unrecorded.update(made)

    def entered(self, feed: str, name: str) -> None:
        """A node stands for another one inside a model inside the model."""
        if feed in self._unrecorded:
            self._unrecorded.add(name)

    def crossed(self, tensors: Iterable[Any], names: Iterable[str]) -> None:
        """Tensors that these nodes made are given to a model inside the model, or by it: no mask is recorded then."""
        self._unrecorded.update(name for tensor, name in zip(tensors, names, strict=True) if _recorded((tensor,)))


def _recorded(tensors: Iterable[Any]) -> bool:
    return any(getattr(tensor, "_keras_mask", None) is not None for tensor in tensors)


def _makes(operation: Any) -> bool:
    """Whether it is a layer that makes masks, may do so in code of its own, or has such a one inside."""
    layers = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else ()
    return any(
        getattr(layer, "mask_zero", False) or type(layer).__name__ in _MASKING or not is_keras(type(layer))
        for layer in layers
    )
