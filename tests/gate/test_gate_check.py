"""`redundancy check`, as a team calls it: what holds, what fails and why, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import called, refused

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import redundancy.workbench  # noqa: F401
from redundancy import gate
from redundancy.gate import claims
from redundancy.plugin.models import Gate

ALL = """
no-duplicates = true
no-dead-units = true
redundant-share = 0
accuracy-loss = 0.02
output-difference = 1e-6
reference = "models/good.keras"
data = "data.npz"
"""


def verdicts(out):
    """The outcome of each sentence, and all that was said."""
    lines = out[out.index("= claims =") :].splitlines()
    return {line[14:]: line.split()[0] for line in lines[1:] if line[:1].isupper()}


def test_a_good_model_passes(team, capsys):
    team("good", ALL)
    code, out, err = called(capsys, "check")
    assert (code, err) == (0, "")
    assert set(verdicts(out).values()) == {"HOLDS"}
    assert len(verdicts(out)) == 5
    assert "5 passed" in out


def test_a_model_with_duplicates_fails(team, capsys):
    team("good twins", "no-duplicates = true\nno-dead-units = true")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "models/twins.keras: 2 of 8 units of hidden are duplicate (proved): h3 = h0, h5 = h0" in out
    assert verdicts(out) == {
        "no unit of a model is an exact duplicate of another one": "REFUTED",
        "no unit of a model is dead": "HOLDS",
    }


def test_a_dead_unit_fails(team, capsys):
    team("dead", "no-dead-units = true")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "models/dead.keras: 1 of 8 units of hidden is dead (proved): h7 = 0\n" in out


def test_too_much_redundancy_fails(team, capsys):
    team("dead twins", "redundant-share = 0.2")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "models/twins.keras: a share of 0.241 of its parameters is redundant, and 0.2 may be" in out
    assert "1 failed, 1 passed" in out


LOSSY = 'accuracy-loss = 0.02\ndata = "data.npz"\nbox = [-1, 1]\ntolerance = 20\n'


def test_a_compaction_that_loses_accuracy_fails(team, capsys):
    team("near good", LOSSY)
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "1 failed, 1 passed" in out
    assert (
        "Refuted: models/near.keras: accuracy on data.npz 0.2833 after 1: of 600 images only the first gets 430 right"
        in out
    )


def test_the_same_without_a_tolerance_passes(team, capsys):
    team("near", 'accuracy-loss = 0.02\ndata = "data.npz"\n')
    assert called(capsys, "check")[0] == 0


@pytest.mark.parametrize(("policy", "code"), [("", 0), ('inconclusive = "fail"', 1)])
def test_a_margin_that_the_data_cannot_show_is_inconclusive(team, capsys, policy, code):
    team("near", LOSSY.replace("0.02", "0.001") + policy)
    result, out, _ = called(capsys, "check")
    assert result == code
    assert set(verdicts(out).values()) == {"INCONCLUSIVE"}
    assert "nothing was computed" in out


@pytest.mark.parametrize("data", ['data = "data.npz"\n', ""])
def test_other_outputs_fail(team, capsys, data):
    team("good another", 'output-difference = 0.01\nreference = "models/good.keras"\n' + data)
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "models/another.keras: outputs differ by 0.5 of the largest one, and 0.01 may be" in out


def test_what_is_redundant_on_the_data_counts_where_that_is_asked_for(team, capsys):
    import keras

    where = team("good", 'no-dead-units = true\ndata = "data.npz"\n')
    model = keras.saving.load_model(where / "models/good.keras")
    kernel, bias, top, offset = model.get_weights()
    bias[2] = -100  # which no row outweighs, but some input would
    model.set_weights([kernel, bias, top, offset])
    model.save(where / "models/good.keras")
    assert called(capsys, "check")[0] == 0
    team("", 'no-dead-units = true\non-data = true\ndata = "data.npz"\n')
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "1 of 8 units of hidden is dead (on data): h2 = 0" in out


def test_each_model_has_margins_of_its_own(team, capsys):
    more = '[[tool.redundancy.overrides]]\nmodels = "models/twins.keras"\nno-duplicates = false\n'
    team("good twins", f"no-duplicates = true\nno-dead-units = true\n{more}")
    code, out, _ = called(capsys, "check")
    assert code == 0
    assert "3 passed, 1 deselected" in out


@pytest.mark.parametrize(
    ("passed", "code", "said"),
    [
        (["-k", "dead"], 0, "1 passed"),
        (["-x", "-k", "twins"], 1, "1 failed"),
        (["-k", "twins", "--tb=no", "-v"], 1, "1 failed"),
    ],
)
def test_what_follows_is_for_pytest(team, capsys, passed, code, said):
    team("twins", "no-duplicates = true\nno-dead-units = true")
    result, out, _ = called(capsys, "check", "--", *passed)
    assert (result, said in out) == (code, True)


@pytest.mark.parametrize("passed", [["-k", "nothing"], ["--collect-only"], ["--setup-plan"]])
def test_a_selection_of_nothing_is_no_success(team, capsys, passed):
    team("twins", "no-duplicates = true")
    code, _, err = called(capsys, "check", "--", *passed)
    assert code == 2
    assert (
        err
        == "redundancy: error: no claim was tested: what comes after -- selects none; choose others, or leave it out\n"
    )


def test_what_pytest_does_not_know_is_a_wrong_argument(team, capsys):
    team("twins", "no-duplicates = true")
    assert called(capsys, "check", "--", "--no-such-option")[0] == 2


def test_an_option_of_pytest_without_the_dashes_before_it_is_told_where_it_belongs(team, capsys):
    team("good", "no-duplicates = true")
    assert "there is no option -k; options of pytest come after --" in refused(called(capsys, "check", "-k", "good"))


def test_a_path_belongs_in_the_configuration(team, capsys):
    team("twins", "no-duplicates = true")
    line = refused(called(capsys, "check", "models/twins.keras"))
    assert "'models/twins.keras': unexpected" in line


def test_an_interrupt_is_no_verdict(team, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("redundancy.gate.subject.loaded", interrupted)
    team("good", "no-duplicates = true")
    code, _, err = called(capsys, "check")
    assert code == 130
    assert err.endswith("redundancy: interrupted\n")


def test_what_breaks_inside_pytest_is_a_mistake(team, capsys, monkeypatch):
    monkeypatch.setattr("redundancy.plugin.models.Gate.pytest_sessionfinish", lambda _: 1 / 0)
    team("good", "no-duplicates = true")
    assert called(capsys, "check")[0] == 70


def test_a_damaged_model_is_one_line(team, capsys):
    where = team("good", "no-duplicates = true\nno-dead-units = true")
    (where / "models/bad.keras").write_bytes(b"PK\x03\x04 and no more")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "2 passed, 2 errors" in out
    assert f"cannot use the model '{where}/models/bad.keras': " in out
    assert "Traceback" not in out
    assert "subject.py" not in out


def test_what_a_model_does_not_support_is_one_line(team, capsys):
    where = team("good", 'accuracy-loss = 0.02\ndata = "other.npz"')
    import numpy as np

    np.savez(where / "other.npz", x_test=np.zeros((90, 5)), y_test=np.zeros(90, int))
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "x_test has shape (90, 5), but the model reads x (n, 6)" in out
    assert "keeping.py" not in out


def tree(where):
    return {path: path.stat().st_mtime_ns for path in where.rglob("*")}


def test_a_project_of_its_own_kind_changes_nothing_and_is_not_changed(team, capsys, monkeypatch, tmp_path_factory):
    where = team("good", "no-duplicates = true", head='[tool.pytest.ini_options]\naddopts = "--nonsense"\n')
    (where / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\ntestpaths = none\npython_functions = none_*\n")
    (where / "conftest.py").write_text("1 / 0\n")
    (where / "test_own.py").write_text("def test_own():\n    assert False\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-m none")
    # As in an environment that is a directory of the project.
    (where / "env").mkdir()
    (where / "env/redundancy").symlink_to(Path(claims.__file__).parent.parent)
    monkeypatch.setattr(claims, "__file__", str(where / "env/redundancy/gate/claims.py"))
    before = tree(where)
    for directory in (where, where / "models", tmp_path_factory.mktemp("elsewhere")):
        monkeypatch.chdir(directory)
        code, out, _ = called(capsys, "check", "--config", where / "pyproject.toml")
        assert (code, "1 passed" in out) == (0, True)
    assert tree(where) == before
    assert not Path(gate.__file__).with_name(".pytest_cache").exists()


def test_layers_of_ones_own_are_imported(team, capsys):
    import keras

    where = team("good", 'no-duplicates = true\nimports = ["our_layers"]')
    (where / "our_layers.py").write_text(
        "import keras\n\n@keras.saving.register_keras_serializable('ours')\nclass Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n        return 2 * x\n"
    )
    sys.path.insert(0, str(where))
    import our_layers

    x = keras.Input((6,))
    keras.Model(x, keras.layers.Dense(3)(our_layers.Twice()(x))).save(where / "models/ours.keras")
    sys.path.remove(str(where))
    del sys.modules["our_layers"]
    keras.saving.get_custom_objects().clear()
    code, out, _ = called(capsys, "check")
    assert (code, "2 passed" in out) == (0, True)


class Interrupted(KeyboardInterrupt):
    """As pytest-xdist has one of its own."""


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(pytest.Session.Interrupted("one failed"), 1), (Interrupted("as by xdist"), 1), (KeyboardInterrupt(), 130)],
)
def test_a_stop_that_nobody_pressed_is_no_interrupt(team, capsys, monkeypatch, outcome, code):
    """Among several processes, -x ends pytest as an interrupt does."""
    team("good", "no-duplicates = true")

    def stopped(_, plugins):
        plugins[0].pytest_keyboard_interrupt(SimpleNamespace(value=outcome))
        return pytest.ExitCode.INTERRUPTED

    monkeypatch.setattr(pytest, "main", stopped)
    assert called(capsys, "check")[0] == code


def known(where):
    return json.loads((where / "redundancy-baseline.json").read_text())["models"]


TWINS = {"no-duplicates": [{"space": "hidden", "notion": "duplicate", "units": [3, 5]}]}


def test_what_is_known_passes_and_what_is_new_fails(team, capsys):
    where = team("good twins", "no-duplicates = true\nredundant-share = 0.1")
    code, out, _ = called(capsys, "check", "--update-baseline")
    assert code == 0
    assert "redundancy-baseline.json: 3 findings, which are known from now on" in out
    assert known(where) == {"models/twins.keras": {**TWINS, "redundant-share": 0.241}}
    before = tree(where)
    code, out, _ = called(capsys, "check")
    assert code == 0
    assert "but for 2 units of models/twins.keras, which is known" in " ".join(out.split())
    assert tree(where) == before
    (where / "models/twins.keras").rename(where / "models/new.keras")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "2 failed, 2 passed" in out
    assert known(where) == {"models/twins.keras": {**TWINS, "redundant-share": 0.241}}


def test_what_is_gone_is_no_longer_known(team, capsys, models):
    where = team("twins dead", "no-duplicates = true\nno-dead-units = true")
    called(capsys, "check", "--update-baseline")
    (where / "models/twins.keras").write_bytes((models / "good.keras").read_bytes())
    (where / "models/dead.keras").write_bytes((models / "good.keras").read_bytes())
    _, out, _ = called(capsys, "check", "--", "-k", "test_no_duplicates")
    assert "redundancy-baseline.json: 1 findings, where there were 3: the others are gone, or smaller" in out
    assert list(known(where)) == ["models/dead.keras"]
    assert called(capsys, "check")[0] == 0
    assert known(where) == {}
    (where / "models/twins.keras").write_bytes((models / "twins.keras").read_bytes())
    assert called(capsys, "check")[0] == 1


def test_a_loss_that_is_known_passes(team, capsys):
    where = team("near", LOSSY)
    assert called(capsys, "check", "--update-baseline")[0] == 0
    assert known(where) == {"models/near.keras": {"accuracy-loss": 0.717}}
    assert called(capsys, "check")[0] == 0
    file = where / "redundancy-baseline.json"
    file.write_text(file.read_text().replace("0.717", "0.5"))
    assert called(capsys, "check")[0] == 1


def test_a_baseline_that_cannot_be_tightened_is_told(team, capsys, monkeypatch, models):
    where = team("twins", "no-duplicates = true")
    called(capsys, "check", "--update-baseline")
    (where / "models/twins.keras").write_bytes((models / "good.keras").read_bytes())

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("redundancy.output._publish", read_only)
    code, out, _ = called(capsys, "check")
    assert code == 0
    assert "the baseline stays as it is: cannot write " in out
    assert known(where) == {"models/twins.keras": TWINS}


def test_a_baseline_that_cannot_be_written_is_one_line(team, capsys):
    team("twins", 'no-duplicates = true\nbaseline = "none/known.json"')
    assert "cannot write " in refused(called(capsys, "check", "--update-baseline"))


def test_a_malformed_baseline_is_one_line(team, capsys):
    where = team("twins", "no-duplicates = true")
    (where / "redundancy-baseline.json").write_text("{")
    assert "redundancy-baseline.json: it is no baseline (no JSON: " in refused(called(capsys, "check"))


def test_workers_find_the_same_and_one_process_writes(team):
    where = team("good twins", "no-duplicates = true\nno-dead-units = true")
    command = [sys.executable, "-m", "redundancy", "check", "--update-baseline", "--", "-n", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "4 passed" in done.stdout) == (0, True)
    assert known(where) == {"models/twins.keras": TWINS}


def test_a_worker_writes_nothing():
    lines, worker = [], Gate(SimpleNamespace(workerinput={}))
    worker._now = {"models/twins.keras": {}}
    worker.pytest_sessionfinish()  # which would ask for the baseline, and there is none to be asked
    worker.pytest_terminal_summary(SimpleNamespace(write_line=lambda line, **_: lines.append(line)))
    assert lines == []
