"""What was found in a network: the folds of each space, and what would fold but may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redundancy.fold import Fold
from redundancy.network import Array
from redundancy.surgery import Refusal


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What folds in one space.

    Attributes:
        space: The layers that make the units.
        size: How many units they make.
        units: Index in the space of each unit that goes. Shape (n,), int.
        why: The notion that removes each of them. Length n.
        at: The folds for surgery, by name of the tap.
        fold: Of all units of the space. Its constants are right where those of all taps are equal.
        error: How far the folds are from true, relative to the largest value of each unit; 0 where they are proved.
    """

    space: str
    size: int
    units: Array
    why: tuple[str, ...]
    at: Mapping[str, Fold]
    fold: Fold
    error: float = 0.0

    def __str__(self) -> str:
        return "; ".join(f"{self.space} at {name}: {fold}" for name, fold in self.at.items())


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was found in a network.

    Attributes:
        found: One for each space where something folds.
        refusals: What would fold, but may not.
        held: What is true of spaces that may not change, as far as anything reads them; where they are read by what
            has no weights that are known, there are no folds for surgery.
    """

    found: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    held: tuple[Finding, ...] = ()

    @property
    def folds(self) -> dict[str, Fold]:
        """By name of the tap, as `redundancy.surgery.operate` takes them."""
        return {name: fold for finding in self.found for name, fold in finding.at.items()}
