"""Tables and annotations for GitHub, as text."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from redundancy.report.github import commands, escaped, summary
from redundancy.report.record import Record
from redundancy.report.results import Result, Session, Skipped

HOLDS = Result("a.py::test_a", Record("fire burns", "HOLDS", "", "at night", {}, 3, 7), False, "a.py", 3)
REFUTED = Result("a.py::test_b", Record("ice burns", "REFUTED", "it does not"), True, "a.py", 9)


def test_a_table_has_the_worst_first():
    assert summary(Session((HOLDS, REFUTED), (), 7, "quick")) == (
        "### Claims: 1 REFUTED, 1 HOLDS\n\n"
        "| verdict | claim | what was found |\n|---|---|---|\n"
        "| REFUTED | ice burns | it does not |\n"
        "| HOLDS | fire burns | not refuted in 3 configurations, 7 runs; at night |\n"
        "\nroot seed 7, profile quick, INCONCLUSIVE: warn\n\n"
    )


@pytest.mark.parametrize(
    "text", ["a | b", "`a`", "<img src=x>", "a\nb\r\nc", "[a](b)", "**a**", "\\|", "&lt;", "\x00\x1b"]
)
def test_nothing_is_markup(text):
    cell = escaped(text)
    assert not re.search(r"[|`<>\n\r\[\]*\\]", cell)
    assert not re.search(r"&(?!#\d+;)", cell)


def test_a_table_never_takes_more_than_its_room():
    many = Session(tuple(replace(HOLDS, record=replace(HOLDS.record, sentence=f"é {n}")) for n in range(50)))
    whole = len(summary(many).encode())
    for room in (0, 100, 400, 1000, 2000, whole - 1):
        assert len(summary(many, room).encode()) <= room
    assert "| | and 47 more, for which there is no room | |" in summary(many, 440)
    assert " more, " not in summary(many, whole + 100)


def test_claims_that_were_skipped_are_counted():
    assert "\nskipped: 2; root seed 0" in summary(Session((HOLDS,), (Skipped("a", "a"), Skipped("b", "b"))))


def test_an_annotation_points_at_its_test_and_breaks_no_line():
    bad = replace(REFUTED, record=replace(REFUTED.record, sentence="a, b: 5%", why="10%\r\nof x::y"))
    (line,) = commands(Session((HOLDS, bad)), Path("/w/repo"), Path("/w"))
    assert line == "::error file=repo/a.py,line=9,title=REFUTED%3A a%2C b%3A 5%25::10%25 of x::y"


def test_a_file_outside_of_the_workspace_is_not_named():
    (line,) = commands(Session((REFUTED,)), Path("/w"), Path("/elsewhere"))
    assert line.startswith("::error title=REFUTED")
