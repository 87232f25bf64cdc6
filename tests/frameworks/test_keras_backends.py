"""Models on whatever backend Keras computes with here: `tox run -e jax` and `-e torch` run this on theirs."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from redundancy import audit, compact, prune
from redundancy.building import Builder
from redundancy.frameworks.keras import evaluate, read, write
from redundancy.frameworks.keras.files import load
from redundancy.frameworks.keras.precision import float64_kept

X = np.random.default_rng(1).standard_normal((5, 7, 7, 2))


def planted(dtype="float64"):
    """A network of six filters of which one is a copy, one twice another, and one dead."""
    rng, build = np.random.default_rng(0), Builder()
    kernel, bias = rng.standard_normal((3, 3, 2, 6)).astype(dtype), rng.standard_normal(6).astype(dtype)
    for target, factor in ((2, 1.0), (4, 2.0), (5, 0.0)):
        kernel[..., target], bias[target] = factor * kernel[..., 0], factor * bias[0]
    bias[5] = -1.0
    top = {"kernel": rng.standard_normal((150, 3)).astype(dtype), "bias": np.zeros(3, dtype)}
    name = build.input((7, 7, 2), "x", dtype=dtype)
    name = build.add("conv", name, name="conv", weights={"kernel": kernel, "bias": bias})
    name = build.add("activation", name, name="relu", function="relu")
    name = build.add("dense", build.add("flatten", name, name="flat"), name="top", weights=top)
    return build.network(build.add("activation", name, name="tanh", function="tanh"))


def by_hand(network, x):
    kernel, bias = network["conv"].weights["kernel"], network["conv"].weights["bias"]
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))
    maps = np.maximum(np.einsum("nhwcij,ijcf->nhwf", windows, kernel) + bias, 0.0)
    return np.tanh(maps.reshape(len(x), -1) @ network["top"].weights["kernel"])


def test_what_is_asked_for_in_float64_is_computed_in_float64():
    network = planted()
    np.testing.assert_allclose(evaluate(network, X), by_hand(network, X), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_model_is_compacted(dtype, rounding):
    model = write(planted(dtype))
    small = compact(model).model
    before, after = read(model), read(small)
    assert after["conv"].weights["kernel"].shape == (3, 3, 2, 3)
    assert after["conv"].weights["kernel"].dtype == dtype
    np.testing.assert_allclose(evaluate(after, X.astype(dtype)), evaluate(before, X.astype(dtype)), atol=rounding)


@pytest.mark.parametrize("by", ["obs", "obd"])  # without gradients, and with them
def test_a_model_is_pruned_and_trained_and_timed(by):
    data = np.random.default_rng(2).standard_normal((80, 7, 7, 2)).astype("float32")
    found = prune(write(planted("float32")), data=data, by=by, remove=0.5, tune=1, distil=True, timed=True)
    assert read(found.model)["conv"].weights["kernel"].shape == (3, 3, 2, 3)
    assert len(found.latency) == 2


def test_a_model_is_audited_on_data():
    data = np.random.default_rng(2).standard_normal((80, 7, 7, 2)).astype("float32")
    assert {"duplicate", "scaled", "dead"} <= set(
        str(audit(write(planted("float32")), data=data)).replace(",", " ").split()
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_in_float64_keeps_its_numbers(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    write(planted()).save(path)
    weights = read(load(path))["conv"].weights["kernel"]
    assert weights.dtype == "float64"
    assert weights.tobytes() == planted()["conv"].weights["kernel"].tobytes()


def test_keras_computes_afterwards_as_it_did():
    before = keras.backend.result_type("float64", "float64")
    with float64_kept(), float64_kept():
        assert keras.backend.result_type("float64", "float64") == "float64"
    assert keras.backend.result_type("float64", "float64") == before


def test_a_backend_that_is_not_there_is_said_in_one_line(model_file):
    command = [sys.executable, "-m", "redundancy", "audit", str(model_file)]
    environment = {**os.environ, "KERAS_BACKEND": "theano", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert "set KERAS_BACKEND to tensorflow, jax or torch" in done.stderr
