"""A Keras model, which may have been given by its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redundancy.errors import UnsupportedError


def opened(model: Any, *, trust: bool = False) -> Any:
    """The Keras model itself.

    Args:
        model: It, or the path of its file.
        trust: Run code that a model file brings along.

    Raises:
        UnsupportedError: It is no Keras model.
        ModelFileError: The file cannot be used.
    """
    from redundancy.frameworks.keras.loaded import keras

    if isinstance(model, str | Path):
        from redundancy.frameworks.keras.files import load

        return load(model, trust=trust)
    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"a {type(model).__name__} is no model: give a Keras model, its path or a Network")
    return model
