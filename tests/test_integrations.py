"""The GitHub Action and the pre-commit hook: each step is run here as it stands, with what it calls replaced."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from redundancy.cli import _parser

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github" / "actions" / "check"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
SCRIPTS = [step for step in STEPS if "run" in step]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
(HOOK,) = yaml.safe_load(HOOKS.read_text())


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Replaces commands by one that takes down its words, a line each, and ends with a code."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def replaced(command, code=0):
        words = tmp_path / f"{command}.txt"
        script = folder / command
        script.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {shlex.quote(str(words))}\nexit {code}\n")
        script.chmod(0o755)
        return words

    return replaced


def run(step, tmp_path, **inputs):
    """Runs a step as GitHub does, with inputs that differ from their defaults."""
    values = {name: given["default"] for name, given in ACTION["inputs"].items()} | inputs
    own = {name: re.sub(r"\$\{\{ inputs\.(\S+) \}\}", lambda found: values[found[1]], text)
           for name, text in step.get("env", {}).items()}  # fmt: skip
    given = {"GITHUB_ACTION_PATH": str(FOLDER), "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "out")}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(shell, env={**os.environ, **given, **own}, check=False, capture_output=True, text=True)


def test_every_input_is_declared_and_used():
    text = (FOLDER / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    assert all({"description", "default"} == set(given) for given in ACTION["inputs"].values())


def test_the_workflow_of_this_repository_gives_what_there_is():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    steps = [step for step in jobs["gate"]["steps"] if step.get("uses") == "./.github/actions/check"]
    assert len(steps) == 2
    assert all(set(step["with"]) <= set(ACTION["inputs"]) for step in steps)
    assert all((ROOT / step["with"]["config"]).exists() for step in steps)


def test_every_output_comes_from_a_step_that_writes_it():
    for name, output in ACTION["outputs"].items():
        step, wanted = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", output["value"]).groups()
        (script,) = (step_["run"] for step_ in STEPS if step_.get("id") == step)
        assert wanted == name
        assert f'echo "{name}=' in script


def test_every_step_says_what_it_is():
    assert all(("uses" in step) != ("run" in step) for step in STEPS)
    assert all(re.search(r"@v\d+$", step["uses"]) for step in STEPS if "uses" in step)
    assert [step["shell"] for step in SCRIPTS] == ["bash"] * len(SCRIPTS)


def test_no_input_becomes_a_part_of_a_script():
    assert not any("${{" in step["run"] for step in SCRIPTS)


@pytest.mark.parametrize("step", SCRIPTS, ids=lambda step: step["name"])
def test_every_script_is_one(step):
    subprocess.run(["bash", "-n", "-c", step["run"]], check=True)


def test_the_package_is_installed_from_where_the_action_lies(called, tmp_path):
    words = called("python")
    assert run(SCRIPTS[0], tmp_path).returncode == 0
    *before, place = words.read_text().splitlines()
    assert before == ["-m", "pip", "install", "--quiet"]
    assert Path(place).resolve() == ROOT


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["pyproject.toml", []]),
        ({"config": "my models/a.toml"}, ["my models/a.toml", []]),
        ({"arguments": "-k\ndead or $HOME; `id`\n\n-n2\n"}, ["pyproject.toml", ["-k", "dead or $HOME; `id`", "-n2"]]),
    ],
)
def test_the_command_gets_the_inputs_as_they_are(called, tmp_path, inputs, words):
    seen = called("redundancy")
    done = run(SCRIPTS[1], tmp_path, **inputs)
    assert (done.returncode, done.stderr) == (0, "")
    json = f"{tmp_path}/redundancy-verdicts.json"
    assert seen.read_text().splitlines() == [
        "check",
        "--config",
        words[0],
        "--",
        f"--redundancy-json={json}",
        *words[1],
    ]
    assert (tmp_path / "out").read_text() == f"verdicts={json}\n"


def test_the_code_of_the_command_is_that_of_the_step(called, tmp_path):
    called("redundancy", 2)
    assert run(SCRIPTS[1], tmp_path).returncode == 2


def test_the_command_is_one_of_the_program():
    words = re.search(r"^redundancy (.*?) -- ", SCRIPTS[1]["run"], re.MULTILINE)[1]
    assert vars(_parser().parse_args(shlex.split(words)))["config"] == Path("$CONFIG")
    assert _parser().parse_args(shlex.split(HOOK["entry"])[1:])


def test_the_manifest_is_valid():
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)], check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A team's repository that has the hook, without the environment that pre-commit would make for it."""
    place = tmp_path / "team"
    place.mkdir()
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.chdir(place)
    hook = {**HOOK, "language": "system"}
    Path(".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": [hook]}]}))
    subprocess.run(["git", "init", "-q"], check=True)
    return place


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("nets/model.keras", True),
        ("old.h5", True),
        ("pyproject.toml", True),
        ("keras.py", False),
        ("a.keras.md", False),
    ],
)
def test_the_hook_asks_where_a_model_or_its_claims_change(repository, called, name, asked):
    words = called("redundancy", 1)
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("something")
    subprocess.run(["git", "add", "."], check=True)
    done = subprocess.run([sys.executable, "-m", "pre_commit", "run", "--files", name], check=False)
    assert done.returncode == (1 if asked else 0)
    assert words.exists() == asked
    assert not asked or words.read_text().splitlines() == ["check"]
