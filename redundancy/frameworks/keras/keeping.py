"""What a layer keeps outside its configuration and its weights, taken and given as in Keras's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from redundancy.frameworks.keras.origin import Kept
from redundancy.network import Array

_WEIGHTS_ONLY = ("keras.src.layers.layer", "keras.src.layers.core", "keras.src.layers.convolutional")
"""Where Keras's own ways to save variables live that save a layer's weights and nothing else."""


def kept(operation: Any) -> tuple[Kept, ...]:
    """What a layer and those inside it keep, one for each of them, in order; none where it is nothing.

    Args:
        operation: A layer, or another operation of a functional model.
    """
    parts = _parts(operation)
    found = tuple(Kept(_variables(part), _assets(part), _words(part)) for part in parts)
    return found if any(each.variables or each.assets is not None for each in found) else ()


def give(layer: Any, keeps: Sequence[Kept]) -> None:
    """Gives what another layer kept to one that was made like it, and built.

    Args:
        layer: That is to keep it.
        keeps: What was kept.

    Raises:
        ValueError: There are not as many layers inside it, or it knows other words then.
    """
    for part, each in zip(_parts(layer), keeps, strict=True):
        if each.variables is not None:
            part.load_own_variables(dict(each.variables))
        if each.assets is not None:
            _load_assets(part, each.assets)
        if _words(part) != each.words:
            raise ValueError("its vocabulary was set after it was made with another; make it with the one that it has")


def _parts(operation: Any) -> list[Any]:
    return list(operation._flatten_layers()) if hasattr(operation, "_flatten_layers") else []


def _variables(part: Any) -> dict[str, Array] | None:
    if str(type(part).save_own_variables.__module__).startswith(_WEIGHTS_ONLY):
        return None
    store: dict[str, Any] = {}
    part.save_own_variables(store)
    return {name: _array(value) for name, value in store.items()}


def _array(value: Any) -> Array:
    import keras

    known = isinstance(value, keras.Variable) or keras.ops.is_tensor(value)
    return np.array(keras.ops.convert_to_numpy(value) if known else value)


def _words(part: Any) -> tuple[str, ...]:
    return tuple(map(str, part.get_vocabulary())) if hasattr(part, "get_vocabulary") else ()


def _assets(part: Any) -> dict[str, bytes] | None:
    """The files that a layer writes, by name."""
    if not (hasattr(part, "save_assets") and hasattr(part, "load_assets")):
        return None
    with TemporaryDirectory() as folder:
        part.save_assets(folder)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _load_assets(part: Any, assets: Mapping[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        for name, content in assets.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        part.load_assets(folder)
