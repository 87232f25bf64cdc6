"""Intervals, tests and chance: against SciPy's own, against simulation, and against known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import OptionError
from redundancy.statistics import (
    at_least,
    bounds,
    chance_cosine,
    clopper_pearson,
    isotropic_tail,
    mcnemar,
    runs_needed,
    share_of_error,
)

counts = st.integers(1, 300).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs)))
confidences = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.9999])


@given(counts, confidences)
def test_the_interval_is_scipys_exact_one(count, confidence):
    from scipy.stats import binomtest

    expected = binomtest(*count).proportion_ci(confidence, method="exact")
    assert clopper_pearson(*count, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(counts, st.floats(0.01, 0.99), confidences)
def test_at_least_is_scipys_pair_of_one_sided_tests(count, p0, confidence):
    from scipy.stats import binomtest

    holds = binomtest(*count, p0, alternative="greater").pvalue <= 1 - confidence
    refuted = binomtest(*count, p0, alternative="less").pvalue <= 1 - confidence
    assert at_least(*count, p0, confidence) is {(True, False): True, (False, True): False}.get((holds, refuted))


@given(counts, st.floats(0.01, 0.99), confidences)
def test_at_least_agrees_with_the_bounds(count, p0, confidence):
    low, high = bounds(*count, confidence)
    answer = at_least(*count, p0, confidence)
    assert answer is not True or low >= p0 - 1e-9
    assert answer is not False or high <= p0 + 1e-9


def test_a_rate_of_one_is_refuted_by_one_failure_and_certified_by_nothing():
    assert at_least(999, 1000, 1.0) is False
    assert at_least(1000, 1000, 1.0) is None


@pytest.mark.parametrize(("p0", "runs"), [(0.95, 59), (0.98, 149), (0.99, 299), (0.5, 5)])
def test_so_many_runs_are_needed_and_one_less_is_not_enough(p0, runs):
    assert runs_needed(p0) == runs
    assert at_least(runs, runs, p0) is True
    assert at_least(runs - 1, runs - 1, p0) is None


def test_false_refutations_stay_within_the_error():
    drawn = np.random.default_rng(1).binomial(60, 0.9, size=4000)
    answers = [at_least(int(successes), 60, 0.9) for successes in drawn]
    # At the boundary either answer is wrong; three standard errors of 4,000 draws.
    assert np.mean([answer is False for answer in answers]) <= 0.05 + 0.011
    assert np.mean([answer is True for answer in answers]) <= 0.05 + 0.011


def test_the_shares_of_the_error_add_up_to_it():
    spent = sum(share_of_error(0.05, k) for k in range(1, 20_000))
    assert 0.0499 < spent < 0.05


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test(gained, lost):
    from scipy.stats import binomtest

    expected = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


def test_predictions_that_did_not_change_prove_nothing():
    assert mcnemar(0, 0) == 1.0


def test_a_hundred_random_3x3_filters_contain_a_similar_pair_more_often_than_not():
    chance = 1 - (1 - isotropic_tail(0.9, 9)) ** 4950
    assert chance == pytest.approx(0.62, abs=0.01)


def test_a_hundred_random_5x5_filters_contain_almost_never_one():
    assert 1e-7 < 4950 * isotropic_tail(0.9, 25) < 1e-5


@pytest.mark.parametrize("dimension", [1, 2, 3, 9, 25])
@pytest.mark.parametrize("cosine", [-0.5, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("signed", [True, False])
def test_the_tail_is_what_simulation_gives(dimension, cosine, signed):
    pairs = np.random.default_rng(dimension).normal(size=(2, 40_000, dimension))
    first, second = pairs / np.linalg.norm(pairs, axis=-1, keepdims=True)
    cosines = np.sum(first * second, axis=-1)
    measured = np.mean((cosines if signed else np.abs(cosines)) >= cosine)
    assert isotropic_tail(cosine, dimension, signed) == pytest.approx(measured, abs=0.011)


@given(st.integers(1, 10**9), st.integers(2, 2000), st.floats(1e-12, 0.5), st.booleans())
def test_the_threshold_is_the_inverse_of_the_tail(pairs, dimension, level, signed):
    threshold = chance_cosine(pairs, dimension, level, signed)
    assert -1 <= threshold <= 1
    # Next to 1 a double resolves the cosine no better than this.
    if threshold < 1 - 1e-9:
        assert pairs * isotropic_tail(threshold, dimension, signed) == pytest.approx(level, rel=1e-4)


def test_the_threshold_keeps_what_it_promises():
    filters = np.random.default_rng(3).normal(size=(600, 20, 9))
    filters /= np.linalg.norm(filters, axis=-1, keepdims=True)
    cosines = np.einsum("tid,tjd->tij", filters, filters)[:, *np.triu_indices(20, 1)]
    exceeded = np.mean(cosines.max(axis=1) > chance_cosine(190, 9, 0.05))
    assert exceeded == pytest.approx(0.05, abs=0.03)


def test_one_pair_at_a_generous_level_may_even_be_opposed():
    assert chance_cosine(1, 5, 0.9) == pytest.approx(-chance_cosine(1, 5, 0.1))


@pytest.mark.parametrize("pairs", [1, 4950])
def test_one_dimension_has_no_threshold(pairs):
    assert chance_cosine(pairs, 1) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: clopper_pearson(3, 2),
        lambda: clopper_pearson(0, 0),
        lambda: clopper_pearson(-1, 2),
        lambda: bounds(1, 2, 1.0),
        lambda: at_least(1, 2, 0.0),
        lambda: at_least(1, 2, 1.5),
        lambda: at_least(1, 2, 0.5, refuting=0.0),
        lambda: runs_needed(1.0),
        lambda: mcnemar(-1, 2),
        lambda: isotropic_tail(0.5, 0),
        lambda: chance_cosine(0, 9),
        lambda: chance_cosine(1, 9, 1.0),
    ],
)
def test_the_impossible_is_refused_in_one_line(wrong):
    with pytest.raises(OptionError) as caught:
        wrong()
    assert "\n" not in str(caught.value)
