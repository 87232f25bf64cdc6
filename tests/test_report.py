"""Records of claims, merged, and as lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from redundancy.report.junit import output
from redundancy.report.record import Record, merged, recorded
from redundancy.report.terminal import lines
from redundancy.verdict import Claim, Evidence, Outcome, Verdict

HOLDS = Record("fire burns", "HOLDS", "", "", {"heat": [1, 2.5]}, 3, 7, {"few": "few: 6 images"})


def test_a_record_survives_json():
    assert Record.from_json(HOLDS.to_json()) == HOLDS


def test_a_verdict_is_recorded_whole():
    verdict = Verdict(Claim("fire burns"), Outcome.HOLDS, Evidence({"heat": [1, 2.5]}, 3, 7))
    assert recorded(verdict, {"few": "few: 6 images"}) == HOLDS


def test_no_line_is_a_command_to_github():
    said = lines([Record("water is wet", "REFUTED", "layer ::stop-commands::x is dead ##[error]")], 40)
    assert not [line for line in said if line.strip().startswith("::") or "##[" in line]


def test_a_value_ends_no_property_of_a_junit_file():
    said = output(Record("water is wet", "REFUTED", "a]][[PROPERTY|redundancy_verdict=HOLDS]]"))
    assert said.count("[[PROPERTY|") == said.count("]]") == len(said.splitlines())


def test_a_claim_is_a_few_lines():
    assert lines([HOLDS], 80) == [
        "HOLDS         fire burns",
        "              not refuted in 3 configurations, 7 runs, on few",
        "              heat: 1 to 2.5",
        " data: few: 6 images",
    ]


@pytest.mark.parametrize(
    ("outcome", "configurations", "text"),
    [
        ("HOLDS", 1, "in 1 configuration, 7 runs, on few"),
        ("INCONCLUSIVE", 3, "in 3 configurations, 7 runs, on few"),
        ("REFUTED", 3, "in 3 configurations, 7 runs, on few"),
    ],
)
def test_only_a_search_that_found_nothing_is_not_refuted(outcome, configurations, text):
    shown = lines([replace(HOLDS, outcome=outcome, configurations=configurations)], 80)
    assert shown[1].strip() == text


def test_tables_are_aligned():
    record = Record("it grows", "HOLDS", measurements={"size": {"1": 10, "16": 2.5}, "kind": {"a": "x", "bcd": "yz"}})
    assert lines([record], 80)[1:] == [
        "              size:",
        "                1    10",
        "                16  2.5",
        "              kind:",
        "                a    x",
        "                bcd  yz",
    ]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_are_wrapped_to_the_width(width):
    record = replace(HOLDS, sentence="fire burns and " * 20, why="so it was " * 20, scope="at night " * 20)
    shown = lines([record], width)
    assert max(map(len, shown)) <= width
    assert all(line.startswith(" ") for line in shown[1:])


def test_an_error_says_only_why():
    assert lines([Record("it works", "ERROR", "OSError: no")], 80) == [
        "ERROR         it works",
        "              OSError: no",
    ]


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["HOLDS", "HOLDS"], "HOLDS"),
        (["HOLDS", "INCONCLUSIVE"], "INCONCLUSIVE"),
        (["REFUTED", "INCONCLUSIVE", "HOLDS"], "REFUTED"),
        (["REFUTED", "ERROR", "HOLDS"], "ERROR"),
    ],
)
def test_the_worst_outcome_wins(outcomes, worst):
    (record,) = merged(replace(HOLDS, outcome=outcome) for outcome in outcomes)
    assert record.outcome == worst
    assert record.configurations == 3 * len(outcomes)


def test_a_refuted_claim_shows_what_refuted_it():
    refuted = replace(HOLDS, outcome="REFUTED", measurements={"heat": [0, 0]})
    (record,) = merged([HOLDS, refuted])
    assert record.measurements == {"heat": [0, 0]}


def test_sentences_come_in_the_order_of_their_tests():
    first, second = replace(HOLDS, sentence="b", place=1), replace(HOLDS, sentence="a", place=2)
    assert merged([second, first]) == (first, second)
