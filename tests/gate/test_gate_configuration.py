"""What [tool.redundancy] may say, and what is said of it where that is wrong: one line, before any model is loaded."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from command_line import called, refused

from redundancy.errors import OptionError
from redundancy.gate.configuration import Configuration, configuration, found
from redundancy.gate.settings import CLAIMS, OF_MODELS, UNSAID, Asked, attribute


@pytest.fixture
def team(tmp_path, monkeypatch):
    """A repository with model files, none of which is a model, and with data."""
    for name in ("models/a.keras", "models/b.keras", "models/old/c.h5", "reference.keras", "models/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    np.savez(tmp_path / "data.npz", x_train=np.zeros((2, 3)), x_test=np.zeros((2, 3)), y_test=np.zeros(2, int))
    np.savez(tmp_path / "bare.npz", x=np.zeros((2, 3)))
    (tmp_path / "broken.npz").write_text("no arrays")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(team, text, models='models = "models/*.keras"\n'):
    file = team / "pyproject.toml"
    file.write_text(f"[tool.redundancy]\n{models}{text}")
    return file


def read(team, text, **options):
    return configuration(write(team, text, **options))


def test_every_key_is_an_attribute():
    assert {attribute(key) for key in OF_MODELS} == {each.name for each in fields(Asked)}
    assert set(CLAIMS) <= set(OF_MODELS)


def test_paths_count_from_the_file(team, monkeypatch):
    file = write(team, 'no-duplicates = true\ndata = "data.npz"\nbaseline = "known.json"\n')
    monkeypatch.chdir("/")
    asked = configuration(file)
    assert asked.models == (team / "models/a.keras", team / "models/b.keras")
    assert asked.asked(asked.models[0]).data == str(team / "data.npz")
    assert asked.baseline == team / "known.json"


def test_the_last_override_that_speaks_of_a_model_counts(team):
    asked = read(
        team,
        """
        no-duplicates = true
        redundant-share = 0.1
        [[tool.redundancy.overrides]]
        models = "models/*.keras"
        redundant-share = 0.2
        [[tool.redundancy.overrides]]
        models = ["models/b.keras"]
        redundant-share = false
        """,
        models='models = ["models/**/*.keras", "models/old/*.h5"]\n',
    )
    shares = {model.name: asked.asked(model).redundant_share for model in asked.models}
    assert shares == {"a.keras": 0.2, "b.keras": None, "c.h5": 0.1}


def test_where_nothing_is_said_what_needs_no_margin_is_asked(team):
    assert Configuration(team).asked(team / "models/a.keras") == UNSAID


def test_the_file_is_looked_for_upwards(team):
    file = write(team, "no-duplicates = true\n")
    (team / "models/pyproject.toml").write_text("[tool.other]\n")
    assert found(team / "models/old") == file
    file.write_text("")
    assert found(team) != file


MALFORMED = [
    ("[tool.redundancy", "it is no TOML (Expected ']' at the end of a table declaration "),
    ("", "there is no [tool.redundancy] in it"),
    ("tool.redundancy = 1", "[tool.redundancy]: 1 is no table"),
    ("[[tool.redundancy]]", "[tool.redundancy]: [{}] is no table"),
    ("[tool.redundancy]", "[tool.redundancy] models: it is missing"),
    ("[tool.redundancy]\nmodels = []", "[tool.redundancy] models: [] is no list of texts"),
    ("[tool.redundancy]\nmodels = [1]", "[tool.redundancy] models: [1] is no list of texts"),
    ("[tool.redundancy]\nmodels = 'none/*.keras'", "models: 'none/*.keras' matches no file, looked for in '"),
    ("[tool.redundancy]\nmodels = 'none.keras'", "models: there is no file 'none.keras', looked for in '"),
    ("[tool.redundancy]\nmodels = 'models'", "models: 'models' names directories and no file"),
    ("[tool.redundancy]\nmodels = 'models/*'", "models: 'models/*' names 'notes.txt', which is no model file by its"),
    ("[tool.redundancy]\nmodels = 'models/notes.txt'", "models: 'models/notes.txt' names 'notes.txt', which is no"),
    ('[tool.redundancy]\nmodels = "a\\u0000"', "models: there is no file 'a\\x00'"),
]


@pytest.mark.parametrize(("text", "said"), MALFORMED)
def test_what_is_malformed_is_one_line(team, capsys, text, said):
    (team / "pyproject.toml").write_text(text)
    line = refused(called(capsys, "check", "--config", "pyproject.toml"))
    assert line.startswith("redundancy: error: pyproject.toml: ")
    assert said in line


WRONG = [
    ("no-duplicate = true", "[tool.redundancy] no-duplicate: there is no such key (did you mean no-duplicates?)"),
    ("no_duplicates = true", "no_duplicates: there is no such key (did you mean no-duplicates?)"),
    ('"a\\nb" = true', "[tool.redundancy] 'a\\nb': there is no such key"),
    ("no-duplicates = 1", "no-duplicates: 1 is neither true nor false"),
    ('no-dead-units = "yes"', "no-dead-units: 'yes' is neither true nor false"),
    ("redundant-share = 1.5", "redundant-share: 1.5 is no share; write a number from 0 to 1"),
    ("redundant-share = true", "redundant-share: true is no number"),
    ("redundant-share = nan", "redundant-share: nan is no number"),
    ('redundant-share = "5%"', "redundant-share: '5%' is no number"),
    ("accuracy-loss = 0", "accuracy-loss: 0 is no margin of an accuracy"),
    ("accuracy-loss = 1e-16", "accuracy-loss: 1e-16 is no margin of an accuracy; write a number from 1e-08 up"),
    (f"redundant-share = {'9' * 400}", "... is no number"),
    (f"box = [0, {'9' * 400}]", "... is no number"),
    ("output-difference = -1", "output-difference: -1 is no difference"),
    ("output-difference = inf", "output-difference: inf is no number"),
    ("confidence = 95", "confidence: 95 is no confidence"),
    ("confidence = false", "confidence: false is no number"),
    ("tolerance = -0.5", "tolerance: -0.5 is no tolerance"),
    ("box = [1, 0]", "box: [1, 0] is no pair of bounds"),
    ("box = [0]", "box: [0] is no pair of bounds"),
    ("data = 3", "data: 3 is no text"),
    ("data = 'mnist-5'", "data: 'mnist-5' is neither mnist-5k nor mnist nor a file in '"),
    ("data = 'broken.npz'", "data: cannot use the data set '"),
    ("data = 'models'", "data: cannot use the data set '"),
    ("reference = 'none.keras'", "reference: there is no file 'none.keras'"),
    ("reference = 'models/*.keras'", "reference: 'models/*.keras' names 2 files; name one"),
    ("imports = 1", "imports: 1 is no list of texts"),
    ("baseline = ''", "baseline: '' is no text"),
    ("inconclusive = 'error'", "inconclusive: 'error' is no policy; write one of pass, warn, fail"),
    ("inconclusive = ['fail']", "inconclusive: ['fail'] is no policy"),
    ("trust = 'no'", "trust: 'no' is neither true nor false"),
    ("overrides = true", "overrides: true is no list of tables"),
    (
        "overrides = [1]",
        "[[tool.redundancy.overrides]] 1: 1 is no table; write [[tool.redundancy.overrides]] on a line",
    ),
    ("[[tool.redundancy.overrides]]", "[[tool.redundancy.overrides]] 1 models: it is missing"),
    ("[[tool.redundancy.overrides]]\nmodels='models/a.keras'\nbaseline='x'", "1 baseline: there is no such key"),
    ("[[tool.redundancy.overrides]]\nmodels='x*.keras'", "1 models: 'x*.keras' matches no file"),
    ("[[tool.redundancy.overrides]]\nmodels='reference.keras'", "1 models: 'reference.keras' is not among the models"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_a_key_cannot_be_is_one_line(team, text, said):
    file = write(team, f"{text}\n")
    with pytest.raises(OptionError) as error:
        configuration(file)
    assert str(error.value).startswith(f"{file}: [")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


SENSELESS = [
    ("", "[tool.redundancy]: nothing is asked of 'models/a.keras'; set no-duplicates, "),
    ("no-duplicates = false\nredundant-share = false", "nothing is asked of 'models/a.keras'"),
    ("accuracy-loss = 0.01", "accuracy-loss: it needs data: set data = "),
    ("accuracy-loss = 0.01\ndata = 'bare.npz'", "have no labels: add an array y, for 'models/a.keras'"),
    ("no-duplicates = true\non-data = true", "on-data: it needs data"),
    ("no-duplicates = true\non-data = true\ndata = 'bare.npz'", "have no array x_train: add the training inputs"),
    ("output-difference = 0.1", "output-difference: outputs are compared with those of a model: set reference = "),
    ("no-duplicates = true\nreference = 'reference.keras'", "reference: nothing asks for it; set output-difference"),
    ("no-duplicates = true\nconfidence = 0.9", "confidence: nothing asks for it; set accuracy-loss"),
    ("no-duplicates = true\ntolerance = 0.1", "tolerance: nothing asks for it; set accuracy-loss"),
    (
        "no-duplicates = true\n[[tool.redundancy.overrides]]\nmodels = 'models/b.keras'\naccuracy-loss = 0.01",
        "[[tool.redundancy.overrides]] 1 accuracy-loss: it needs data: ",
    ),
]


@pytest.mark.parametrize(("text", "said"), SENSELESS)
def test_what_could_not_be_tested_is_one_line(team, text, said):
    file = write(team, f"{text}\n")
    with pytest.raises(OptionError) as error:
        configuration(file)
    assert str(error.value).startswith(f"{file}: [")
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_one_line(team, capsys):
    assert "other.toml: it cannot be read (No such file" in refused(called(capsys, "check", "--config", "other.toml"))


def test_a_file_that_is_not_found_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = refused(called(capsys, "check"))
    assert (
        f"there is no pyproject.toml with a [tool.redundancy] in '{tmp_path}' or above; redundancy init writes" in line
    )


def test_an_import_that_is_not_there_is_one_line(team, capsys):
    write(team, "no-duplicates = true\nimports = ['no_such_layers']\n")
    line = refused(called(capsys, "check"))
    assert "pyproject.toml: [tool.redundancy] imports: there is no module 'no_such_layers', neither in '" in line
