"""Whether all calls of a layer, or of a model inside the model, want it of the same configuration and sizes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from redundancy.errors import NetworkError
from redundancy.frameworks.keras import biases
from redundancy.frameworks.keras.calls import Call, calls
from redundancy.frameworks.keras.configuring import said
from redundancy.frameworks.keras.kinds import arguments_of
from redundancy.frameworks.keras.origin import CallOrigin
from redundancy.network import Network

DISAGREE = "it is called several times, and its calls would need layers of different sizes or numbers"


def unfit(network: Network) -> dict[str, str]:
    """The nodes that Keras would compute wrongly, or of which no layer can be made, and why."""
    return {**biases.unfit(network), **disagreeing(network)}


def disagreeing(network: Network) -> dict[str, str]:
    """The nodes of calls that want their layer otherwise than its first call does, and why they cannot be written.

    Of models inside the model that are called on tensors of several sizes, what those tensors are made by.
    """
    planned = calls(network)
    again = Counter(call.path for call in planned)
    first: dict[tuple[str, ...], Any] = {}
    found = {}
    for call in planned:
        if again[call.path] > 1:
            wanted = _wanted(call)
            if not _same(first.setdefault(call.path, wanted), wanted):
                found[call.node.name] = DISAGREE
    return {**found, **_unlike(network)}


def check_agreement(network: Network) -> None:
    """Refuses what one layer cannot be, before it is made as the first call wants it.

    Raises:
        NetworkError: Calls of a layer want it differently.
    """
    for name, reason in disagreeing(network).items():
        raise NetworkError(f"cannot write layer '{network[name].layer}': {reason}; call a layer of its own there")


def _wanted(call: Call) -> Any:
    origin = call.node.origin.layer if isinstance(call.node.origin, CallOrigin) else None
    numbers = arguments_of(call.node) if origin is not None and call.node.kind == "affine" else ()
    return said(call, origin, origin.config if origin else {}), numbers


def _unlike(network: Network) -> dict[str, str]:
    first: dict[tuple[str, ...], Any] = {}
    found: dict[str, str] = {}
    waiting = [*getattr(network.origin, "nested", ())]
    for nested in waiting:
        waiting += nested.model.nested
        sizes = [network[feed].shape for feed in nested.feeds]
        name = nested.model.name
        before = first.setdefault((*nested.call.scope, name), sizes)
        reason = f"it is read by the model '{name}', whose calls would need models of different sizes"
        found.update({f: reason for f, a, b in zip(nested.feeds, before, sizes, strict=True) if a != b})
    return found


def _same(first: Any, second: Any) -> bool:
    """Whether two configurations are one, arrays by their values."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(value, second[name]) for name, value in first.items())
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.array_equal(first, second)
    return bool(first is second or first == second)
