"""What ties a claim to the key of pyproject.toml that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redundancy.verdict import Function

ATTRIBUTE = "redundancy_asks"
"""Where a test function carries the key."""


def asks(key: str) -> Callable[[Function], Function]:
    """Marks a claim about a model as one that is tested only where that key asks for it."""

    def mark(function: Function) -> Function:
        setattr(function, ATTRIBUTE, key)
        return function

    return mark


def key_of(function: Any) -> str | None:
    """The key that asks for a test; None for tests that are always asked for."""
    key = getattr(function, ATTRIBUTE, None)
    return key if isinstance(key, str) else None
