"""Whether something happens often enough, judged run after run: valid whenever one stops looking.

The likelihood ratio of a rate q against the claimed rate p0 is a betting score. Averaged over rates q above p0 it is a
nonnegative supermartingale whatever the true rate up to p0 is, so it ever reaches 1/alpha with probability at most
alpha (Ville's inequality): evidence that the claim holds. Averaged over rates below p0 it is evidence against it in
the same way. Looking after every run, and stopping as soon as either suffices, therefore costs no validity.

Source: H. Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Statist. 41 (1970),
the method of mixtures; G. Shafer, Testing by betting, J. R. Statist. Soc. A 184 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from redundancy.errors import OptionError
from redundancy.statistics import runs_needed

SURE = 0.5
"""The share of the bet that a claim holds which is on a rate of 1: a claim that never fails is certified at once."""

SHAPES = (1.0, 0.5), (1.0, 1.0)
"""Of the Beta distributions, cut off at p0, over which the rest of that bet and the bet against it are spread."""

FEWEST, TIMES = 60, 4
"""Runs that a configuration may take where nothing was said: so many, or so many times as many as certify the claim if
all succeed. A few failures among them leave it certain enough."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The question whether a run succeeds with probability at least `p0`.

    Attributes:
        p0: The rate that is claimed, in (0, 1).
        confidence: With which to say that it is reached, in (0, 1).
        refuting: With which to say that it is not.
        runs: How many may be taken.

    Raises:
        OptionError: A number is impossible.
    """

    p0: float
    confidence: float = 0.95
    refuting: float = 0.95
    runs: int = FEWEST

    def __post_init__(self) -> None:
        if not 0.0 < self.p0 < 1.0:
            raise OptionError(
                f"a rate of at least {self.p0:g} cannot be judged by runs: give one between 0 and 1, such as 0.99"
            )
        for sure in (self.confidence, self.refuting):
            if not 0.0 < sure < 1.0:
                raise OptionError(f"a confidence of {sure} is impossible: give one between 0 and 1, such as 0.95")
        if self.runs < 1:
            raise OptionError(f"{self.runs} runs judge nothing: allow at least one")

    def answer(self, successes: int, failures: int) -> bool | None:
        """True where the claim is certified, False where it is refuted, None where it is open.

        Args:
            successes: So far, in any order.
            failures: So far.
        """
        if evidence_for(successes, failures, self.p0) >= -math.log1p(-self.confidence):
            return True
        return False if evidence_against(successes, failures, self.p0) >= -math.log1p(-self.refuting) else None

    def missing(self, successes: int = 0, failures: int = 0) -> int | None:
        """How many more runs certify the claim if all of them succeed; None where the runs left do not suffice."""
        left = self.runs - successes - failures
        # The evidence for the claim grows with each success, so the least number is found by halving.
        if left < 0 or self.answer(successes + left, failures) is not True:
            return None
        low, high = 0, left
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.answer(successes + middle, failures) is True else (middle + 1, high)
        return low

    def hopeless(self, successes: int, failures: int) -> bool:
        """Whether no outcome of the runs left decides it."""
        left = self.runs - successes - failures
        return self.missing(successes, failures) is None and self.answer(successes, failures + left) is not False


def room(p0: float, confidence: float = 0.95) -> int:
    """How many runs a configuration may take where nothing was said."""
    return max(FEWEST, TIMES * fewest(p0, confidence))


def fewest(p0: float, confidence: float = 0.95) -> int:
    """How many runs certify a rate of at least `p0` if all of them succeed, looking after each.

    15, 32, 65 and 328 for .8, .9, .95 and .99 at 95% confidence, where a test that looks once, after a number of runs
    that was fixed before, needs 14, 29, 59 and 299.

    Raises:
        OptionError: A number is impossible.
    """
    Rate(p0, confidence)
    # Where all succeed, half of the bet grows as that test's does: 1 / SURE = 2 more bits are all that is missing.
    most = runs_needed(p0, 1.0 - (1.0 - confidence) * SURE)
    found = Rate(p0, confidence, runs=most).missing()
    assert found is not None
    return found


def evidence_for(successes: int, failures: int, p0: float) -> float:
    """The logarithm of the evidence that a run succeeds with probability more than `p0`; 0 before any run.

    Args:
        successes: From 0 up.
        failures: From 0 up.
        p0: In (0, 1).
    """
    sure = -successes * math.log(p0) if not failures else -math.inf
    spread = log_ratio(successes, failures, p0, SHAPES[0], above=True)
    return _added(math.log(SURE) + sure, math.log1p(-SURE) + spread)


def evidence_against(successes: int, failures: int, p0: float) -> float:
    """The logarithm of the evidence that a run succeeds with probability less than `p0`; 0 before any run."""
    return log_ratio(successes, failures, p0, SHAPES[1], above=False)


def log_ratio(successes: int, failures: int, p0: float, shape: tuple[float, float], *, above: bool) -> float:
    """The logarithm of the likelihood ratio against `p0`, averaged over a Beta distribution that is cut off there.

    Args:
        successes: From 0 up.
        failures: From 0 up.
        p0: In (0, 1).
        shape: Of the distribution, both above 0.
        above: Whether the part above `p0` is meant, or the one below.
    """
    from scipy.special import betaln

    a, b = shape
    bet = betaln(successes + a, failures + b) - betaln(a, b)
    bet += _log_tail(successes + a, failures + b, p0, above) - _log_tail(a, b, p0, above)
    return float(bet) - successes * math.log(p0) - failures * math.log1p(-p0)


def interval(successes: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Every rate that the evidence does not exclude, whenever one stopped looking: a confidence sequence.

    Each end excludes the true rate, at whatever time, with probability at most 1 - `confidence`: a claim holds where
    its rate is below the lower end, and is refuted where it is above the upper one.

    Args:
        successes: Of the runs.
        runs: From 0 up.
        confidence: In (0, 1).

    Returns:
        Lower and upper end, in [0, 1].
    """
    failures, threshold = runs - successes, -math.log1p(-confidence)
    share = successes / runs if runs else 0.5
    low = _crossing(lambda rate: evidence_for(successes, failures, rate) >= threshold, 0.0, share)
    high = _crossing(lambda rate: evidence_against(successes, failures, rate) < threshold, share, 1.0)
    return low, high


def _crossing(excluded: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that is true at `low`, or nowhere, becomes false."""
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if 0.0 < middle < 1.0 and excluded(middle) else (low, middle)
    return low


def _log_tail(a: float, b: float, p0: float, above: bool) -> float:
    """The logarithm of the part of Beta(a, b) above or below `p0`, also where it is smaller than any float."""
    from scipy.special import betainc, betaincc

    part = float(betaincc(a, b, p0) if above else betainc(a, b, p0))
    return math.log(part) if part > 0.0 else -math.inf


def _added(first: float, second: float) -> float:
    """log(exp(first) + exp(second))."""
    most, least = max(first, second), min(first, second)
    return most if least == -math.inf else most + math.log1p(math.exp(least - most))
