"""A count against simulations of chance: exact, and never more than the simulations can say."""

from __future__ import annotations

import numpy as np
import pytest

from redundancy.counting import judge, judge_against_chance
from redundancy.errors import OptionError
from redundancy.hearing import Hearing, judging
from redundancy.statistics import chance_share, simulations_needed
from redundancy.verdict import Claim, ClaimError, Outcome, Refuted


def never(i):
    raise AssertionError("this was to cost nothing")


def test_the_share_counts_what_is_as_large():
    assert chance_share(3, [1, 2, 3, 4]) == 3 / 5
    assert chance_share(5, [1, 2, 3, 4]) == 1 / 5


def test_chance_itself_is_beyond_chance_at_most_that_often():
    counts = np.random.default_rng(0).poisson(2, size=(4000, 20))
    shares = np.array([chance_share(row[0], row[1:].tolist()) for row in counts])
    for p in (0.05, 0.2, 0.5):
        # Three standard errors of 4,000 draws; ties only make it rarer.
        assert np.mean(shares <= p + 1e-12) <= p + 3 * np.sqrt(p * (1 - p) / 4000)


@pytest.mark.parametrize(("confidence", "needed"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)])
def test_so_many_simulations_are_needed_and_one_less_is_not_enough(confidence, needed):
    assert simulations_needed(confidence) == needed
    assert judge_against_chance(5, [1] * needed, confidence=confidence).outcome is Outcome.HOLDS
    verdict = judge_against_chance(5, [1] * (needed - 1), confidence=confidence)
    assert verdict.why == f"count: 5 found; fewer than {needed} simulations of chance cannot suffice"


def test_what_chance_brings_is_shown_and_how_sure_it_is():
    verdict = judge_against_chance(5, range(4, -95, -1), what="pairs")
    assert verdict.evidence.measurements["pairs"] == {"found": 5, "median of 99 by chance": -45, "largest by chance": 4}
    assert verdict.scope == "pairs: more than chance brings, at 0.95 confidence"


def test_what_chance_brings_as_well_is_open_and_no_proof_of_the_contrary():
    verdict = judge_against_chance(5, [5] * 99)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.why.startswith("count: 5 found; chance brings as many or more with probability 1")


def test_less_than_chance_brings_is_a_refutation():
    with pytest.raises(Refuted, match=r"^count: 0 found; chance .* so few, or fewer, with probability 0\.01 at most;"):
        judge_against_chance(0, [5] * 99)


def test_simulations_that_cannot_suffice_are_not_made():
    verdict = judge_against_chance(5, never, times=18)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.why == "18 simulations of chance cannot suffice, and none was made: make 19 or more"


def test_a_function_is_asked_for_each_simulation_once():
    asked = []
    assert judge_against_chance(5, lambda i: asked.append(i) or 0).outcome is Outcome.HOLDS
    assert asked == list(range(199))


def test_later_configurations_may_spend_less_on_a_refutation():
    with judging(Hearing(Claim("water is wet"))):
        for found in range(6, 12):
            judge_against_chance(found, [5] * 99)
        verdict = judge_against_chance(0, [5] * 99)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "after so many configurations this one does not refute" in verdict.why


def test_a_claim_with_a_rate_judges_by_itself():
    with judging(Hearing(Claim("water is wet", 0.9))), pytest.raises(ClaimError, match="is judged by @claim"):
        judge_against_chance(5, [1] * 19)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: judge_against_chance(5, []),
        lambda: judge_against_chance(float("nan"), [1] * 19),
        lambda: judge_against_chance(5, [float("nan")] * 19),
        lambda: judge_against_chance(5, 19),
        lambda: judge_against_chance("5", [1] * 19),
        lambda: judge_against_chance(5, [[1]] * 19),
        lambda: judge_against_chance(5, lambda _: None),
        lambda: judge_against_chance(5, never, times=19.0),
        lambda: judge(58.5, 59),
        lambda: judge(5, float("inf")),
        lambda: judge("5", 5),
        lambda: judge(5, 5, at_least="0.9"),
        lambda: judge(5, 5, confidence="0.9"),
        lambda: judge_against_chance(5, [1] * 19, times=19),
        lambda: judge_against_chance(5, never, times=-1),
        lambda: judge_against_chance(5, [1] * 19, confidence=1.0),
    ],
)
def test_the_impossible_is_refused_in_one_line(wrong):
    with pytest.raises(OptionError) as caught:
        wrong()
    assert "\n" not in str(caught.value)
