"""What somebody sees who claims something of a pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from redundancy.comparing import judge_pairs
from redundancy.errors import OptionError
from redundancy.hearing import Hearing, judging
from redundancy.margins import Comparison, fewest_images, images_needed, least_margin
from redundancy.pairs import Table
from redundancy.verdict import Claim, ClaimError, Outcome, Refuted

RIGHT = np.arange(1000) % 10 > 0
CLAIM = Claim("water is wet")


def changed(lost, gained, images=1000):
    """`RIGHT`, and the same with that many changes."""
    first = RIGHT[:images]
    second = first.copy()
    second[np.flatnonzero(first)[:lost]] = False
    second[np.flatnonzero(~first)[:gained]] = True
    return first, second


def never():
    raise AssertionError("this was to cost nothing")


@pytest.mark.parametrize(
    ("claim", "margin", "pair", "outcome"),
    [
        ("equivalent", 0.005, (0, 0), "HOLDS"),
        ("equivalent", 0.02, (8, 0), "HOLDS"),
        ("equivalent", 0.02, (0, 25), "INCONCLUSIVE"),
        ("equivalent", 0.02, (0, 80), "REFUTED"),
        ("equivalent", 0.02, (80, 0), "REFUTED"),
        ("not worse", 0.02, (0, 80), "HOLDS"),
        ("not worse", 0.02, (80, 0), "REFUTED"),
        ("not worse", 0.02, (20, 0), "INCONCLUSIVE"),
        ("better", 0.0, (0, 0), "INCONCLUSIVE"),
        ("better", 0.0, (0, 5), "HOLDS"),
        ("better", 0.0, (2, 5), "INCONCLUSIVE"),
        ("better", 0.0, (9, 1), "REFUTED"),
        ("better", 0.02, (0, 40), "HOLDS"),
        ("better", 0.02, (0, 25), "INCONCLUSIVE"),
        ("better", 0.02, (0, 0), "REFUTED"),
    ],
)
def test_verdicts(claim, margin, pair, outcome):
    if outcome == "REFUTED":
        with pytest.raises(Refuted, match=r"was claimed$"):
            judge_pairs(*changed(*pair), claim=claim, margin=margin)
        return
    verdict = judge_pairs(*changed(*pair), claim=claim, margin=margin)
    assert verdict.outcome.value == outcome
    assert bool(verdict.why) == (outcome == "INCONCLUSIVE")


def test_the_two_sides_of_equivalence_share_the_error_of_a_refutation():
    with pytest.raises(Refuted):
        judge_pairs(*changed(29, 0), claim="not worse", margin=0.02)
    assert judge_pairs(*changed(29, 0), claim="equivalent", margin=0.02).outcome is Outcome.INCONCLUSIVE


def test_the_scope_says_what_margin_confidence_and_how_many():
    scope = judge_pairs(*changed(0, 0), claim="not worse", margin=0.005, confidence=0.9).scope
    assert scope == "accuracy: second lower by less than 0.005, at 0.9 confidence, on 1000 images"


def test_a_refutation_is_one_readable_line():
    with pytest.raises(Refuted) as caught:
        judge_pairs(*changed(80, 3), claim="equivalent", margin=0.005)
    assert str(caught.value) == (
        "accuracy 0.823 after 0.9: of 1000 images only the first gets 80 right, only the second 3; "
        "equal within 0.005 was claimed"
    )


def test_what_would_decide_is_said():
    verdict = judge_pairs(*changed(8, 0), claim="not worse", margin=0.005)
    assert "with so many changes about 2400 images would" in verdict.why
    assert verdict.why.endswith("these certify a margin of 0.0144")
    assert judge_pairs(*changed(8, 0), claim="not worse", margin=0.0144).outcome is Outcome.HOLDS


def test_what_cannot_be_certified_costs_nothing():
    verdict = judge_pairs(RIGHT[:500], never, claim="equivalent", margin=0.005)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.why == (
        "these 500 images cannot certify +-0.5 points, even if no prediction changes: 598 or more are needed, "
        "or a margin of 0.00598; nothing was computed"
    )
    assert judge_pairs(never, never, labels=RIGHT[:500] * 1, claim="equivalent", margin=0.005).why == verdict.why
    assert "the 4 that the first gets wrong" in judge_pairs(RIGHT[:40], never, claim="better").why


def test_what_can_be_certified_is_computed():
    first, second = changed(0, 0)
    assert judge_pairs(lambda: first, lambda: second, claim="equivalent", margin=0.005).outcome is Outcome.HOLDS
    assert judge_pairs(first, lambda: second, claim="equivalent", margin=0.005).outcome is Outcome.HOLDS


def test_classes_are_compared_with_labels():
    labels = np.arange(1000) % 7
    verdict = judge_pairs(labels, np.where(RIGHT, labels, 9), labels=labels, claim="equivalent", margin=0.2)
    assert verdict.evidence.measurements["accuracy, second"] == [0.9, 0.9]


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=20, unique=True), st.sampled_from([0.1, 0.5, 1.0]))
def test_measurements_are_judged_by_two_t_tests(differences, margin):
    zeros = np.zeros(len(differences))
    below = ttest_1samp(differences, -margin, alternative="greater").pvalue <= 0.05
    above = ttest_1samp(differences, margin, alternative="less").pvalue <= 0.05
    try:
        verdict = judge_pairs(zeros, differences, claim="equivalent", margin=margin)
    except Refuted:
        assert not (below and above)
    else:
        assert (verdict.outcome is Outcome.HOLDS) == (below and above)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ([0.8, 0.81, 0.79, 0.8], "fewer than 5 runs are too few for a t-test"),
        ([0.8] * 12, "all differences are the same, and a t-test has nothing to go by"),
        ([0.6, 0.4] * 6, "that does not decide whether the second is equal within 0.3"),
    ],
)
def test_a_t_test_with_little_to_go_by_is_not_sure_of_anything(second, why):
    verdict = judge_pairs([0.8] * len(second), second, claim="equivalent", margin=0.3)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert why in verdict.why


def test_pairs_are_part_of_a_claims_evidence():
    with judging(Hearing(CLAIM)) as hearing, hearing.configuration():
        judge_pairs(*changed(0, 0), claim="equivalent", margin=0.005, what="accuracy of the small model")
    verdict = hearing.verdict()
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.evidence.measurements["accuracy of the small model, first"] == [0.9, 0.9]


def test_later_configurations_may_spend_less_on_a_refutation():
    with judging(Hearing(CLAIM)):
        for gained in range(10, 20):
            judge_pairs(*changed(0, gained), claim="better")
        verdict = judge_pairs(*changed(9, 1), claim="better")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "after so many configurations, this one refutes only at 0.999" in verdict.why


def test_a_claim_with_a_rate_judges_by_itself():
    with judging(Hearing(Claim("water is wet", 0.9))), pytest.raises(ClaimError, match="is judged by @claim"):
        judge_pairs(RIGHT, RIGHT, claim="better")


@pytest.mark.parametrize(
    ("first", "second", "options", "said"),
    [
        (RIGHT, RIGHT[1:], {"claim": "better"}, "no pairs"),
        (RIGHT, RIGHT * 1.0, {"claim": "better"}, "no pairs"),
        (RIGHT * 1, RIGHT * 1, {"claim": "better"}, "together with labels="),
        (RIGHT[:, None], RIGHT[:, None], {"claim": "better"}, "shape"),
        (RIGHT[:0], RIGHT[:0], {"claim": "better"}, "shape"),
        ([0.1, np.nan], [0.1, 0.2], {"claim": "better"}, "NaN"),
        (["a"], ["b"], {"claim": "better"}, "give truths"),
        (RIGHT * 1.0, RIGHT * 1, {"claim": "better", "labels": RIGHT * 1}, "argmax"),
        (RIGHT[1:] * 1, RIGHT * 1, {"claim": "better", "labels": RIGHT * 1}, "999 predictions"),
        (RIGHT, RIGHT, {"claim": "beter"}, "did you mean better"),
        (RIGHT, RIGHT, {"claim": "equivalent"}, "margin of 0"),
        (RIGHT, RIGHT, {"claim": "equivalent", "margin": -0.1}, "margin"),
        (RIGHT, RIGHT, {"claim": "equivalent", "margin": 1.0}, "below 1"),
        (RIGHT, RIGHT, {"claim": "equivalent", "margin": float("nan")}, "margin"),
        (RIGHT, RIGHT, {"claim": "equivalent", "margin": "0.1"}, "must be a number"),
        (RIGHT, RIGHT, {"claim": "equivalent", "margin": 0.1, "confidence": 1}, "confidence"),
    ],
)
def test_what_is_no_pair_is_refused_in_one_line(first, second, options, said):
    with pytest.raises(OptionError, match=said) as caught:
        judge_pairs(first, second, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("images", [20, 500, 10_000, 10_000_000])
def test_the_least_margin_is_the_least_that_is_certified(images):
    margin = least_margin(images)
    assert fewest_images(margin) <= images < fewest_images(0.98 * margin)


@pytest.mark.parametrize("margin", [1e-16, 5e-324])
def test_a_margin_that_no_images_would_show_is_refused(margin):
    """It was counted up to the images that would, one by one."""
    with pytest.raises(OptionError, match="takes too many images to be judged"):
        judge_pairs([True] * 9, [True] * 9, claim="not worse", margin=margin)


@pytest.mark.parametrize(("share", "power"), [(0.01, 0.999), (0.02, 0.94), (0.04, 0.59)])
def test_a_plan_for_ten_thousand_images(share, power):
    needed = images_needed(Comparison("equivalent", 0.005), share, power=power)
    assert needed == pytest.approx(10_000, rel=0.12)


def test_a_plan_keeps_its_power():
    comparison = Comparison("not worse", 0.02)
    images = images_needed(comparison, changed=0.03)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(images, [0.015, 0.015, 0.97], size=400)
    tables = [Table(int(same), int(lost), int(gained), 0) for lost, gained, same in drawn]
    assert np.mean([comparison.of(table) is True for table in tables]) == pytest.approx(0.8, abs=0.08)


def test_no_number_of_images_certifies_what_is_not_so():
    assert images_needed(Comparison("not worse", 0.01), changed=0.05, difference=-0.02) is None
    assert images_needed(Comparison("better"), changed=0.05) is None
