import pytest

from redundancy.cli import main
from redundancy.ledger import Identity, Judgement, Ledger


@pytest.fixture
def place(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    for sentence, outcome, successes in (("water is wet", "HOLDS", 15), ("fire is cold", "REFUTED", 0)):
        with ledger.opened(Identity(sentence, f"claim_{sentence[:4]}.py::test_it", 0.8, 0.95)) as book:
            book.add(Judgement("x=1", 3, 1, 60, successes, 15, outcome, when="2026-01-02T03:04:05+00:00"))
    return str(ledger.place)


def test_every_judgement_is_shown_under_its_claim(place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["ledger", "show", "--ledger", place]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fire is cold"
    (row,) = [line for line in lines if "HOLDS" in line]
    assert row.split() == ["2026-01-02T03:04:05Z", "3", "x=1", "HOLDS", "15", "15", "0.803", "to", "1.000"]


def test_a_part_of_a_sentence_chooses(place, capsys):
    assert main(["ledger", "show", "WATER", "--ledger", place]) == 0
    assert "fire" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["air"], "no claim with 'air' in it"), (["--ledger", "/nowhere"], "there is no ledger at")],
)
def test_what_is_not_there_is_said_in_one_line(place, capsys, arguments, text):
    where = [] if "--ledger" in arguments else ["--ledger", place]
    assert main(["ledger", "show", *arguments, *where]) == 2
    said = capsys.readouterr().err
    assert text in said
    assert said.count("\n") == 1
