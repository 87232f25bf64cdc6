"""What the README shows works as it stands there."""

import re
import shlex
from pathlib import Path

import pytest

from redundancy.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^\$ redundancy (.*)$", README, re.MULTILINE)
CLAIM, TRAINING, COMPACTION = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_claim_holds(pytester, tmp_path):
    path = pytester.makepyfile(claim_wider_is_better=CLAIM)
    result = pytester.runpytest_subprocess(path, "--redundancy-store", tmp_path, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"=+ claims =+", r"HOLDS +twice as many hidden units"])


def test_a_model_file_is_compacted(tmp_path, monkeypatch, capsys):
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(8, (3, 1)), layers.Flatten(), layers.Dense(10)])
    model.save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    exec(COMPACTION, {})
    small = keras.saving.load_model(tmp_path / "small.keras")
    assert small.layers[0].filters == 3
    assert "dependent" in capsys.readouterr().out


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The directory in which the network of the README was trained, in one epoch."""
    directory = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        exec(TRAINING.replace("epochs=10", "epochs=1").replace("x=digits.x_train)", "x=digits.x_train[:300])"), {})
    return directory


def test_the_commands_are_shown():
    assert [command.split()[0] for command in COMMANDS] == ["audit", "compact"]


def words(lines):
    """The lines in which nothing depends on how long a network was trained, with single blanks."""
    return [" ".join(line.split()) for line in lines if not re.search(r"\d|---", line)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_does_what_is_shown(trained, monkeypatch, capsys, command):
    monkeypatch.chdir(trained)
    assert main(shlex.split(command)) == 0
    shown = README.split(f"$ redundancy {command}\n")[1].split("\n```")[0].splitlines()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == shown[0]
    assert set(words(shown)) <= set(words(said))


def test_every_file_that_is_linked_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_options_that_are_named_are_there(capsys):
    for command in ("audit", "compact"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
    known = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", capsys.readouterr().out))
    section = README.split("## Redundancy out of a model")[1].split("\n## ")[0]
    assert set(re.findall(r"--[a-z]+(?:-[a-z]+)*", section)) <= known


@pytest.mark.parametrize("command", ["-e properties", "-e py\n"])
def test_the_two_commands_are_there(command):
    assert f"pip install -q tox && .venv/bin/tox run {command}" in README
