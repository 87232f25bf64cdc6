"""A claim, what was found about it, and the verdict: all of them values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from numbers import Real
from typing import Any, TypeVar

from redundancy import profiles
from redundancy.errors import RedundancyError
from redundancy.sequential import Rate, room

ATTRIBUTE = "redundancy_claim"
"""Where a test function carries its claim."""

Measurement = list[float] | str | dict[str, float | str]
"""What was observed, as JSON has it: the range [low, high] of a number, a text, or a table of one row a key."""

Function = TypeVar("Function", bound=Callable[..., Any])


class ClaimError(RedundancyError):
    """A word of the claim language that is used where, or how, it means nothing."""


class Refuted(AssertionError):  # noqa: N818 - an outcome, named as the others are
    """A claim that the evidence refutes. Its text is one readable line."""


class Outcome(Enum):
    """What became of a claim. "Not significant" is never HOLDS; a program that broke is none of these."""

    HOLDS = "HOLDS"
    INCONCLUSIVE = "INCONCLUSIVE"
    REFUTED = "REFUTED"


OUTCOMES = {True: Outcome.HOLDS, False: Outcome.REFUTED, None: Outcome.INCONCLUSIVE}
"""What an answer means for a claim."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that evidence can refute.

    Attributes:
        sentence: As a person would say it, on one line.
        at_least: How often a run must be as claimed, in (0, 1); None where the test says it by itself.
        confidence: With which that is judged, in (0, 1).
        runs: How many runs one configuration may take; None for `redundancy.sequential.room`.

    Raises:
        ClaimError: The sentence is empty, or longer than a line; or what must be a number is none.
        OptionError: A number is impossible.
    """

    sentence: str
    at_least: float | None = None
    confidence: float = 0.95
    runs: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.sentence, str) or not self.sentence.strip() or "\n" in self.sentence:
            raise ClaimError(f"{self.sentence!r} is no claim: write a sentence of one line, as in @claim('...')")
        if any(isinstance(n, bool) or not isinstance(n, Real) for n in (self.at_least or 0.5, self.confidence)):
            raise ClaimError(f"at_least={self.at_least!r} and confidence={self.confidence!r} must be numbers, as 0.95")
        if self.runs is not None and (isinstance(self.runs, bool) or not isinstance(self.runs, int)):
            raise ClaimError(f"runs={self.runs!r} must be a whole number")
        if self.at_least is not None:
            Rate(self.at_least, self.confidence, self.confidence, self.allowed)
        elif self.runs is not None:
            raise ClaimError(f"{self.runs} runs of what? give the rate that is claimed too, as at_least=0.95")

    @property
    def allowed(self) -> int:
        """How many runs one configuration may take."""
        if self.runs is not None or self.at_least is None:
            return self.runs or 0
        return room(self.at_least, self.confidence)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found.

    Attributes:
        measurements: By name.
        configurations: Over how many configurations; one for a test without `@given`.
        runs: Over how many runs.
    """

    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    configurations: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a verdict had to show, in numbers.

    Attributes:
        what: Of what.
        claim: "at least", "at most", "more than chance", or a claim of `judge_pairs`.
        value: The rate, the limit or the margin; None where there is none.
        confidence: With which; None where what is measured is exact.
    """

    what: str
    claim: str
    value: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, judged.

    Attributes:
        claim: What was claimed.
        outcome: What became of it.
        evidence: What was found.
        scope: How far the verdict reaches: the rate, the confidence.
        why: Why it is not HOLDS; "" where it is.
        required: The same as `scope`, in numbers.
    """

    claim: Claim
    outcome: Outcome
    evidence: Evidence
    scope: str = ""
    why: str = ""
    required: tuple[Requirement, ...] = ()


def claim(
    sentence: str, *, at_least: float | None = None, confidence: float = 0.95, runs: int | None = None
) -> Callable[[Function], Function]:
    """Marks a test function as a claim; it stands above every other decorator.

    With `at_least`, the body states what one run must be like, by plain asserts, and takes an argument `run`. Each
    configuration is then judged by independent runs, one after another, until they certify that such a run comes with
    at least that probability, or refute it, or have no chance to do either.

    Args:
        sentence: As a person would say it, on one line.
        at_least: How often a run must be as claimed, in (0, 1).
        confidence: With which that is judged, in (0, 1).
        runs: How many runs one configuration may take; if not given, four times as many as certify the claim if all are
            as claimed, and 60 at least.

    Example:
        >>> @claim("the sum of two numbers does not depend on their order")
        ... def test_order():
        ...     assert 1 + 2 == 2 + 1

    Raises:
        ClaimError: The sentence is empty, or longer than a line; or there are runs, but no rate.
        OptionError: A number is impossible.
    """
    made = Claim(sentence, at_least, confidence, runs)
    profiles.enter()

    def mark(function: Function) -> Function:
        profiles.leave()
        setattr(function, ATTRIBUTE, made)
        return function

    return mark


def measured(name: str, value: object) -> Measurement:
    """A value as a measurement: a number, a text, or a mapping of names to these.

    Args:
        name: What was measured, for the error.
        value: NumPy's scalars and arrays of no dimension count as numbers.

    Raises:
        ClaimError: It is something else.
    """
    if isinstance(value, Mapping):
        return {str(key): _cell(name, cell) for key, cell in value.items()}
    cell = _cell(name, value)
    return cell if isinstance(cell, str) else [cell, cell]


def _cell(name: str, value: object) -> float | str:
    # NumPy's and Keras's scalars become Python's own, which JSON knows.
    plain = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int):
        return plain
    if isinstance(plain, Real):
        return float(plain)
    raise ClaimError(f"cannot show {name!r}, a {type(value).__name__}: give a number, a text, or a table of these")


def combined(old: Measurement | None, new: Measurement) -> Measurement:
    """Two measurements of one name, as one: a wider range, a longer table, or the later text."""
    if isinstance(old, list) and isinstance(new, list):
        # NaN is neither smaller nor larger than anything, and must not get lost.
        low = old[0] if old[0] != old[0] or old[0] <= new[0] else new[0]
        high = old[1] if old[1] != old[1] or old[1] >= new[1] else new[1]
        return [low, high]
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    return new
