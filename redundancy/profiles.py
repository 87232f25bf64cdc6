"""How hard Hypothesis searches for a counterexample to a claim: profiles with every field pinned.

They reach claims only: whoever tests other things in the same run keeps the profile they chose. Hypothesis binds
settings while a function is being decorated, and Python evaluates decorators from the top before it applies them from
the bottom. So `@claim`, which stands on top, puts the profile in force when it is evaluated, and takes it back when
it is applied: `@settings` and `@given` below it are made in between. What `@settings` gives explicitly wins.

The search is derandomized: a claim meets the same configurations each time, here and in CI. The root seed of a session
does not change them; it only decides the seeds of the runs inside a configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

EXAMPLES = {"quick": 5, "standard": 25, "thorough": 150}
"""How many configurations each profile searches."""

DEFAULT = "standard"

_chosen: ContextVar[str | None] = ContextVar("profile", default=None)
_before: ContextVar[str | None] = ContextVar("before", default=None)


@contextmanager
def chosen(name: str) -> Iterator[None]:
    """Claims made inside are searched with that profile; claims made elsewhere with the user's own settings."""
    previous = _chosen.get()
    _chosen.set(name)
    try:
        yield
    finally:
        leave()
        _chosen.set(previous)


def enter() -> None:
    """Put the chosen profile in force, where there is one and Hypothesis is in use."""
    name = _chosen.get()
    if name is None or "hypothesis" not in sys.modules:
        return
    from hypothesis import settings

    leave()
    _before.set(settings.get_current_profile_name())
    settings.register_profile(f"redundancy-{name}", **fields(name))
    settings.load_profile(f"redundancy-{name}")


def leave() -> None:
    """Put the user's own profile back in force; nothing happens where it is."""
    before = _before.get()
    if before is None:
        return
    from hypothesis import settings

    _before.set(None)
    settings.load_profile(before)


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
