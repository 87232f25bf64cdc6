"""Configurations in words: equal ones have equal words, in every process, and different ones different words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from redundancy.verdict import ClaimError

_ADDRESS = re.compile(r" at 0x[0-9a-f]+>|^data\(")

SHOWN = 12
"""Digits of a digest: what people compare, and enough that no two of a search are equal by chance."""


def told(name: str, value: Any) -> str:
    """A value in words.

    Args:
        name: Of the argument, for the error.
        value: A number, a text, an array, what has a `digest`, a dataclass, a collection of these, or what `repr` tells
            in full.

    Raises:
        ClaimError: Nothing in its `repr` tells it from others.
    """
    if isinstance(value, str):
        return repr(value)
    if isinstance(digest := getattr(value, "digest", None), str):
        return f"{_line(value)} [{digest[:SHOWN]}]"
    # An array, without loading NumPy for it.
    if all(hasattr(value, attribute) for attribute in ("tobytes", "dtype", "shape")) and value.shape:
        # Of objects there are only addresses in memory.
        content = value.tolist() if value.dtype.hasobject else value.tobytes()
        words = _listed(name, content) if isinstance(content, list) else sha256(content).hexdigest()[:SHOWN]
        return f"array{value.shape} {value.dtype} {words}"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({_listed(name, value)})"
    if isinstance(value, Set):
        return f"{type(value).__name__}({', '.join(sorted(told(name, part) for part in value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{told(name, key)}: {told(name, part)}' for key, part in value.items())}}}"
    if is_dataclass(value) and not isinstance(value, type):
        parts = (f"{part.name}={told(name, getattr(value, part.name))}" for part in fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    words = repr(value)
    if _ADDRESS.search(words):
        what = f"{name!r} is a {type(value).__name__}, which says nothing that tells it from others"
        raise ClaimError(f"{what}: draw plain values, or give it a __repr__ that says all")
    return words


def _listed(name: str, parts: Iterable[Any]) -> str:
    return ", ".join(told(name, part) for part in parts)


def _line(value: Any) -> str:
    """What a value is called, on one line."""
    said = str(value)
    return said if "\n" not in said else type(value).__name__
