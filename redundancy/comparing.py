"""Pairs that are judged: two classifiers on the same images, or two measurements of the same runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from redundancy.errors import OptionError
from redundancy.hearing import pronounced
from redundancy.margins import Comparison, Shows, images_needed, least_shown
from redundancy.network import Array
from redundancy.pairs import Table
from redundancy.verdict import OUTCOMES, Claim, Evidence, Measurement, Outcome, Requirement, Verdict

FEWEST = 5
"""Runs below which a t-test is not asked: of so few nobody can say what their differences are like."""

Given = Any
"""An array, or a function without arguments that makes it."""


def judge_pairs(
    first: Given,
    second: Given,
    *,
    claim: str,
    margin: float = 0.0,
    labels: Given = None,
    confidence: float = 0.95,
    what: str = "accuracy",
) -> Verdict:
    """Judges how the second of a pair does beside the first: "not worse", "equivalent" or "better", with a margin.

    Truths say of each image whether it is classified rightly; with `labels`, predicted classes are compared with these.
    They are judged by an exact test (`redundancy.pairs`). Floating-point numbers are measurements of which larger ones
    are better, one a run (an accuracy, a loss with its sign turned), judged by t-tests of their differences.

    HOLDS where the evidence shows it, at that confidence; REFUTED where it shows the opposite; everything else is
    INCONCLUSIVE. That a difference is not significant shows nothing. Under `@given`, later configurations refute at a
    higher confidence, as for `judge`.

    Args:
        first: Shape (n,): bool; classes; or float. Or a function without arguments that returns it.
        second: The same, of the same images or runs in the same order. Functions are called only where so many images
            can certify the margin if no prediction changes: what cannot be certified costs nothing.
        claim: "not worse": the second's accuracy is lower by less than the margin, or higher. "equivalent": the two
            differ by less than the margin. "better": the second's is higher by more than the margin, which may be 0.
        margin: Of accuracy, as a share: 0.005 are half a point; of measurements, in their unit.
        labels: The true classes, where the others are predicted ones. Shape (n,), integers.
        confidence: In (0, 1).
        what: What is compared, to be shown.

    Returns:
        HOLDS or INCONCLUSIVE, which is taken down and does not stop the test.

    Raises:
        Refuted: The pairs refute it.
        OptionError: The arrays do not fit together or are of another kind, or a number is impossible.
        ClaimError: The claim has a rate of its own.

    Example:
        >>> right = np.arange(1000) % 10 > 0
        >>> judge_pairs(right, right, claim="not worse", margin=0.005).outcome.value
        'HOLDS'
    """
    __tracebackhide__ = True
    comparison = Comparison(claim, margin, confidence)
    truth = None if labels is None else _classes("labels", labels)
    if reason := _powerless(comparison, first, second, truth):
        return pronounced(_Hopeless(comparison, reason, what), confidence)
    pair = [_read(name, given, truth) for name, given in (("first", first), ("second", second))]
    if pair[0].shape != pair[1].shape or pair[0].dtype != pair[1].dtype:
        shapes = " and ".join(f"{array.dtype} of shape {array.shape}" for array in pair)
        raise OptionError(f"{shapes} are no pairs: give two arrays of one kind and length")
    if pair[0].dtype == bool:
        return pronounced(_Images(comparison, Table.of(*pair), what), confidence)
    return pronounced(_Values(comparison, tuple(pair[0].tolist()), tuple(pair[1].tolist()), what), confidence)


def judge_images(first: Array, second: Array, *, claim: str, margin: float, confidence: float = 0.95) -> Verdict:
    """The verdict on two classifiers, which is told to nobody, and stops nothing where it is REFUTED.

    Args:
        first: Whether the one classifies each image rightly. Shape (n,), bool.
        second: The same of the other one.
        claim: As of `judge_pairs`.
        margin: Of accuracy, as a share.
        confidence: In (0, 1).
    """
    question = _Images(Comparison(claim, margin, confidence), Table.of(first, second), "accuracy")
    return question.judged(Claim(question.what), confidence)


def _powerless(comparison: Comparison, first: Given, second: Given, truth: Array | None) -> str:
    """Why it is in vain to call what can be called; "" where there is hope, or nothing to be saved."""
    if not callable(first) and not callable(second):
        return ""
    known = [_read(name, a, truth) for name, a in (("first", first), ("second", second)) if not callable(a)]
    if (known and known[0].dtype != bool) or (not known and truth is None):
        return ""
    images = len(known[0] if known else truth if truth is not None else ())
    wrong = None if callable(first) else images - int(np.sum(known[0]))
    return comparison.powerless(images, wrong)


def _read(name: str, given: Given, truth: Array | None) -> Array:
    """What was given, as truths or as finite numbers. Shape (n,)."""
    if truth is None:
        array = _array(name, given)
        if array.dtype == bool or np.issubdtype(array.dtype, np.floating):
            return _checked(name, array if array.dtype == bool else array.astype(float))
        raise OptionError(
            f"{name} holds {array.dtype}: give truths, or floats, one a run, or predicted classes together with labels="
        )
    predicted = _classes(name, given)
    if predicted.shape != truth.shape:
        raise OptionError(f"{name} has {len(predicted)} predictions, but there are {len(truth)} labels: give one each")
    return np.asarray(predicted == truth)


def _classes(name: str, given: Given) -> Array:
    array = _array(name, given)
    if not np.issubdtype(array.dtype, np.integer):
        raise OptionError(
            f"{name} holds {array.dtype}: with labels=, give classes as integers, such as scores.argmax(1)"
        )
    return _checked(name, array)


def _array(name: str, given: Given) -> Array:
    made = given() if callable(given) else given
    if np.ma.isMaskedArray(made):
        raise OptionError(f"{name} is masked, and what is behind the mask would count: leave such images out of both")
    try:
        return np.asarray(made)
    except ValueError as error:
        raise OptionError(f"{name} is no array ({error}): give one value for each image or run") from None


def _checked(name: str, array: Array) -> Array:
    if array.ndim != 1 or not len(array):
        raise OptionError(f"{name} has the shape {array.shape}: give one value for each of one or more images or runs")
    if not np.all(np.isfinite(array)):
        raise OptionError(
            f"{name} holds NaN or infinity, which can be compared with nothing: leave such runs out of both"
        )
    return array


@dataclass(frozen=True, slots=True)
class _Hopeless:
    """What these images cannot certify, so that nothing was computed."""

    comparison: Comparison
    reason: str
    what: str

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        why = f"{self.reason}; nothing was computed"
        scope, required = _scope(self.what, self.comparison), _required(self.what, self.comparison)
        return Verdict(claim, Outcome.INCONCLUSIVE, Evidence({}, 1), scope, why, required)


@dataclass(frozen=True, slots=True)
class _Images:
    """Two classifiers on the same images."""

    comparison: Comparison
    table: Table
    what: str

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        answer = self.comparison.of(self.table, refuting)
        before, after = self.table.accuracies
        rows: dict[str, Measurement] = {
            f"{self.what}, first": [before, before],
            f"{self.what}, second": [after, after],
            "images that only the first gets right": [self.table.lost, self.table.lost],
            "images that only the second gets right": [self.table.gained, self.table.gained],
        }
        scope = f"{_scope(self.what, self.comparison)}, on {self.table.images} images"
        open_ = "" if answer is not None else self._open(refuting)
        why, required = _why(self, answer, self.comparison, open_), _required(self.what, self.comparison)
        return Verdict(claim, OUTCOMES[answer], Evidence(rows, 1), scope, why, required)

    def __str__(self) -> str:
        table = self.table
        return (
            f"{self.what} {table.accuracies[1]:.4g} after {table.accuracies[0]:.4g}: of {table.images} images only the "
            f"first gets {table.lost} right, only the second {table.gained}"
        )

    def _open(self, refuting: float) -> str:
        comparison, table = self.comparison, self.table
        if comparison.of(table, comparison.confidence) is False:
            return _late(refuting)
        if reason := comparison.powerless(table.images, table.gained + table.neither):
            return reason
        if comparison.claim == "better":
            return f"that does not decide whether the second is {comparison}"
        changed = (table.lost + table.gained) / table.images
        margin = least_shown(lambda m: replace(comparison, margin=m).of(table) is True)
        needed = float(f"{images_needed(comparison, changed) or 0:.2g}")
        return (
            f"that does not decide about +-{comparison.margin:g}: with so many changes about {needed:.15g} images "
            f"would, if the two are equally good; these certify a margin of {margin:g}"
        )


@dataclass(frozen=True, slots=True)
class _Values:
    """Two measurements of the same runs."""

    comparison: Comparison
    first: tuple[float, ...]
    second: tuple[float, ...]
    what: str

    def judged(self, claim: Claim, refuting: float) -> Verdict:
        differences = np.subtract(self.second, self.first)
        shows = _by_t(differences)
        answer = self.comparison.answer(shows, refuting) if shows else None
        rows: dict[str, Measurement] = {
            f"{self.what}, first": [min(self.first), max(self.first)],
            f"{self.what}, second": [min(self.second), max(self.second)],
            f"{self.what}, second - first": [float(np.min(differences)), float(np.max(differences))],
        }
        scope = f"{_scope(self.what, self.comparison)}, t-test of {len(differences)} pairs"
        open_ = "" if answer is not None else self._open(differences, shows, refuting)
        evidence = Evidence(rows, 1, len(differences))
        why, required = _why(self, answer, self.comparison, open_), _required(self.what, self.comparison)
        return Verdict(claim, OUTCOMES[answer], evidence, scope, why, required)

    def __str__(self) -> str:
        differences = np.subtract(self.second, self.first)
        spread = np.std(differences, ddof=1) if len(differences) > 1 else 0.0
        mean = f"{np.mean(differences):.4g} on average, standard deviation {spread:.3g}"
        return f"{self.what}, second - first: {mean}, in {len(differences)} runs"

    def _open(self, differences: Array, shows: Shows | None, refuting: float) -> str:
        if len(differences) < FEWEST:
            return f"fewer than {FEWEST} runs are too few for a t-test"
        if shows is None:
            return "all differences are the same, and a t-test has nothing to go by: claim how often it is so instead"
        if self.comparison.answer(shows) is False:
            return _late(refuting)
        return f"that does not decide whether the second is {self.comparison}"


def _by_t(differences: Array) -> Shows | None:
    """Judges a side by a t-test; None where there is nothing to test with."""
    from scipy.stats import ttest_1samp

    # What differs by rounding only is no spread either.
    if len(differences) < FEWEST or np.ptp(differences) <= 1e-12 * np.max(np.abs(differences)):
        return None

    def shows(sign: int, by: float, confidence: float) -> bool:
        return bool(ttest_1samp(sign * differences, by, alternative="greater").pvalue <= 1.0 - confidence)

    return shows


def _scope(what: str, comparison: Comparison) -> str:
    return f"{what}: second {comparison}, at {comparison.confidence:.4g} confidence"


def _required(what: str, comparison: Comparison) -> tuple[Requirement, ...]:
    return (Requirement(what, comparison.claim, float(comparison.margin), comparison.confidence),)


def _why(question: object, answer: bool | None, comparison: Comparison, open_: str) -> str:
    if answer is None:
        return f"{question}; {open_}"
    return "" if answer else f"{question}; {comparison} was claimed"


def _late(refuting: float) -> str:
    return f"after so many configurations, this one refutes only at {refuting:.6g} confidence"
