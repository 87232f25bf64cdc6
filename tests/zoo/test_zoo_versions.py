"""What a run's name says of what computes."""

import subprocess
import sys

import pytest


def library_of(code="", **environment):
    command = [sys.executable, "-c", f"{code}\nfrom redundancy.zoo.versions import library; print(library())"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


@pytest.mark.parametrize("named", ["", '{"backend": "torch"}', "no JSON", "[]"])
def test_the_backend_is_known_before_keras_is_loaded(tmp_path, monkeypatch, named):
    if named:
        (tmp_path / "keras.json").write_text(named)
    expected = "torch" if "torch" in named else "tensorflow"
    assert library_of(KERAS_HOME=str(tmp_path), PYTHONPATH=":".join(sys.path)) == expected
    assert library_of(KERAS_HOME=str(tmp_path), KERAS_BACKEND="jax", PYTHONPATH=":".join(sys.path)) == "jax"


def test_a_backend_that_is_loaded_comes_first(monkeypatch):
    import keras

    from redundancy.zoo.versions import library

    monkeypatch.setenv("KERAS_BACKEND", "another")
    assert library() == keras.backend.backend()


def test_what_is_not_installed_has_an_unknown_version(monkeypatch):
    from redundancy.zoo import versions

    monkeypatch.setattr(versions, "library", lambda: "nothing-of-that-name")
    assert versions.versions()["nothing-of-that-name"] == "unknown"
