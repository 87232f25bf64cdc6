"""The sample repository of a team: what its gate lets pass, what it stops, and why."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest
from command_line import called, refused

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import redundancy.workbench  # noqa: F401

EXAMPLE = Path(__file__).parent.parent / "examples" / "team"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The example, with its models."""
    where = tmp_path_factory.mktemp("examples") / "team"
    shutil.copytree(EXAMPLE, where, ignore=shutil.ignore_patterns("models", "__pycache__"))
    runpy.run_path(str(where / "make_models.py"))["main"](where / "models")
    return where


@pytest.fixture
def team(made, tmp_path, monkeypatch):
    """A copy of it, entered."""
    shutil.copytree(made, tmp_path / "team")
    monkeypatch.chdir(tmp_path / "team")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "team"


def test_the_good_model_passes(team, capsys):
    code, out, _ = called(capsys, "check", "--", "-k", "good")
    assert (code, "5 passed" in out) == (0, True)


def test_the_others_fail_for_what_is_wrong_with_them(team, capsys):
    code, out, _ = called(capsys, "check")
    assert (code, "3 failed, 11 passed" in out) == (1, True)
    assert "models/twins.keras: 4 of 28 units of hidden are duplicate (proved): h24 = h0, h25 = h1, h26 = h2" in out
    assert "models/twins.keras: a share of 0.143 of its parameters is redundant, and 0.01 may be" in out
    assert "Refuted: models/near.keras: accuracy on mnist-5k 0.1 after 0.9" in out
    assert "models/good.keras: " not in out


def test_what_is_known_passes(team, capsys):
    assert called(capsys, "check", "--update-baseline")[0] == 0
    assert called(capsys, "check")[0] == 0


def test_its_own_tests_say_the_same(team):
    assert pytest.main(["-q", "-p", "no:cacheprovider", "-k", "not twins", "tests"]) == 0
    assert pytest.main(["-q", "-p", "no:cacheprovider", "tests"]) == 1


@pytest.mark.parametrize(
    ("text", "instead", "said"),
    [
        ("no-duplicates", "no-duplicate", "no-duplicate: there is no such key (did you mean no-duplicates?)"),
        ("0.01\nacc", "1%\nacc", "it is no TOML ("),
        ("models/*.keras", "model/*.keras", "models: 'model/*.keras' matches no file"),
        ('data = "mnist-5k"', "", "[tool.redundancy] accuracy-loss: it needs data: set data = "),
        ("models/good.keras", "models/better.keras", "reference: there is no file 'models/better.keras'"),
        ("tolerance = 100", "tolerance = true", "[[tool.redundancy.overrides]] 1 tolerance: true is no number"),
    ],
)
def test_a_malformed_configuration_is_one_line(team, capsys, text, instead, said):
    file = team / "pyproject.toml"
    before = file.read_text()
    assert text in before
    file.write_text(before.replace(text, instead))
    line = refused(called(capsys, "check"))
    assert line.startswith(f"redundancy: error: {file}: ")
    assert said in line
