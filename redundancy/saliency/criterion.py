"""A pruning criterion: a name and a function that ranks units; and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redundancy.errors import OptionError
from redundancy.saliency.view import Ranking, View
from redundancy.suggesting import suggested


@dataclass(frozen=True, slots=True)
class Criterion:
    """One definition of which units matter least.

    Attributes:
        name: As `by=` and `--by` call it.
        rank: In which order units should go.
        gates: It needs the gradients of gates.
    """

    name: str
    rank: Callable[[View], Ranking]
    gates: bool = False


CRITERIA: dict[str, Criterion] = {}
"""Every criterion, by name."""


def register(name: str, rank: Callable[[View], Ranking], *, gates: bool = False) -> Criterion:
    """Adds a criterion."""
    return CRITERIA.setdefault(name, Criterion(name, rank, gates))


def criterion(name: object) -> Criterion:
    """The criterion of that name.

    Raises:
        OptionError: There is none.
    """
    if not isinstance(name, str) or name not in CRITERIA:
        said = f"no criterion is called {name!r}{suggested(str(name), CRITERIA)}"
        raise OptionError(f"{said}: choose from {', '.join(CRITERIA)}")
    return CRITERIA[name]
