"""Counts that are judged: successes among runs, and what was found in one network beside what chance brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from redundancy.errors import OptionError
from redundancy.hearing import pronounced
from redundancy.statistics import at_least as certified
from redundancy.statistics import certain, chance_share, clopper_pearson, runs_needed, simulations_needed
from redundancy.verdict import OUTCOMES, Claim, Evidence, Outcome, Requirement, Verdict


def judge(successes: int, runs: int, *, at_least: float = 0.95, confidence: float = 0.95, what: str = "") -> Verdict:
    """Judges that a run succeeds with probability at least `at_least`, on independent runs.

    HOLDS and REFUTED come from exact one-sided binomial tests. Of many configurations under `@given` the later ones
    refute at a higher confidence, so that all together refute a true claim with probability at most 1 - `confidence`.

    Args:
        successes: How many of the runs satisfied the predicate.
        runs: How many there were. They must be independent; configurations that Hypothesis found are not.
        at_least: The rate that is claimed, in (0, 1].
        confidence: In (0, 1).
        what: What a success is, to be shown.

    Returns:
        HOLDS or INCONCLUSIVE, which is taken down and does not stop the test.

    Raises:
        Refuted: The runs refute it.
        OptionError: The counts, the rate or the confidence are impossible.
        ClaimError: The claim has a rate of its own.
    """
    __tracebackhide__ = True
    return pronounced(_Count(successes, runs, at_least, confidence, what or "runs as claimed"), confidence)


def judge_against_chance(
    found: float,
    chance: Iterable[float] | Callable[[int], float],
    *,
    times: int | None = None,
    confidence: float = 0.95,
    what: str = "",
) -> Verdict:
    """Judges that a count is more than chance brings, by counts of independent simulations of chance.

    Were the count one of chance's own, it would be as large as this with probability at most
    p = (1 + simulations with at least as many) / (1 + simulations), exactly, whatever its distribution is. HOLDS where
    p <= 1 - `confidence`. REFUTED where it is as clearly less than chance brings. That it is no more than chance brings
    is never shown: what is not seen in one network may be there.

    Args:
        found: What was counted in the network; any number of which more is more.
        chance: The same count in each simulation; or a function that makes simulation number i from 0 and returns its
            count, which is called `times` times, and never where so many cannot suffice.
        times: How many simulations a function makes; ten times as many as suffice if not given.
        confidence: In (0, 1).
        what: What is counted, to be shown.

    Returns:
        HOLDS or INCONCLUSIVE, which is taken down and does not stop the test.

    Raises:
        Refuted: Chance brings more.
        OptionError: A number is impossible, or there is no simulation.
        ClaimError: The claim has a rate of its own.

    Example:
        >>> judge_against_chance(9, [0, 2, 1, 0, 3, 1, 0, 0, 2, 1, 1, 0, 0, 4, 1, 0, 2, 0, 1]).outcome.value
        'HOLDS'
    """
    __tracebackhide__ = True
    simulated: tuple[float, ...] | int
    needed = simulations_needed(confidence)
    if callable(chance):
        times = 10 * needed + 9 if times is None else times
        if times < 1:
            raise OptionError(f"times={times} simulates nothing: give {needed} or more")
        simulated = tuple(chance(i) for i in range(times)) if times >= needed else times
    elif times is not None:
        raise OptionError("times= is for a function that simulates: counts that were simulated say how many they are")
    else:
        simulated = tuple(chance)
    return pronounced(_Beyond(found, simulated, confidence, what or "count"), confidence)


@dataclass(frozen=True, slots=True)
class _Count:
    """Successes among runs, and the rate that is claimed of them."""

    successes: int
    runs: int
    rate: float
    confidence: float
    what: str

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        answer = certified(self.successes, self.runs, self.rate, self.confidence, refuting=refuting)
        outcome = OUTCOMES[answer]
        why = {
            Outcome.HOLDS: "",
            Outcome.REFUTED: f"{self}; at least {self.rate:g} was claimed",
            Outcome.INCONCLUSIVE: f"{self}; {self._open(refuting)}",
        }[outcome]
        share = self.successes / self.runs
        scope = f"a rate of at least {self.rate:g}, at {self.confidence:.4g} confidence"
        evidence = Evidence({f"{self.what} (rate)": [share, share]}, 1, self.runs)
        required = Requirement(self.what, "at least", float(self.rate), self.confidence)
        return Verdict(claim, outcome, evidence, scope, why, (required,))

    def __str__(self) -> str:
        low, high = clopper_pearson(self.successes, self.runs, self.confidence)
        interval = f"a rate in [{low:.3g}, {high:.3g}] at {self.confidence:.4g} confidence"
        return f"{self.what}: {self.successes} of {self.runs}, {interval}"

    def _open(self, refuting: float) -> str:
        if certified(self.successes, self.runs, self.rate, self.confidence) is False:
            return f"after so many configurations, this one refutes only at {refuting:.6g} confidence"
        if self.rate == 1.0:
            return "no number of runs certifies a rate of 1"
        needed = runs_needed(self.rate, self.confidence)
        if self.runs < needed:
            return f"fewer than {needed} runs cannot certify {self.rate:g}"
        return f"that does not decide about {self.rate:g}"


@dataclass(frozen=True, slots=True)
class _Beyond:
    """What was found, beside what each simulation of chance brought; or how many simulations would have been made."""

    found: float
    chance: tuple[float, ...] | int
    confidence: float
    what: str

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        scope = f"{self.what}: more than chance brings, at {self.confidence:.4g} confidence"
        required = (Requirement(self.what, "more than chance", None, self.confidence),)
        if isinstance(self.chance, int):
            needed = simulations_needed(self.confidence)
            why = f"{self.chance} simulations of chance cannot suffice, and none was made: make {needed} or more"
            return Verdict(claim, Outcome.INCONCLUSIVE, Evidence({}, 1), scope, why, required)
        chance = sorted(self.chance)
        more = chance_share(self.found, chance)
        less = chance_share(-self.found, [-count for count in chance])
        answer = True if certain(more, self.confidence) else False if certain(less, refuting) else None
        row = {f"median of {len(chance)} by chance": chance[len(chance) // 2], "largest by chance": chance[-1]}
        evidence = Evidence({self.what: {"found": self.found, **row}}, 1)
        found = f"{self.what}: {self.found:g} found"
        why = {
            True: "",
            False: f"{found}; chance brings so few, or fewer, with probability {less:.2g} at most; more was claimed",
            None: f"{found}; {self._open(more, less)}",
        }[answer]
        return Verdict(claim, OUTCOMES[answer], evidence, scope, why, required)

    def _open(self, more: float, less: float) -> str:
        assert not isinstance(self.chance, int)
        needed = simulations_needed(self.confidence)
        if len(self.chance) < needed:
            return f"fewer than {needed} simulations of chance cannot suffice"
        if certain(less, self.confidence):
            return "that is less than chance brings, but after so many configurations this one does not refute"
        return f"chance brings as many or more with probability {more:.2g}, which does not tell them apart"
