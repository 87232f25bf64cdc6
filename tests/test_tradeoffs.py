"""Accuracy against what is left, for several criteria."""

import csv
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pytest
from command_line import called, refused

from redundancy import tradeoffs
from redundancy.errors import OptionError
from redundancy.frameworks.keras import read
from redundancy.report.tradeoff_picture import _panel
from redundancy.tradeoffs import Point, Tradeoffs


@pytest.fixture(scope="session")
def files(classifier_files):
    return classifier_files


@pytest.fixture
def run(files, tmp_path, monkeypatch, capsys):
    """Runs `tradeoffs` on the small model in an empty directory: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: called(
        capsys, "tradeoffs", files / "model.keras", "--data", files / "split.npz", *arguments
    )


@pytest.fixture(scope="module")
def found(files):
    return tradeoffs(
        files / "model.keras", data=files / "split.npz", by=["obs", "random"], shares=[0.6, 0.3], timed=True
    )


def test_points_are_the_original_and_each_criterion_at_each_share(found):
    assert [(p.by, p.removed) for p in found.points] == [
        ("", 0.0), ("obs", 0.3), ("obs", 0.6), ("random", 0.3), ("random", 0.6)
    ]  # fmt: skip
    assert [p.units for p in found.points] == [24, 16, 9, 16, 9]
    assert found.points[0].harm == 0.0
    assert all(p.macs == 9 * p.units and p.parameters == 10 * p.units + 3 for p in found.points)


def test_accuracies_are_those_of_the_test_images(found, files):
    data = np.load(files / "split.npz")
    model = keras.saving.load_model(files / "model.keras")
    right = np.mean(model.predict(data["x_test"], verbose=0).argmax(1) == data["y_test"])
    assert found.tested
    assert found.points[0].accuracy == pytest.approx(right)


def test_each_is_timed_beside_the_original(found):
    assert all(p.seconds > 0 and p.seconds_before > 0 for p in found.points[1:])


def test_files_are_written_as_asked(run):
    code, out, err = run(
        "--by", "norm,obs", "--shares", "0.5", "--csv", "a.csv", "--picture", "a.svg", "--json", "a.json"
    )
    assert (code, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines()[4:]] == [
        ["original", "24", "243"], ["norm", "50%", "12"], ["obs", "50%", "12"]
    ]  # fmt: skip
    with open("a.csv", encoding="utf-8") as file:  # noqa: PTH123
        assert [row["by"] for row in csv.DictReader(file)] == ["", "norm", "obs"]
    text = ET.parse("a.svg").getroot()
    assert text.tag.endswith("svg")


def test_a_png_is_one(run, tmp_path):
    run("--by", "norm", "--shares", "0.5", "--picture", "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "obx"), "no criterion is called 'obx'"),
        (("--shares", "1"), "'1' is no share"),
        (("--picture", "a.pdf"), "end it with .png or .svg"),
        (("--csv", "a.csv", "--json", "a.csv"), "the same file as"),
        (("--csv", "nowhere/a.csv"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(run, tmp_path, arguments, said):
    assert said in refused(run(*arguments))
    assert not list(tmp_path.iterdir())


def test_a_network_cannot_be_timed(files):
    network = read(keras.saving.load_model(files / "model.keras"))
    with pytest.raises(OptionError, match="write it first"):
        tradeoffs(network, data=np.zeros((99, 6)), timed=True)


def test_shares_that_cannot_go_are_left_out(files):
    found = tradeoffs(files / "model.keras", data=files / "split.npz", by=["norm"], shares=[0.5, 0.99])
    assert [p.removed for p in found.points] == [0.0, 0.5]


def test_shares_none_of_which_can_go_are_one_line_and_no_file(run, tmp_path):
    line = refused(run("--by", "norm", "--shares", "0.99", "--picture", "out.png", "--csv", "out.csv"))
    assert "more than can go: 95.8% of the units at most" in line
    assert not list(tmp_path.iterdir())


def test_lines_run_from_left_to_right():
    from matplotlib.figure import Figure

    points = [Point("", 0.0, 9, 9, 9, 0.0), *(Point("obs", s, 9, 9, 9, s, None, s, 1.0) for s in (0.4, 0.9, 0.6))]
    panel = Figure().subplots()
    _panel(panel, "time, original = 1", Tradeoffs("m", "units", True, False, tuple(points)))
    (line,) = panel.get_lines()
    assert list(zip(*line.get_data(), strict=True)) == [(0.4, 0.4), (0.6, 0.6), (0.9, 0.9), (1.0, 0.0)]
