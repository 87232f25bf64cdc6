"""Taking down the evidence of a claim while a test of it runs: what `observe` and all that judges speak to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutine
from typing import Any, Protocol, runtime_checkable

from redundancy.ledger import Book, Judgement
from redundancy.statistics import share_of_error
from redundancy.trials import Trials
from redundancy.verdict import (
    ATTRIBUTE,
    Claim,
    ClaimError,
    Evidence,
    Measurement,
    Outcome,
    Refuted,
    Requirement,
    Verdict,
    combined,
    measured,
)
from redundancy.wording import told

NO_FAILURE = frozenset({"UnsatisfiedAssumption", "StopTest", "Skipped"})
"""The exceptions, by name, with which a search rejects a configuration; their packages need not be loaded here."""

UNTOLD = "its assertion failed"
"""What is said of an assertion that says nothing."""

FAILURE = "a run that is not as claimed"
"""The name under which the first failure of a configuration is shown."""


@runtime_checkable
class Source(Protocol):
    """What a test gets as `run`, before it is replaced by one run after another."""

    def samples(self, keys: tuple[str, ...], start: int, count: int, drawn: Mapping[str, Any]) -> Iterable[Any]:
        """Runs number `start` to `start + count` of the stream that the keys name, each what a body gets as `run`."""


class Hearing:
    """Takes down the evidence of one claim, while a test of it runs.

    A configuration that the search rejects, and everything that is tried once a counterexample was found, leaves no
    trace. Of a refuted claim the measurements are those of the last failing configuration, which is the smallest one.

    Args:
        heard: The claim.
        book: Where its judgements are looked up and taken down; a new one in memory if not given.
        root: The root seed of the session.
        fixed: Names of arguments that are the same in every configuration.
        failures: The exceptions by which a body says that a run is not as claimed.

    Attributes:
        on_data: Whether anything was trained, now or when it was judged.
    """

    def __init__(
        self,
        heard: Claim,
        book: Book | None = None,
        root: int = 0,
        fixed: Set[str] = frozenset(),
        failures: tuple[type[BaseException], ...] = (AssertionError,),
    ) -> None:
        self.claim = heard
        self.book = Book() if book is None else book
        self._root, self._fixed, self._failures = root, fixed, failures
        self.refuted = False
        self._taken: dict[str, Measurement] = {}
        self._verdicts: list[Verdict] = []
        self._configurations = 0
        self._current: dict[str, Measurement] = {}
        self._current_verdicts: list[Verdict] = []
        self._trained: set[Hashable] = set()
        self._asked = 0
        self._answered: dict[Hashable, int] = {}
        self.on_data = False

    @contextmanager
    def configuration(self) -> Iterator[None]:
        """Everything that is observed inside belongs to one configuration."""
        self._current, self._current_verdicts = {}, []
        try:
            yield
        except BaseException as error:
            self.refuted = self.refuted or type(error).__name__ not in NO_FAILURE
            raise
        if not self.refuted:
            self._configurations += 1
            self._verdicts += self._current_verdicts
            for name, measurement in self._current.items():
                self._taken[name] = combined(self._taken.get(name), measurement)

    @contextmanager
    def of(self, holder: Any) -> Iterator[None]:
        """While it lasts, each call of the test's body is one configuration: many under `@given`, else one.

        Args:
            holder: Its `obj` is the test.

        Raises:
            ClaimError: `@claim` stands below `@given`.
        """
        test: Any = getattr(holder, "obj", None)
        if not getattr(test, "is_hypothesis_test", False):
            if self.claim.at_least is None:
                with self.configuration():
                    yield
                return
            holder.obj = self._heard(test)
            try:
                yield
            finally:
                holder.obj = test
            return
        # The handle is there for those who run tests: https://hypothesis.readthedocs.io, "inner_test".
        handle, body = test.hypothesis, test.hypothesis.inner_test
        if hasattr(body, ATTRIBUTE):
            raise ClaimError("put @claim above @given and @settings: it chooses the profile that they take up")
        handle.inner_test = self._heard(body)
        try:
            yield
        finally:
            handle.inner_test = body

    def _heard(self, body: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(body)
        def configuration(*args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            with self.configuration():
                if self.claim.at_least is None:
                    return body(*args, **kwargs)
                self._judged(body, args, kwargs)
                return None

        return configuration

    def _judged(self, body: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, Any]) -> None:
        """Judges one configuration by runs of the body.

        Raises:
            Refuted: It is refuted.
            ClaimError: The test takes no run, or its configurations cannot be told apart.
        """
        __tracebackhide__ = True
        source = kwargs.get("run")
        if not isinstance(source, Source):
            raise ClaimError("a claim with a rate is about runs: let its test take an argument 'run'")
        drawn = {name: value for name, value in kwargs.items() if name not in self._fixed and name != "run"}
        configuration = ", ".join(f"{name}={told(name, value)}" for name, value in drawn.items())

        def sampled(stream: str, start: int, count: int) -> Iterator[bool]:
            for sample in source.samples((self.claim.sentence, configuration, stream), start, count, drawn):
                try:
                    _check_said_nothing(body(*args, **{**kwargs, "run": sample}))
                except self._failures as error:
                    self._current.setdefault(FAILURE, f"{sample}: {first_line(error) or UNTOLD}")
                    yield False
                else:
                    yield True

        trials = Trials(
            self.claim, configuration, self._root, self.book, sampled, lambda: self._current, lambda: self.on_data
        )
        judgement = trials.judged()
        self.on_data = self.on_data or judgement.on_data
        self._current.update(judgement.measurements)
        self._current_verdicts.append(verdict := _verdict_of(judgement, self.claim))
        if verdict.outcome is Outcome.REFUTED:
            example = self._current.get(FAILURE)
            raise Refuted(f"{verdict.why}; {example}" if example else verdict.why)

    def observe(self, name: str, measurement: Measurement) -> None:
        """Takes down what was measured in the present configuration."""
        self._current[name] = combined(self._current.get(name), measurement)

    def judged(self, verdict: Verdict) -> None:
        """Takes down a verdict on the present configuration, and what it rests on."""
        self._current_verdicts.append(verdict)
        for name, measurement in verdict.evidence.measurements.items():
            self.observe(name, measurement)

    def trained(self, runs: Iterable[Hashable]) -> None:
        """Counts runs, each once however often it is used; an element says which run it is."""
        self._trained.update(runs)
        self.on_data = True

    def visit(self, question: Hashable) -> int:
        """The number of a question, from 1, in the order in which they are asked.

        What was refuted keeps its number, so that it is refuted under replay. Everything else gets a new one, whether
        or not another configuration brought the same evidence: evidence that is common would else be asked about over
        and over, and what is rare found in the end, for the price of one.
        """
        if question in self._answered:
            return self._answered[question]
        self._asked += 1
        return self._asked

    def answered(self, question: Hashable, number: int) -> None:
        """Takes down that the question of that number is refuted."""
        self._answered[question] = number

    def verdict(self, refutation: str | None = None) -> Verdict:
        """What the evidence says.

        Args:
            refutation: Why the claim failed; None where it did not.
        """
        if refutation is not None:
            evidence = Evidence(self._current, self._configurations + 1, self._runs(self._current_verdicts))
            reach = _scope(self._current_verdicts), refutation, _required(self._current_verdicts)
            return Verdict(self.claim, Outcome.REFUTED, evidence, *reach)
        open_ = [verdict.why for verdict in self._verdicts if verdict.outcome is Outcome.INCONCLUSIVE]
        outcome = Outcome.INCONCLUSIVE if open_ else Outcome.HOLDS
        many = f"{len(open_)} of {len(self._verdicts)} judgements are open: " if len(self._verdicts) > 1 else ""
        why = many + open_[0] if open_ else ""
        evidence = Evidence(self._taken, self._configurations, self._runs(self._verdicts))
        return Verdict(self.claim, outcome, evidence, _scope(self._verdicts), why, _required(self._verdicts))

    def _runs(self, verdicts: list[Verdict]) -> int:
        # A run that was judged before is not trained again.
        trained = 0 if self.claim.at_least is not None else len(self._trained)
        return trained or sum(verdict.evidence.runs for verdict in verdicts)


_hearing: ContextVar[Hearing | None] = ContextVar("hearing", default=None)


def under_way() -> Hearing | None:
    """The hearing of the claim that is being tested; None where none is."""
    return _hearing.get()


@contextmanager
def judging(hearing: Hearing) -> Iterator[Hearing]:
    """Evidence that is given inside is about its claim. A thread or a task has hearings of its own."""
    token = _hearing.set(hearing)
    try:
        yield hearing
    finally:
        _hearing.reset(token)


def observe(name: str, value: object) -> None:
    """Adds to the evidence of the claim under way.

    Args:
        name: What was measured.
        value: A number: its smallest and largest value over all configurations are shown. A text: the last one is
            shown. A mapping of names to numbers or texts: shown as a table, the last value of each row.

    Raises:
        ClaimError: No claim is under way, or the value is none of these.
    """
    hearing = under_way()
    if hearing is None:
        raise ClaimError(f"nothing to observe {name!r} for: observe inside a test that is marked with @claim")
    hearing.observe(name, measured(name, value))


@runtime_checkable
class Question(Hashable, Protocol):
    """Evidence and what is claimed of it; the same evidence makes an equal question.

    Attributes:
        what: What it is about, in words.
    """

    @property
    def what(self) -> str: ...  # noqa: D102 - said above

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        """The verdict, as one on that claim; with `refuting` confidence at least to say no."""
        ...


def pronounced(question: Question, confidence: float) -> Verdict:
    """The verdict on a question, which is taken down where a claim is under way.

    Where `@given` has many configurations judged, one of them refutes the whole claim, so the k-th to be visited may
    spend only `6 alpha / (pi k)^2` of the error budget alpha = 1 - `confidence` on that. Holding needs no such care:
    the claim holds only if every configuration does. The budget is that of one test; each set of a test's parameters
    has its own.

    Raises:
        Refuted: It is REFUTED.
        ClaimError: The claim under way has a rate of its own.
    """
    __tracebackhide__ = True
    hearing = under_way()
    if hearing is None:
        verdict = question.judged(Claim(question.what), confidence)
    else:
        if hearing.claim.at_least is not None:
            raise ClaimError(
                "the rate of this claim is judged by @claim: state what one run must be like by plain asserts"
            )
        number = hearing.visit(question)
        verdict = question.judged(hearing.claim, 1.0 - share_of_error(1.0 - confidence, number))
        hearing.judged(verdict)
        if verdict.outcome is Outcome.REFUTED:
            hearing.answered(question, number)
    if verdict.outcome is Outcome.REFUTED:
        raise Refuted(verdict.why)
    return verdict


def _check_said_nothing(said: object) -> None:
    """Refuses a test that returns something: as pytest does, which does not see what is returned of one run.

    Raises:
        ClaimError: It does; a coroutine or a generator has not even begun.
    """
    if said is not None:
        if iscoroutine(said):
            said.close()  # else Python complains later that nobody waited for it
        kind = type(said).__name__
        raise ClaimError(f"the test returns a {kind}, which says nothing of a run: let it assert, in a plain function")


def _verdict_of(judgement: Judgement, claim: Claim) -> Verdict:
    runs = judgement.runs + judgement.confirming[1]
    share = judgement.successes / judgement.runs if judgement.runs else 0.0
    rate: dict[str, Measurement] = {"runs as claimed (rate)": [share, share]} if judgement.runs else {}
    scope = f"a rate of at least {claim.at_least:g}, at {claim.confidence:.4g} confidence"
    evidence = Evidence({**judgement.measurements, **rate}, 1, runs)
    assert claim.at_least is not None
    required = (Requirement("runs", "at least", claim.at_least, claim.confidence),)
    return Verdict(claim, Outcome(judgement.outcome), evidence, scope, judgement.why, required)


def first_line(error: BaseException) -> str:
    """What an error says first; "" where it says nothing."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def _scope(verdicts: list[Verdict]) -> str:
    return "; ".join(dict.fromkeys(verdict.scope for verdict in verdicts if verdict.scope))


def _required(verdicts: list[Verdict]) -> tuple[Requirement, ...]:
    return tuple(dict.fromkeys(required for verdict in verdicts for required in verdict.required))
