"""Which data set is loaded, and what the data room costs at import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import redundancy.data
from redundancy.data import choose
from redundancy.errors import DataError


@pytest.mark.parametrize(
    ("option", "environ", "chosen"),
    [
        ("a", {"REDUNDANCY_DATA": "b"}, "a"),
        ("", {"REDUNDANCY_DATA": "b"}, "b"),
        (None, {"REDUNDANCY_DATA": "b"}, "b"),
        (None, {"REDUNDANCY_DATA": ""}, "mnist-5k"),
        ("", {}, "mnist-5k"),
        (None, {}, "mnist-5k"),
    ],
)
def test_the_option_then_the_environment_then_the_default(option, environ, chosen):
    assert choose(option, environ) == chosen


@pytest.fixture
def file(tmp_path):
    images, labels = np.zeros((2, 4, 4), np.uint8), np.array([0, 1])
    np.savez(tmp_path / "small.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return str(tmp_path / "small.npz")


def test_a_path_loads_that_file(file):
    assert redundancy.data.load(file).name == file


def test_without_a_name_the_environment_decides(file, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_DATA", file)
    assert redundancy.data.load().name == file


def test_a_known_name_is_not_a_path(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist-5k").mkdir()
    monkeypatch.setattr(redundancy.data, "LOADERS", {"mnist-5k": lambda: "the registered one"})
    assert redundancy.data.load("mnist-5k") == "the registered one"


def test_a_directory_is_refused_as_one(tmp_path):
    with pytest.raises(DataError, match="it is a directory"):
        redundancy.data.load(str(tmp_path))


@pytest.mark.parametrize("name", ["minst", "/no/such/file.npz", "a\nb", "a\0b", "x" * 5000, "~"])
def test_an_unknown_name_lists_those_that_are_known(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="neither one of mnist, mnist-5k nor a file that exists; give") as caught:
        redundancy.data.load(name)
    assert str(caught.value).isprintable()


@given(st.text(min_size=1).map("no such/".__add__))
def test_any_unknown_name_is_one_line(name):
    with pytest.raises(DataError) as caught:
        redundancy.data.load(name)
    assert str(caught.value).isprintable()


def test_the_import_is_light():
    heavy = ["keras", "tensorflow", "sklearn", "pandas", "mlxtend", "filelock", "scipy", "pytest"]
    code = f"import sys, redundancy.data; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
