import json
import os
from hashlib import sha256

import pytest

from redundancy.errors import DataError
from redundancy.ledger import Book, Identity, Judgement, Ledger

IDENTITY = Identity("water is wet", "claim_water.py::test_wet", 0.8, 0.95, "c0de", {"keras": "3"}, "da7a")


def judgement(configuration="x=1", root=0, visit=1, successes=15, runs=15, outcome="HOLDS", allowed=60, **more):
    measurements = {"b": [1, 2], "a": "c"}
    return Judgement(configuration, root, visit, allowed, successes, runs, outcome, measurements=measurements, **more)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def written(ledger, *judgements):
    with ledger.opened(IDENTITY) as book:
        for one in judgements:
            book.add(one)
    return book.path


def reopened(ledger):
    with ledger.opened(IDENTITY) as book:
        return book


def test_what_is_written_is_found_as_it_was(ledger):
    written(ledger, judgement(), judgement("x=2", visit=2))
    found = reopened(ledger).found("x=1", 0, 60)
    assert found == judgement()
    assert list(found.measurements) == ["b", "a"]


@pytest.mark.parametrize("other", [("x=2", 0, 60), ("x=1", 1, 60), ("x=1", 0, 61)])
def test_another_question_has_no_answer(ledger, other):
    written(ledger, judgement())
    assert reopened(ledger).found(*other) is None


def test_another_identity_has_a_book_of_its_own(ledger):
    written(ledger, judgement())
    with ledger.opened(Identity("water is wet", "claim_water.py::test_wet", 0.9, 0.95)) as book:
        assert book.judgements == []


def test_visits_are_numbered_over_sessions(ledger):
    written(ledger, judgement("x=1", visit=1), judgement("x=2", visit=2))
    book = reopened(ledger)
    assert [book.visit(name) for name in ("x=2", "x=3", "x=1", "x=3", "x=4")] == [2, 3, 1, 3, 4]


def test_what_was_found_under_other_roots_adds_up(ledger):
    written(
        ledger, judgement(root=0, successes=10), judgement(root=1), judgement(root=1, runs=30, successes=20, allowed=90)
    )
    assert reopened(ledger).before("x=1", 2)[0] == (30, 45)
    assert reopened(ledger).before("x=1", 1)[0] == (10, 15)


def test_what_was_confirmed_under_other_roots_adds_up_by_itself(ledger):
    written(ledger, judgement(root=0, confirming=(1, 9)), judgement(root=1), judgement(root=2, confirming=(2, 3)))
    assert reopened(ledger).before("x=1", 7) == ((45, 45), (3, 12))


@pytest.mark.parametrize("cut", [2, 20, 200])
def test_a_line_that_was_cut_short_is_lost_and_no_other(ledger, cut):
    path = written(ledger, judgement("x=1"), judgement("x=2", visit=2))
    path.write_bytes(path.read_bytes()[:-cut])
    assert [one.configuration for one in reopened(ledger).judgements] == ["x=1"]
    written(ledger, judgement("x=3", visit=3))
    assert [one.configuration for one in reopened(ledger).judgements] == ["x=1", "x=3"]


def test_a_line_that_was_changed_is_not_believed(ledger):
    path = written(ledger, judgement(outcome="REFUTED"))
    path.write_text(path.read_text().replace("REFUTED", "HOLDS"))
    assert reopened(ledger).judgements == []


def test_another_format_is_left_alone(ledger):
    path = written(ledger, judgement())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(lines[0]), "format": 99}), *lines[1:]]) + "\n")
    with pytest.raises(DataError, match="format 99"):
        reopened(ledger)


@pytest.mark.parametrize("content", ["{}\n", "not JSON\n", '{"format": 1, "sentence": "fire burns"}\n', "\n"])
def test_a_file_about_something_else_is_not_added_to(ledger, content):
    path = written(ledger, judgement())
    path.write_text(content)
    with pytest.raises(DataError, match="remove it, and judge anew"):
        reopened(ledger)
    assert path.read_text() == content


MEANINGLESS = [
    {"outcome": "MAYBE"},
    {"runs": "15"},
    {"runs": 1, "successes": 2},
    {"successes": -1},
    {"root": True},
    {"visit": 0},
    {"confirming": None},
    {"confirming": [1]},
    {"confirming": [2, 1]},
    {"configuration": ["x=1"]},
    {"why": 7},
    {"when": 5},
    {"on_data": "no"},
    {"measurements": [1]},
    {"measurements": {"heat": [1]}},
    {"measurements": {"heat": {"fire": None}}},
]


@pytest.mark.parametrize("wrong", MEANINGLESS)
def test_a_judgement_that_means_nothing_is_passed_over(ledger, wrong):
    path = written(ledger, judgement("x=1"), judgement("x=2", visit=2))
    head, first, second = path.read_text().splitlines()
    said = {**json.loads(first)["judgement"], **wrong}
    line = json.dumps({"judgement": said, "digest": sha256(json.dumps(said).encode()).hexdigest()})
    path.write_text("\n".join([head, line, second]) + "\n")
    assert [one.configuration for one in reopened(ledger).judgements] == ["x=2"]


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000])
def test_a_line_that_cannot_be_read_is_passed_over(ledger, line):
    path = written(ledger, judgement("x=1"))
    head, first = path.read_text().splitlines()
    path.write_text("\n".join([head, line, first]) + "\n")
    assert [one.configuration for one in reopened(ledger).judgements] == ["x=1"]
    path.write_text(line)
    assert ledger.books() == []


@pytest.mark.parametrize("wrong", [{"sentence": 5}, {"at_least": "x"}, {"confidence": [1]}, {"versions": [1]}])
def test_a_first_line_that_means_nothing_is_passed_over(ledger, wrong):
    path = written(ledger, judgement())
    head, first = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), **wrong}), first]) + "\n")
    assert ledger.books() == []


def test_a_pipe_is_no_book(ledger):
    os.mkfifo(ledger.place / "x.jsonl")
    assert ledger.books() == []


def test_a_file_is_never_without_its_first_line(ledger, monkeypatch):
    """Whoever is killed before the first judgement is there leaves no file."""

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        written(ledger, judgement())
    monkeypatch.undo()
    assert ledger.books() == []
    assert reopened(ledger).judgements == []


def test_books_are_listed_by_sentence(ledger):
    written(ledger, judgement())
    with ledger.opened(Identity("fire burns", "claim_fire.py::test_burns", 0.8, 0.95)) as book:
        book.add(judgement())
    assert [book.identity.sentence for book in ledger.books()] == ["fire burns", "water is wet"]


def test_a_place_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="as the ledger"):
        Ledger(tmp_path / "file")


def test_in_memory_nothing_is_written():
    book = Book()
    book.add(judgement())
    assert book.found("x=1", 0, 60) == judgement()
