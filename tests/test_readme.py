"""What the README shows works as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from redundancy.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EVERY = re.findall(r"^\$ redundancy (.*)$", README, re.MULTILINE)
ZOO = [command for command in EVERY if command.startswith("zoo ")]
COMMANDS = [command for command in EVERY if command not in ZOO]
ZOO_COMMANDS = ("zoo list", "zoo show", "zoo clear", "zoo train")
CLAIM, TRAINING, COMPACTION, PAIRED = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


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


@pytest.fixture
def model(tmp_path):
    """A model file; Keras is loaded before pytester notes what is, and makes Python forget the rest."""
    import keras

    layers = keras.layers
    keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)]).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_two_model_files_are_compared(model, pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("model.keras", "small.keras"):
        shutil.copy(model, pytester.path / name)
    result = pytester.runpytest_subprocess(pytester.makepyfile(test_small=PAIRED), "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"HOLDS +the small network costs less", r".*second lower by less than 0\.01"])


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


def test_networks_are_trained_and_listed_as_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (recipe,) = re.findall(r"`(\{\"architecture\".*?)`;", README)
    Path("recipe.json").write_text(recipe.replace('"steps": 100', '"steps": 1'))
    assert [command.split()[1] for command in ZOO] == ["train", "list"]
    for command in ZOO:
        assert main(shlex.split(command.replace("0:40", "0:3"))) == 0
        shown = README.split(f"$ redundancy {command}\n")[1].split("\n```")[0].split("\n\n$")[0].splitlines()
        said = capsys.readouterr().out.splitlines()
        assert [line[:8] for line in shown if line[:1].islower()] == [line[:8] for line in said if line[:1].islower()]


def test_every_file_that_is_linked_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_options_that_are_named_are_there(capsys):
    sections = {
        "Redundancy out of a model": ("audit", "compact", "prune"),
        "Trained networks": ZOO_COMMANDS,
        "The models of a repository": ("check", "init"),
    }
    pytests = {"--redundancy-cluster", "--redundancy-model"}
    for title, commands in sections.items():
        for command in commands:
            with pytest.raises(SystemExit):
                main([*command.split(), "--help"])
        known = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", capsys.readouterr().out))
        section = README.split(f"## {title}")[1].split("\n## ")[0]
        assert set(re.findall(r"--[a-z]+(?:-[a-z]+)*", section)) - pytests <= known


def test_every_option_of_pytest_is_in_the_table():
    from redundancy.plugin.options import OPTIONS

    table = README.split("## Options")[1].split("\n## ")[0]
    named = re.findall(r"^\| `--redundancy-(\w+)` \| `redundancy_\w+` \|", table, re.MULTILINE)
    assert sorted(named) == sorted([*OPTIONS, "model"])


@pytest.mark.parametrize("command", ["-e properties", "-e py\n"])
def test_the_two_commands_are_there(command):
    assert f"pip install -q tox && .venv/bin/tox run {command}" in README
