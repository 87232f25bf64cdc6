import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom

from redundancy.errors import OptionError
from redundancy.sequential import SHAPES, SURE, Rate, evidence_against, evidence_for, fewest, interval, room

rates = st.floats(0.05, 0.99)


def spread(successes, failures, p0, shape, low, high):
    """The average likelihood ratio, by numerical integration."""

    def ratio(q):
        return beta.pdf(q, *shape) * (q / p0) ** successes * ((1 - q) / (1 - p0)) ** failures

    return quad(ratio, low, high)[0] / (beta.cdf(high, *shape) - beta.cdf(low, *shape))


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0.1, 0.9))
def test_evidence_is_the_average_likelihood_ratio(successes, failures, p0):
    atom = SURE * p0**-successes if not failures else 0.0
    for_ = atom + (1 - SURE) * spread(successes, failures, p0, SHAPES[0], p0, 1.0)
    against = spread(successes, failures, p0, SHAPES[1], 0.0, p0)
    assert math.exp(evidence_for(successes, failures, p0)) == pytest.approx(for_, rel=1e-4)
    assert math.exp(evidence_against(successes, failures, p0)) == pytest.approx(against, rel=1e-4)


def expected(evidence, p0, rate, runs):
    """The mean of the evidence after some runs at that rate."""
    chance = binom.pmf(np.arange(runs + 1), runs, rate)
    return sum(chance[s] * math.exp(evidence(s, runs - s, p0)) for s in range(runs + 1))


@given(rates, st.floats(0, 1), st.integers(1, 40))
def test_evidence_does_not_grow_on_average_where_the_claim_is_as_it_denies(p0, share, runs):
    """A mean of at most one, whatever the true rate, is what makes it valid at every time."""
    assert expected(evidence_for, p0, share * p0, runs) <= 1 + 1e-9
    assert expected(evidence_against, p0, p0 + share * (1 - p0), runs) <= 1 + 1e-9


def stopped(question, rate):
    """The exact chances of each answer under a rate, asking after every run."""
    chances, answers = {0: 1.0}, {True: 0.0, False: 0.0, None: 0.0}
    for n in range(1, question.runs + 1):
        moved = {}
        for successes, chance in chances.items():
            for more, share in ((1, rate), (0, 1 - rate)):
                moved[successes + more] = moved.get(successes + more, 0.0) + chance * share
        chances = {}
        for successes, chance in moved.items():
            answer = question.answer(successes, n - successes)
            if answer is None and n < question.runs:
                chances[successes] = chance
            else:
                answers[answer] += chance
    return answers


@pytest.mark.parametrize("p0", [0.5, 0.8, 0.95])
def test_at_the_boundary_either_answer_is_rare(p0):
    answers = stopped(Rate(p0, 0.95, 0.9, 150), p0)
    assert 0.01 < answers[True] <= 0.05
    assert 0.01 < answers[False] <= 0.1


def test_what_is_clear_is_decided():
    assert stopped(Rate(0.8, runs=60), 0.99)[True] > 0.98
    assert stopped(Rate(0.8, runs=60), 0.4)[False] > 0.98


def test_a_claim_that_never_fails_is_certified_at_once():
    assert [fewest(p0) for p0 in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)] == [5, 15, 32, 65, 164, 328]
    assert room(0.5) == 60
    assert room(0.95) == 260


@given(rates, st.integers(0, 30), st.integers(0, 5))
def test_what_is_missing_is_the_least_that_certifies(p0, successes, failures):
    question = Rate(p0, runs=400)
    missing = question.missing(successes, failures)
    if missing:
        assert question.answer(successes + missing, failures) is True
        assert question.answer(successes + missing - 1, failures) is not True


def test_hopeless_is_what_no_outcome_decides():
    question = Rate(0.9, runs=40)
    assert not question.hopeless(0, 0)
    assert question.hopeless(30, 5)


@given(st.integers(0, 200), st.integers(0, 200))
def test_an_interval_holds_its_share(successes, failures):
    low, high = interval(successes, successes + failures)
    share = successes / max(1, successes + failures)
    assert low <= share + 1e-9
    assert share <= high + 1e-9


@pytest.mark.parametrize(
    "wrong", [{"p0": 1.0}, {"p0": 0.0}, {"p0": 0.5, "confidence": 1.0}, {"p0": 0.5, "runs": 0}, {"p0": float("nan")}]
)
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(OptionError):
        Rate(**wrong)
