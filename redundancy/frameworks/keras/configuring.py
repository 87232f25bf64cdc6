"""The class and the configuration of the Keras layer that a call is of."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.calls import Call, is_as_given
from redundancy.frameworks.keras.initializing import fitting
from redundancy.frameworks.keras.kinds import NAMED, is_known, made, operation_called, operation_name, resized
from redundancy.frameworks.keras.origin import LayerOrigin

OPERATION = "ops."
"""What the name of an operation, which is no layer, begins with."""


def configured(call: Call, origin: LayerOrigin | None, inherited: str) -> tuple[Any, dict[str, Any]]:
    """The class of a layer and its configuration."""
    before = fitting(_copied(dict(origin.config)), call) if origin else {}
    cls, says = said(call, origin, before)
    if origin is not None and cls is origin.cls:
        return cls, _merged(before, says)
    if operation_name(cls):  # computes in whatever it is given
        return cls, {**says, "name": call.layer}
    kept = {key: before[key] for key in NAMED if key in before}
    stored = next((array.dtype.name for array in call.node.weights.values()), inherited)
    return cls, {"dtype": stored, **kept, **says, "name": call.layer}


def said(call: Call, origin: LayerOrigin | None, before: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The class of a layer, and what its nodes say of its configuration; the rest is as it was before."""
    import keras

    node = call.node
    if origin is not None and call.parts:
        return origin.cls, resized(origin.cls.__name__, call.parts, before)
    if not is_known(node):
        if origin is None:
            raise UnsupportedError(f"cannot write layer '{call.layer}': Keras has no layer for kind '{node.kind}'")
        return origin.cls, {}
    came_from = "" if origin is None else _name(origin.cls)
    name, says = made(node, call.activation, came_from)
    if origin is None or came_from != name:
        if name.startswith(OPERATION):
            return operation_called(name.removeprefix(OPERATION)), says
        return getattr(keras.layers, name), says
    if call.activation is not None and is_as_given(call.activation):
        del says["activation"]
    return origin.cls, says


def _copied(value: Any) -> Any:
    """A configuration of its own. Keras leaves lists in some that cannot be copied as they are."""
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return copy.deepcopy(value)


def _name(cls: type) -> str:
    """The name of a layer's class; that of an operation has "ops." before it."""
    return f"{OPERATION}{operation_name(cls)}" if operation_name(cls) else cls.__name__


def _merged(before: dict[str, Any], says: dict[str, Any]) -> dict[str, Any]:
    if "batch_shape" in says:
        says = {**says, "batch_shape": (before["batch_shape"][0], *says["batch_shape"][1:])}
    return {**before, **says}


def retyped(value: Any, dtype: str) -> Any:
    """A configuration with every floating dtype in it replaced, at any depth."""
    if isinstance(value, dict):
        return {
            key: dtype if key == "dtype" and is_floating(inner) else retyped(inner, dtype)
            for key, inner in value.items()
        }
    return type(value)(retyped(inner, dtype) for inner in value) if type(value) in (list, tuple) else value


def is_floating(policy: Any) -> bool:
    """Whether a dtype, or a dtype policy as its name or its configuration, is one of floating numbers."""
    name = policy.get("config", {}).get("name", "") if isinstance(policy, dict) else policy
    return isinstance(name, str) and name.startswith(("float", "bfloat", "mixed_"))
