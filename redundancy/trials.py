"""One configuration of a claim, judged run after run until the evidence suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from redundancy.ledger import Book, Judgement
from redundancy.sequential import Rate, fewest, interval
from redundancy.statistics import share_of_error
from redundancy.verdict import Claim, Measurement, Outcome

BATCH = 16
"""Runs that are asked for at once, at most: side by side they are cheap, and few are trained in vain."""

FRESH = 8
"""Runs that a new root seed adds, at least, to what is known."""

FIRST, SECOND = "first", "confirming"
"""The streams of runs: one to judge, another to confirm what was refuted."""

Sampled = Callable[[str, int, int], Iterable[bool]]
"""(stream, start, count) -> whether each of these runs is as claimed, one at a time."""


@dataclass(slots=True)
class _Tally:
    """Successes among runs, those of this judgement beside all."""

    successes: int
    runs: int
    mine: int = 0
    of: int = 0

    def take(self, success: bool) -> None:
        self.successes, self.runs = self.successes + success, self.runs + 1
        self.mine, self.of = self.mine + success, self.of + 1


@dataclass(frozen=True, slots=True)
class Trials:
    """What it takes to judge one configuration.

    Attributes:
        claim: With a rate.
        configuration: What was drawn, in words.
        root: The root seed of the session.
        book: Where it is looked up, and taken down.
        sampled: Makes the runs.
        observed: What was observed in the runs so far.
        on_data: Whether anything was trained.
    """

    claim: Claim
    configuration: str
    root: int
    book: Book
    sampled: Sampled
    observed: Callable[[], Mapping[str, Measurement]]
    on_data: Callable[[], bool] = bool

    def judged(self) -> Judgement:
        """The judgement: the one that was reached before, else a new one, which is taken down."""
        known = self.book.found(self.configuration, self.root, self.claim.allowed)
        if known is not None:
            return known
        judgement = self._new()
        self.book.add(judgement)
        return judgement

    def _new(self) -> Judgement:
        claim, visit = self.claim, self.book.visit(self.configuration)
        before, confirming = self.book.before(self.configuration, self.root)
        assert claim.at_least is not None
        alpha = 1.0 - claim.confidence
        sure = 1.0 - share_of_error(alpha, visit)
        question = Rate(claim.at_least, claim.confidence, sure, before[1] + claim.allowed)
        tally = _Tally(*before)
        counts = tally.successes, tally.runs - tally.successes
        # What cannot be certified is not begun; what was begun under other root seeds may still be refuted.
        if question.hopeless(*counts) if tally.runs else question.missing(*counts) is None:
            return self._taken(visit, tally, Outcome.INCONCLUSIVE, self._powerless(tally))
        answer = self._answer(question, tally, FIRST, min(FRESH, claim.allowed) if before[1] else 0)
        if answer is not False:
            outcome = Outcome.HOLDS if answer else Outcome.INCONCLUSIVE
            return self._taken(visit, tally, outcome, "" if answer else self._open(question, tally))
        second = _Tally(*confirming)
        # What was refuted by bad luck is not refuted again; and no refutation is reported that rests on one stream.
        confirmed = Rate(claim.at_least, claim.confidence, claim.confidence, confirming[1] + claim.allowed)
        again = self._answer(confirmed, second, SECOND, 0)
        text = f"{self._said(tally)}; at least {claim.at_least:g} was claimed"
        if again is False:
            why = f"{text}; confirmed by {second.runs - second.successes} failures in {second.runs} fresh runs"
            return self._taken(visit, tally, Outcome.REFUTED, why, second)
        why = f"{text}; but {second.successes} of {second.runs} fresh runs are as claimed, which does not confirm it"
        return self._taken(visit, tally, Outcome.INCONCLUSIVE, why, second)

    def _answer(self, question: Rate, tally: _Tally, stream: str, least: int) -> bool | None:
        """The answer, asking after each run; the runs are made a few at a time."""
        while True:
            failures = tally.runs - tally.successes
            answer = question.answer(tally.successes, failures) if tally.of >= least else None
            if answer is not None or tally.runs >= question.runs or question.hopeless(tally.successes, failures):
                return answer
            wanted = question.missing(tally.successes, failures) or BATCH
            count = min(max(wanted, least - tally.of), BATCH, question.runs - tally.runs)
            for success in self.sampled(stream, tally.of, count):
                tally.take(success)
                if tally.of < least:
                    continue
                answer = question.answer(tally.successes, tally.runs - tally.successes)
                if answer is not None:
                    return answer

    def _taken(self, visit: int, tally: _Tally, outcome: Outcome, why: str, second: _Tally | None = None) -> Judgement:
        return Judgement(
            self.configuration,
            self.root,
            visit,
            self.claim.allowed,
            tally.mine,
            tally.of,
            outcome.value,
            why,
            (second.mine, second.of) if second else (0, 0),
            dict(self.observed()),
            datetime.now(UTC).isoformat(timespec="seconds"),
            self.on_data(),
        )

    def _said(self, tally: _Tally) -> str:
        low, high = interval(tally.successes, tally.runs, self.claim.confidence)
        rate = f"a rate in [{low:.3g}, {high:.3g}] at {self.claim.confidence:.4g} confidence"
        return f"{tally.successes} of {tally.runs} runs are as claimed, {rate}"

    def _powerless(self, tally: _Tally) -> str:
        claim = self.claim
        assert claim.at_least is not None
        needed = fewest(claim.at_least, claim.confidence)
        if not tally.runs:
            return f"{claim.allowed} runs cannot certify {claim.at_least:g}, and none was made: allow {needed} or more"
        return f"{self._said(tally)}; no {claim.allowed} runs more can decide about {claim.at_least:g}: allow more"

    def _open(self, question: Rate, tally: _Tally) -> str:
        left = question.runs - tally.runs
        spent = f"the {left} runs left cannot decide it" if left else f"the {self.claim.allowed} runs allowed are spent"
        return f"{self._said(tally)}, which does not decide about {question.p0:g}; {spent}"
