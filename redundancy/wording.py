"""Configurations in words: equal ones have equal words, and different ones different words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from redundancy.verdict import ClaimError

_ADDRESS = re.compile(r" at 0x[0-9a-f]+>|^data\(")


def told(name: str, value: Any) -> str:
    """A value in words.

    Args:
        name: Of the argument, for the error.
        value: A number, a text, an array, what has a `digest`, what `repr` tells in full, or a collection of these.

    Raises:
        ClaimError: Nothing in its `repr` tells it from others.
    """
    # An array, without loading NumPy for it.
    if all(hasattr(value, name) for name in ("tobytes", "dtype", "shape")) and value.shape:
        return f"array{value.shape} {value.dtype} {_short(value.tobytes())}"
    digest = getattr(value, "digest", None)
    if isinstance(digest, str):
        return f"{value} [{digest[:12]}]"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(told(name, part) for part in value)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{told(name, key)}: {told(name, part)}' for key, part in value.items())}}}"
    words = repr(value)
    if _ADDRESS.search(words):
        what = f"{name!r} is a {type(value).__name__}, which says nothing that tells it from others"
        raise ClaimError(f"{what}: draw plain values, or give it a __repr__ that says all")
    return words


def _short(content: bytes) -> str:
    return sha256(content).hexdigest()[:12]
