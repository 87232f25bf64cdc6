"""What a verdict on a model says of its files, of what was required, and of where that is asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from command_line import called
from jsonschema import Draft202012Validator

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import redundancy.workbench  # noqa: F401
from redundancy.gate.resting import line_of
from redundancy.report.document import schema

ASKED = """no-duplicates = true
accuracy-loss = 0.02
output-difference = 1e-6
reference = "models/good.keras"
data = "data.npz"
"""
TEXT = '[tool.redundancy]\nmodels = "a"\nno-duplicates = true\n[tool.other]\nno-dead-units = 1\n' + (
    '[[tool.redundancy.overrides]]\nmodels = "a"\n[[ tool.redundancy . overrides ]]\n"no-duplicates" = false\n'
)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def found(team, capsys):
    """`found(names, text, *arguments)` gives the JSON of `redundancy check`, and the verdicts by test and model."""

    def run(names, text, *arguments):
        team(names, text)
        called(capsys, "check", "--", "--redundancy-json=out.json", *arguments)
        document = json.loads(Path("out.json").read_text("ascii"))
        return document, {verdict["test"].split("::")[1]: verdict for verdict in document["verdicts"]}

    return run


def test_the_json_has_the_digests_of_what_was_judged(found, tmp_path):
    document, verdicts = found("good twins", ASKED)
    files = {file["name"]: file["digest"] for file in document["session"]["files"]}
    assert files == {name: sha256(tmp_path / name) for name in ("data.npz", "models/good.keras", "models/twins.keras")}
    assert verdicts["test_no_duplicates[models/twins.keras]"]["files"] == ["models/twins.keras"]
    assert verdicts["test_outputs[models/twins.keras]"]["files"] == sorted(files)
    assert verdicts["test_accuracy_is_kept[models/twins.keras]"]["model"] == "models/twins.keras"
    assert list(Draft202012Validator(schema("verdicts")).iter_errors(document)) == []


def test_a_damaged_model_has_a_digest_too(found, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bad.keras").write_bytes(b"no model")
    document, verdicts = found("", "no-duplicates = true")
    assert verdicts["test_no_duplicates[models/bad.keras]"]["outcome"] == "ERROR"
    (file,) = document["session"]["files"]
    assert file["digest"] == sha256(tmp_path / "models" / "bad.keras")


def test_what_is_required_is_there_in_numbers(found):
    margin = {"what": "accuracy on data.npz", "claim": "not worse", "value": 0.02, "confidence": 0.95}
    text = f"{ASKED}tolerance = 100\nbox = [-1, 1]\nredundant-share = 0.5"
    _, verdicts = found("good near", text)
    said = {test: verdict["required"] for test, verdict in verdicts.items()}
    assert verdicts["test_accuracy_is_kept[models/near.keras]"]["outcome"] == "REFUTED"
    assert said["test_accuracy_is_kept[models/near.keras]"] == said["test_accuracy_is_kept[models/good.keras]"]
    assert said["test_accuracy_is_kept[models/good.keras]"] == [margin]
    share = {"what": "redundant-share", "claim": "at most", "value": 0.5, "confidence": None}
    assert said["test_redundant_share[models/good.keras]"] == [share]


def test_an_annotation_stands_where_the_claim_is_asked_for(team, capsys, monkeypatch):
    here = team("twins", "\nno-duplicates = true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(here))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    _, out, _ = called(capsys, "check")
    assert "::error file=pyproject.toml,line=4,title=REFUTED%3A no unit" in out


@pytest.mark.parametrize(
    ("key", "number", "line"), [("no-duplicates", 0, 3), ("no-duplicates", 2, 9), ("no-dead-units", 0, 0)]
)
def test_a_key_has_a_line(key, number, line):
    assert line_of(TEXT, key, number) == line


def test_models_are_counted_as_models(team, capsys):
    team("good another", "no-duplicates = true")
    assert "in 2 models" in called(capsys, "check")[1]


def test_a_data_set_with_a_name_is_told_with_its_digest(team, capsys):
    here = team("good", 'accuracy-loss = 0.02\ndata = "mnist-5k"')
    called(capsys, "check", "--", "--redundancy-json=out.json")
    document = json.loads((here / "out.json").read_text("ascii"))
    assert [(data["name"], len(data["digest"])) for data in document["session"]["data"]] == [("mnist-5k", 64)]
    assert document["verdicts"][0]["data"] == ["mnist-5k"]
