"""The backend that Keras computes with here, beside TensorFlow in a process of its own: the same but for rounding."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from one_of_each_backend import DATA, EXACT, MANY, SEEDS, measured

from redundancy.errors import UnsupportedError
from redundancy.zoo import Recipe, Store, batch_normalization, conv, dense, draw, dropout, flatten, train
from redundancy.zoo.choices import OPTIMIZERS
from redundancy.zoo.recipe import DTYPES
from redundancy.zoo.seeds import KERNEL, sequence
from redundancy.zoo.versions import versions

BACKEND = keras.backend.backend()
BUT_FOR_ROUNDING = 1e-9

IMAGES = 0.02
"""The accuracies of a run on two backends may be so far apart, mean over the runs: six images of 300."""


def elsewhere(code, backend, *arguments):
    """What a process prints whose Keras computes with another backend."""
    command = [sys.executable, *(("-c", code) if isinstance(code, str) else (str(code),)), *map(str, arguments)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    path = tmp_path_factory.mktemp("tensorflow") / "measured.npz"
    elsewhere(Path(__file__).with_name("one_of_each_backend.py"), "tensorflow", path)
    return dict(np.load(path))


@pytest.fixture(scope="module")
def here():
    return measured()


def apart(one, other):
    return np.abs(one - other).max() / np.abs(other).max()


@pytest.mark.parametrize("name", EXACT)
def test_initial_weights_are_the_same_bits(here, there, name):
    assert here[f"initial {name}"].tobytes() == there[f"initial {name}"].tobytes()


@pytest.mark.parametrize("name", EXACT)
def test_a_few_steps_in_float64_are_the_same_but_for_rounding(here, there, name):
    assert apart(here[f"trained {name}"], there[f"trained {name}"]) < BUT_FOR_ROUNDING


@pytest.mark.parametrize("name", EXACT)
def test_another_seed_is_told_apart(here, there, name):
    first, second = here[f"trained {name}"]
    assert apart(first, there[f"trained {name}"][1]) > 0.01
    assert apart(second, there[f"trained {name}"][0]) > 0.01


def interval(differences):
    """A 0.99 confidence interval of the mean of paired differences."""
    from scipy.stats import t

    half = t.ppf(0.995, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean() - half, differences.mean() + half


def equivalent(one, other):
    """Whether accuracies of the same seeds agree: their mean difference is shown to be below the margin."""
    low, high = interval(one - other)
    return low > -IMAGES and high < IMAGES


def test_accuracies_after_many_steps_in_float32_agree(here, there):
    assert equivalent(here["accuracy"], there["accuracy"])


def test_accuracies_of_other_seeds_would_not_be_shown_to_agree(here, there):
    assert not equivalent(here["another accuracy"], there["accuracy"])


def test_a_run_that_diverges_ends_at_the_same_step_as_it_was_before(here, there):
    assert here["diverged"][0] == there["diverged"][0] > 0
    assert np.isfinite(here["diverged"]).all()
    assert apart(here["diverged"], there["diverged"]) < 1e-5


def test_the_step_that_diverges_moves_no_statistics():
    layers = (conv(2, 3), batch_normalization(), flatten(), dense(3))
    fierce = Recipe(layers, optimizer="sgd", learning_rate=1e30, steps=12, batch_size=16, data="bars")
    (run,) = train(fierce, (2,), data=DATA)
    (sooner,) = train(replace(fierce, steps=run.diverged - 1), (2,), data=DATA)
    for name in ("mean", "variance"):
        kept, before = (one.network["batch_normalization_1"].weights[name] for one in (run, sooner))
        np.testing.assert_array_equal(kept, before)


def test_why_a_run_was_trained_alone_is_said():
    (run,) = train(EXACT["sgd"], (0,), data=DATA)
    assert run.alone == ("" if BACKEND == "tensorflow" else f"no fused form on {BACKEND}")


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_trains_and_starts_anew(name):
    recipe = Recipe((dropout(0.2), flatten(), dense(3)), optimizer=name, steps=4, batch_size=16, data="bars")
    once, again = (train(recipe, seeds, data=DATA)[-1] for seeds in ((2,), (1, 2)))
    kernels = [run.network["dense_1"].weights["kernel"] for run in (once, again)]
    np.testing.assert_allclose(*kernels, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(kernels[0], draw("glorot_uniform", (36, 3), sequence(KERNEL, 2, 2)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_trains_and_stays_what_it_is(dtype):
    layers = (conv(2, 3, activation="relu"), dropout(0.25), flatten(), dense(3))
    recipe = Recipe(layers, optimizer="sgd", learning_rate=0.1, steps=3, batch_size=16, data="bars", dtype=dtype)
    (run,) = train(recipe, (0,), data=DATA)
    assert {a.dtype.name for node in run.network for a in node.weights.values()} == {dtype}
    assert np.isfinite(run.loss)


def test_a_store_tells_backends_apart(tmp_path):
    store = Store(tmp_path)
    (run,) = train(Recipe((flatten(), dense(3)), steps=1, data="bars"), (0,), data=DATA, store=store)
    assert store.path(run.recipe, 0, DATA.digest).exists()
    assert versions()[BACKEND] != "unknown"
    other = "jax" if BACKEND == "tensorflow" else "tensorflow"
    asked = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from one_of_each_backend import DATA\nfrom redundancy.zoo import Recipe, Store, dense, flatten\n"
        "recipe = Recipe((flatten(), dense(3)), steps=1, data='bars')\n"
        "print(Store(Path(sys.argv[2])).load(recipe, 0, DATA.digest, DATA.input_shape) is not None)"
    )
    beside = Path(__file__).parent
    assert [elsewhere(asked, backend, beside, tmp_path).strip() for backend in (BACKEND, other)] == ["True", "False"]


def test_a_backend_that_computes_no_gradients_is_refused(monkeypatch):
    monkeypatch.setattr("redundancy.zoo.backends.library", lambda: "numpy")
    monkeypatch.setattr("redundancy.zoo.fused.training.library", lambda: "numpy")
    with pytest.raises(UnsupportedError, match="Keras computes with numpy, which trains nothing here: set KERAS_BACK"):
        train(MANY, SEEDS[:1], data=DATA)


def test_a_backend_that_is_not_there_is_said_in_one_line():
    code = (
        "import sys\nsys.modules['torch'] = None\n"
        "from redundancy import RedundancyError\nfrom redundancy.zoo import draw\n"
        "try:\n    draw('he_normal', (2, 2), 0)\nexcept RedundancyError as error:\n    print(error)"
    )
    assert elsewhere(code, "torch").strip() == (
        "Keras is told to compute with torch, which is not installed: install it, or set KERAS_BACKEND to one that is,"
        " such as tensorflow"
    )
    assert "set KERAS_BACKEND to tensorflow, jax or torch" in elsewhere(code, "theano")
