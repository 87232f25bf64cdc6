"""What all tests share: pytest's own way to test plugins, and one pinned profile for Hypothesis."""

import numpy as np
import pytest
from hypothesis import settings

from redundancy.profiles import fields

pytest_plugins = ["pytester"]

settings.register_profile("tests", **{**fields("standard"), "max_examples": 100})
settings.load_profile("tests")


@pytest.fixture(autouse=True, scope="session")
def off_github():
    """A run of pytest inside a test has nothing to tell GitHub, where that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def in_float64():
    """Keras layers compute in float64 unless they say otherwise."""
    import keras

    keras.utils.clear_session(free_memory=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A small model in a .keras file: of its eight hidden units one is a copy, one a multiple and one is dead."""
    import keras

    model = keras.Sequential(
        [keras.Input((6,), name="x"), keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(3, name="top")],
        name="small",
    )
    rng = np.random.default_rng(0)
    kernel, bias = rng.standard_normal((6, 8)), rng.standard_normal(8)
    for target, factor in ((3, 1.0), (4, 2.0), (7, 0.0)):
        kernel[:, target], bias[target] = factor * kernel[:, 0], factor * bias[0]
    bias[7] = -1.0
    model.set_weights([kernel, bias, rng.standard_normal((8, 3)), np.zeros(3)])
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="session")
def classifier_files(tmp_path_factory):
    """A small classifier that works, and data for it: with labels, with test images, and without either."""
    import keras

    place = tmp_path_factory.mktemp("classifier")
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6)).astype("float32")
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    layers = [keras.layers.Dense(24, activation="relu", name="hidden"), keras.layers.Dense(3, name="classes")]
    model = keras.Sequential([keras.Input((6,), name="x"), *layers], name="small")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=60, verbose=0)
    model.save(place / "model.keras")
    np.savez(place / "data.npz", x=x, y=y)
    np.savez(place / "split.npz", x_train=x[:400], y_train=y[:400], x_test=x[400:], y_test=y[400:])
    np.savez(place / "bare.npz", x=x)
    return place


def pytest_collection_modifyitems(config, items):
    """What is measured in minutes is left out unless it is asked for, by `-m slow`."""
    if not config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
