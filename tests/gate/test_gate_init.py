"""`redundancy init`: a configuration to begin with, and the rest of the file as it was."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from command_line import called, refused

from redundancy.gate.configuration import configuration

REST = '[project]\nname = "ours"  # a comment\n\n[tool.other]\nkey=1'


@pytest.fixture
def here(tmp_path, models, monkeypatch):
    """A directory with three models, and with files that are none."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.keras", "nets/b [1].keras", "nets/ü.keras", ".cache/c.keras", "env/d.keras", "build/e.keras"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(models / "good.keras", tmp_path / name)
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "weights.h5").write_bytes(b"no model")
    return tmp_path


def test_what_is_written_passes(here, capsys):
    code, out, err = called(capsys, "init")
    assert (code, err) == (0, "")
    assert out == "pyproject.toml: there is a [tool.redundancy] in it now, with 3 models; redundancy check tests them\n"
    asked = configuration(here / "pyproject.toml")
    assert [path.relative_to(here).as_posix() for path in asked.models] == [
        "a.keras",
        "nets/b [1].keras",
        "nets/ü.keras",
    ]
    assert called(capsys, "check")[0] == 0


@pytest.mark.parametrize(
    "rest", [REST, f"{REST}\n", REST.replace("\n", "\r\n"), "# nothing", "[tool.other]\nkey = nan\n"]
)
def test_the_rest_stays_as_it_is(here, capsys, rest):
    file = here / "pyproject.toml"
    file.write_bytes(rest.encode())
    file.chmod(0o640)
    assert called(capsys, "init")[0] == 0
    text = file.read_bytes().decode()
    assert text.startswith(rest)
    assert file.stat().st_mode & 0o777 == 0o640
    assert ("\r" in text) == ("\r" in rest)
    assert not re.search(r"(?<!\r)\n", text) or "\r" not in text


def test_what_is_a_comment_may_be_taken_in(here, capsys, models):
    called(capsys, "init")
    file = here / "pyproject.toml"
    taken = re.sub(r"^# (?=[a-z-]+ = |\[\[)", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(taken.replace("models/old-*.keras", "a.keras"))
    np.savez(here / "data.npz", x_train=np.zeros((9, 6)), x_test=np.zeros((9, 6)), y_test=np.zeros(9, int))
    shutil.copy(models / "good.keras", here / "reference.keras")
    asked = configuration(file)
    assert asked.asked(here / "a.keras").redundant_share == 0.3
    assert asked.asked(here / "nets/ü.keras").redundant_share == 0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.redundancy]\n", "there is a [tool.redundancy] in it already"),
        ("[tool.redundancy.more]\n", "there is a [tool.redundancy] in it already"),
        ("[tool", "it is no TOML"),
        ("tool = 3\n", "no table can be added to it"),
        ("tool = {other = 1}\n", "no table can be added to it"),
    ],
)
def test_what_cannot_be_added_to_is_refused(here, capsys, text, said):
    file = here / "pyproject.toml"
    file.write_text(text)
    assert f"pyproject.toml: {said}" in refused(called(capsys, "init"))
    assert file.read_text() == text


def test_where_there_is_no_model_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "there is no model file (.keras, .h5, .hdf5) below '" in refused(called(capsys, "init"))
    assert list(tmp_path.iterdir()) == []
