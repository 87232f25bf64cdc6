"""How hard Hypothesis searches for a counterexample to a claim: profiles with every field pinned.

They reach claims only: whoever tests other things in the same run keeps the profile they chose. Hypothesis binds
settings while a function is being decorated, and Python evaluates decorators from the top before it applies them from
the bottom. So `@claim`, which stands on top, puts the profile in force when it is evaluated, and takes it back when
it is applied: `@settings` and `@given` below it are made in between. What `@settings` gives explicitly wins.

The search is derandomized: a claim meets the same configurations each time, here and in CI. The root seed of a session
does not change them; it only decides the seeds of the runs inside a configuration.

Hypothesis keeps tables between sessions, beside its database, which claims do without: by itself in a directory
`.hypothesis` where it runs, which may be a source tree that nobody may write to. For claims they lie elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

EXAMPLES = {"quick": 5, "standard": 25, "thorough": 150}
"""How many configurations each profile searches."""

DEFAULT = "standard"

STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"
"""The environment variable by which a user says where Hypothesis keeps things."""

_chosen: ContextVar[tuple[str, Path | None] | None] = ContextVar("profile", default=None)
_before: ContextVar[tuple[str, Path | None] | None] = ContextVar("before", default=None)


@contextmanager
def chosen(name: str, home: Path | None = None) -> Iterator[None]:
    """Claims made inside are searched with that profile; claims made elsewhere with the user's own settings.

    Args:
        name: One of `EXAMPLES`.
        home: The directory in which Hypothesis keeps its tables while it deals with claims; that of the user if None.
    """
    previous = _chosen.get()
    _chosen.set((name, home))
    try:
        yield
    finally:
        leave()
        _chosen.set(previous)


def enter() -> None:
    """Put the chosen profile in force, where there is one and Hypothesis is in use."""
    made = _chosen.get()
    if made is None or "hypothesis" not in sys.modules:
        return
    from hypothesis import settings

    name, home = made
    leave()
    _before.set((settings.get_current_profile_name(), _moved(home)))
    settings.register_profile(f"redundancy-{name}", **fields(name))
    settings.load_profile(f"redundancy-{name}")


def leave() -> None:
    """Put the user's own profile back in force; nothing happens where it is."""
    before = _before.get()
    if before is None:
        return
    from hypothesis import settings

    _before.set(None)
    name, home = before
    settings.load_profile(name)
    _moved(home)


@contextmanager
def searching() -> Iterator[None]:
    """While Hypothesis deals with claims: what it keeps lies in the chosen home."""
    made = _chosen.get()
    before = _moved(made[1]) if made is not None and "hypothesis" in sys.modules else None
    try:
        yield
    finally:
        _moved(before)


def _moved(home: Path | None) -> Path | None:
    """Moves Hypothesis there, and returns where it was; None where it stays."""
    if home is None or STORAGE in os.environ:
        return None
    from hypothesis.configuration import set_hypothesis_home_dir, storage_directory

    found: Any = storage_directory(intent_to_write=False)
    before: Path = getattr(found, "home_directory", found)  # a path in earlier versions
    set_hypothesis_home_dir(home)
    return before


def fields(name: str) -> dict[str, Any]:
    """Every setting of a profile: an inherited one would differ where `CI` is set, or between versions."""
    from hypothesis import HealthCheck, Phase, Verbosity

    return {
        "max_examples": EXAMPLES[name],
        "derandomize": True,
        "database": None,
        "deadline": None,
        # Without "explain", which multiplies the calls of a failing claim; without "reuse", which needs a database.
        "phases": (Phase.explicit, Phase.generate, Phase.target, Phase.shrink),
        "stateful_step_count": 50,
        # Judged by the clock, and so by who else uses the machine.
        "suppress_health_check": (HealthCheck.too_slow,),
        "print_blob": False,
        "verbosity": Verbosity.normal,
        "report_multiple_bugs": False,
        "backend": "hypothesis",
    }
