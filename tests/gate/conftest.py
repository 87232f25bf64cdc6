"""A team's models, made once: a good one, and each kind of bad one."""

import shutil

import numpy as np
import pytest

NEAR = 0.02
"""How near the near-duplicates are, in which all that the model knows lies."""


def saved(path, kernel, bias, top):
    import keras

    units = kernel.shape[1]
    model = keras.Sequential(
        [
            keras.Input((6,), name="x"),
            keras.layers.Dense(units, "relu", name="hidden"),
            keras.layers.Dense(3, name="top"),
        ]
    )
    model.set_weights([kernel, bias, top, np.zeros(3)])
    model.save(path)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A directory with good.keras, twins.keras, dead.keras, near.keras, another.keras, and data.npz."""
    where = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    kernel, bias, top = rng.standard_normal((6, 8)), rng.standard_normal(8), rng.standard_normal((8, 3))
    saved(where / "good.keras", kernel, bias, top)
    saved(where / "another.keras", kernel, bias, top * 1.5)
    twins, dead = kernel.copy(), kernel.copy()
    twins[:, [3, 5]], twin_bias = kernel[:, [0, 0]], np.where(np.isin(range(8), (3, 5)), bias[0], bias)
    saved(where / "twins.keras", twins, twin_bias, top)
    dead[:, 7] = 0
    saved(where / "dead.keras", dead, np.where(np.arange(8) == 7, -1, bias), top)
    apart, alike = rng.standard_normal((6, 3)), 3 * rng.standard_normal((6, 3))
    pairs = np.hstack([alike, alike + NEAR * apart]), np.full(6, 60.0), np.vstack([-np.eye(3), np.eye(3)]) / NEAR
    saved(where / "near.keras", *pairs)
    x = rng.uniform(-1, 1, (600, 6)).astype(np.float32)
    np.savez(where / "data.npz", x_train=x[:100], x_test=x, y_test=np.argmax(x @ apart, axis=1))
    return where


@pytest.fixture
def team(tmp_path, models, monkeypatch):
    """`team(names, text)` makes a repository of these models, with that in its [tool.redundancy]; it is entered."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    shutil.copy(models / "data.npz", tmp_path / "data.npz")

    def made(names, text, head=""):
        (tmp_path / "models").mkdir(exist_ok=True)
        for name in names.split():
            shutil.copy(models / f"{name}.keras", tmp_path / "models")
        file = tmp_path / "pyproject.toml"
        file.write_text(f'{head}[tool.redundancy]\nmodels = ["models/*.keras"]\n{text}\n')
        return tmp_path

    return made
