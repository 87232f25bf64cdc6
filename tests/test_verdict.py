"""Claims, evidence and verdicts, without pytest: what `observe` and `judge` take down."""

from __future__ import annotations

import contextvars
import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redundancy.counting import judge
from redundancy.hearing import Hearing, judging, observe, under_way
from redundancy.verdict import Claim, ClaimError, Outcome, Refuted, claim

CLAIM = Claim("water is wet")


def measured(*values, name="x"):
    """What the hearing keeps of one value a configuration."""
    with judging(Hearing(CLAIM)) as hearing:
        for value in values:
            with hearing.configuration():
                observe(name, value)
    return hearing.verdict().evidence.measurements[name]


def test_a_number_is_kept_as_its_range():
    assert measured(3, 1, 2) == [1, 3]


def test_a_text_is_kept_as_the_last_one():
    assert measured("a", "b") == "b"


def test_a_truth_is_no_number():
    assert measured(True) == "yes"


def test_a_table_is_kept_row_by_row():
    assert measured({1: 0.5, 2: 0.6}, {2: 0.7}) == {"1": 0.5, "2": 0.7}


@pytest.mark.parametrize("values", [(float("nan"), 1.0), (1.0, float("nan"))])
def test_nan_is_not_lost(values):
    assert np.isnan(measured(*values)).all()


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.array(2.0), np.bool_(True), {"a": np.float64(1)}])
def test_numpys_scalars_become_json(value):
    json.dumps(measured(value))


@pytest.mark.parametrize("value", [np.zeros(3), None, [1, 2], {"a": {"b": 1}}])
def test_what_cannot_be_shown_is_refused_in_one_line(value):
    with pytest.raises(ClaimError, match=r"^cannot show 'x', a \w+: give a number, a text, or a table of these$"):
        measured(value)


def test_observing_outside_a_claim_is_refused_in_one_line():
    with pytest.raises(ClaimError, match=r"^nothing to observe 'x' for: .* @claim$"):
        observe("x", 1)


def test_another_context_has_hearings_of_its_own():
    with judging(Hearing(CLAIM)) as hearing:
        assert under_way() is hearing
        assert contextvars.Context().run(under_way) is None
    assert under_way() is None


@pytest.mark.parametrize("sentence", ["", "  ", "two\nlines", None])
def test_a_claim_is_a_sentence(sentence):
    with pytest.raises(ClaimError, match="write a sentence of one line"):
        claim(sentence)


@pytest.mark.parametrize(
    "wrong", [{"at_least": "0.9"}, {"at_least": True}, {"confidence": "95%"}, {"at_least": 0.9, "runs": 9.5}]
)
def test_what_must_be_a_number_is_one(wrong):
    with pytest.raises(ClaimError, match="must be"):
        Claim("water is wet", **wrong)


def test_many_successes_hold():
    with judging(Hearing(CLAIM)) as hearing, hearing.configuration():
        assert judge(60, 60, at_least=0.95).outcome is Outcome.HOLDS
    assert hearing.verdict().outcome is Outcome.HOLDS


def test_many_failures_refute_in_one_readable_line():
    with judging(Hearing(CLAIM)), pytest.raises(Refuted) as caught:
        judge(3, 60, at_least=0.95, what="networks with distinct filters")
    assert str(caught.value) == (
        "networks with distinct filters: 3 of 60, a rate in [0.0104, 0.139] at 0.95 confidence; "
        "at least 0.95 was claimed"
    )


def test_few_runs_are_inconclusive_however_well_they_went():
    verdict = judge(20, 20, at_least=0.95)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "fewer than 59 runs cannot certify 0.95" in verdict.why


def test_nothing_certifies_a_rate_of_one():
    assert "no number of runs certifies" in judge(1000, 1000, at_least=1.0).why


def test_runs_next_to_the_rate_are_inconclusive():
    verdict = judge(95, 100, at_least=0.95)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "does not decide about 0.95" in verdict.why


def test_one_inconclusive_configuration_leaves_the_claim_open():
    with judging(Hearing(CLAIM)) as hearing:
        for runs in (60, 20, 70):
            with hearing.configuration():
                judge(runs, runs)
    verdict = hearing.verdict()
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.why.startswith("1 of 3 judgements are open: ")
    assert verdict.evidence.runs == 150


def test_later_configurations_may_spend_less_on_a_refutation():
    # 52 of 60 refutes .95 at 5% but not at a share of it, which is all that a later configuration has.
    with judging(Hearing(CLAIM)), pytest.raises(Refuted):
        judge(52, 60)
    with judging(Hearing(CLAIM)):
        for runs in range(60, 70):
            judge(runs, runs)
        verdict = judge(52, 60)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "after so many configurations, this one refutes only at 0.999" in verdict.why


def test_a_replayed_configuration_gets_the_same_verdict():
    with judging(Hearing(CLAIM)):
        with pytest.raises(Refuted):
            judge(52, 60)
        for runs in range(60, 90):
            judge(runs, runs)
        with pytest.raises(Refuted):
            judge(52, 60)


def test_true_claims_over_many_configurations_are_seldom_refuted():
    generator = np.random.default_rng(7)

    def refuted() -> bool:
        with judging(Hearing(CLAIM)):
            try:
                for successes in generator.binomial(100, 0.9, size=30):
                    judge(int(successes), 100, at_least=0.9)
            except Refuted:
                return True
        return False

    # Three standard errors of 300 draws above 5%; without spending, it would be about .6.
    assert np.mean([refuted() for _ in range(300)]) <= 0.05 + 0.038


def test_what_is_rare_is_not_found_in_the_end_for_the_price_of_one():
    generator = np.random.default_rng(8)

    def refuted() -> bool:
        with judging(Hearing(CLAIM)):
            try:
                for right in generator.random(100) < 0.993:
                    judge(int(right), 1, at_least=0.993)
            except Refuted:
                return True
        return False

    # Most configurations bring the same evidence, one success; three standard errors of 100 draws above 5%.
    assert np.mean([refuted() for _ in range(100)]) <= 0.05 + 0.066


def test_a_refuted_claim_shows_its_last_failing_configuration_only():
    with judging(Hearing(CLAIM)) as hearing:
        for value, right in [(1, True), (50, False), (2, True), (10, False)]:
            try:
                with hearing.configuration():
                    observe("x", value)
                    assert right
            except AssertionError:
                continue
    verdict = hearing.verdict("x is too large")
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.evidence.measurements == {"x": [10, 10]}
    assert verdict.evidence.configurations == 2


def test_rejected_configurations_leave_no_trace():
    with judging(Hearing(CLAIM)) as hearing:

        @given(st.integers(0, 100))
        def search(n):
            observe("n", n)
            assume(n % 2 == 0)

        with hearing.of(search):
            search()
    verdict = hearing.verdict()
    assert verdict.evidence.measurements["n"][1] % 2 == 0
    assert 0 < verdict.evidence.configurations <= 51


def test_a_run_counts_once():
    hearing = Hearing(CLAIM)
    hearing.trained([("recipe", 1), ("recipe", 2)])
    hearing.trained([("recipe", 1)])
    assert hearing.verdict().evidence.runs == 2
