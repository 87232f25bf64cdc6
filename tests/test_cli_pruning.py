"""`redundancy prune`, as a shell sees it."""

import json

import numpy as np
import pytest
from command_line import called, refused


@pytest.fixture
def run(classifier_files, tmp_path, monkeypatch, capsys):
    """Runs `prune` in an empty directory: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    names = {
        "model": classifier_files / "model.keras",
        **{name: classifier_files / f"{name}.npz" for name in ("data", "split", "bare")},
    }
    return lambda *arguments: called(capsys, "prune", *(names.get(a, a) for a in arguments))


def test_half_of_the_units_go_into_a_file(run, tmp_path):
    import keras

    code, out, err = run("model", "-o", "small.keras", "--data", "bare", "--remove", "0.5")
    assert (code, err) == (0, "")
    assert ["hidden", "24", "12", "12", "obs", "(on", "data)"] in [line.split() for line in out.splitlines()]
    assert keras.saving.load_model("small.keras").get_layer("hidden").units == 12
    assert [path.name for path in tmp_path.iterdir()] == ["small.keras"]


def test_as_much_as_a_margin_allows_goes_and_is_judged(run):
    code, out, _ = run("model", "-o", "small.keras", "--data", "split", "--within", "0.05", "--json", "found.json")
    with open("found.json", encoding="utf-8") as file:  # noqa: PTH123
        found = json.load(file)
    assert code == 0
    assert found["schema"] == "redundancy/pruning"
    assert found["parameters_after"] < found["parameters_before"]
    assert found["accuracy_held_out"][1] >= found["accuracy_held_out"][0] - 0.05
    assert found["verdict"]["outcome"] in out


def test_a_margin_that_lets_nothing_go_is_told_as_that(run, monkeypatch):
    from redundancy.pruner import Pruner

    monkeypatch.setattr(Pruner, "bearable", lambda *_: ())
    _, out, _ = run("model", "-o", "small.keras", "--data", "split", "--within", "0.05", "--tune", "1")
    assert "No unit went: what goes first costs more accuracy than the margin allows" in " ".join(out.split())
    assert "trained" not in out
    assert "edundant" not in out


def test_units_that_may_not_go_are_not_called_redundant(run):
    _, out, _ = run("model", "-o", "small.keras", "--data", "bare", "--remove", "0.5", "--layers", "hidden,classes")
    assert "Units that may not go one by one:" in out
    assert "edundant" not in out


def test_both_models_are_timed_where_that_is_asked_for(run):
    _, out, _ = run("model", "-o", "small.keras", "--data", "bare", "--remove", "0.5", "--time")
    assert "times as fast, for 1/" in out


def test_a_model_that_is_shown_to_be_worse_ends_with_1(run, monkeypatch):
    from redundancy import comparing, pruning

    monkeypatch.setattr(
        pruning,
        "judge_images",
        lambda before, after, **k: comparing.judge_images(np.ones(999, bool), np.zeros(999, bool), **k),
    )
    assert run("model", "-o", "small.keras", "--data", "split", "--within", "0.05")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "data"), "one of the arguments --remove --within is required"),
        (("--data", "data", "--remove", "0.5", "--within", "0.1"), "not allowed with argument"),
        (("--data", "data", "--remove", "1"), "'1' is no share"),
        (("--data", "data", "--remove", "half"), "'half' is no share"),
        (("--remove", "0.5"), "--data"),
        (("--data", "nowhere.npz", "--remove", "0.5"), "nowhere.npz"),
        (("--data", "mnist-6k", "--remove", "0.5"), "mnist-6k"),
        (("--data", "mnist-5k", "--remove", "0.5"), "shape"),
        (("--data", "bare", "--within", "0.1"), "y_train beside x_train, or use --remove"),
        (("--data", "data", "--remove", "0.5", "--by", "obx"), "no criterion is called 'obx'"),
        (("--data", "data", "--remove", "0.5", "--layers", "hiden"), "did you mean hidden"),
        (("--data", "data", "--remove", "0.5", "--layers", "classes"), "no units may be pruned"),
        (("--data", "data", "--remove", "0.99"), "--remove 0.99 is more than can go"),
        (("--data", "data", "--remove", "0.5", "--tune", "-1"), "--tune -1: give a whole number"),
        (("--data", "data", "--remove", "0.5", "--distil"), "and it is not: give --tune, in epochs"),
        (("--data", "bare", "--remove", "0.5", "--tune", "1"), "y_train beside x_train, or --distil"),
        (("--data", "bare", "--remove", "0.5", "--distil", "0"), "'0' is no temperature: give a number above 0"),
        (("--data", "bare", "--remove", "0.5", "--distil", "m.keras"), "'m.keras' is no temperature"),
        (("--data", "data", "--remove", "0.5", "--seed", "-1"), "--seed -1: give a whole number from 0 up"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(run, tmp_path, arguments, said):
    assert said in refused(run("model", "-o", "small.keras", *arguments))
    assert not list(tmp_path.iterdir())


def test_the_model_itself_is_never_replaced(run, classifier_files):
    files = classifier_files
    before = (files / "model.keras").read_bytes()
    line = refused(run("model", "-o", files / "model.keras", "--data", "data", "--remove", "0.5", "--force"))
    assert "is the same file as the model" in line
    assert (files / "model.keras").read_bytes() == before


def test_help_names_every_criterion_in_the_order_of_errors(run):
    from redundancy.saliency import CRITERIA

    assert f"what matters: {', '.join(CRITERIA)} (obs" in " ".join(run("--help")[1].split())


def test_inputs_may_go_as_well(run, tmp_path):
    import keras

    code, out, _ = run("model", "-o", "small.keras", "--data", "data", "--remove", "0.5", "--layers", "x", "--inputs")
    assert code == 0, out
    model = keras.models.load_model(tmp_path / "small.keras")
    assert model.input_shape == (None, 6)
    assert model.get_layer("hidden").kernel.shape == (3, 24)


def test_a_file_that_keras_could_not_load_is_refused_before_the_work(run):
    line = refused(run("model", "-o", "small.h5", "--data", "data", "--remove", "0.5", "--inputs"))
    assert "from .keras files only" in line
