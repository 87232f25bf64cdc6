"""A model file under test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from redundancy.gate.subject import Subject


def test_a_share_of_just_the_limit_is_not_beyond_it():
    """1 - 7 / 10 is more than 0.3."""
    subject = Subject(Path("a.keras"), "a.keras")
    subject.audit = SimpleNamespace(before=SimpleNamespace(parameters=10), after=SimpleNamespace(parameters=7))
    assert not subject.beyond("redundant-share", subject.redundant_share, 0.3)
