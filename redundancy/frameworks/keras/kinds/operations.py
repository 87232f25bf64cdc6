"""Operations on tensors that Keras records as it does layers: `x + y`, slices, functions of `keras.ops`."""

from __future__ import annotations

from typing import Any

from redundancy.frameworks.keras.kinds.kind import Meaning, Shape, operates

_MERGES = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Maximum": "maximum", "Minimum": "minimum"}


@operates(*_MERGES)
def _merge(operation: Any, shapes: tuple[Shape, ...], arguments: tuple[Any, Any]) -> Meaning | None:
    if len(shapes) != 2 or len(shapes[0]) != len(shapes[1]):
        return None
    return Meaning(_MERGES[type(operation).__name__])
