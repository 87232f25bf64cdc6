"""Models that a team would hardly make, and that a gate must not be wrong about."""

from __future__ import annotations

import numpy as np
import pytest
from command_line import called

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import redundancy.workbench  # noqa: F401


def recurrent(path, units=4):
    """A ConvLSTM2D whose last unit is its first one."""
    import keras

    layers = [keras.layers.ConvLSTM2D(units, 2, name="cells"), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((1, 4, 4, 1)), *layers])
    weights = model.get_weights()
    for weight in weights[:3]:
        weight[..., units - 1 :: units] = weight[..., ::units]
    model.set_weights(weights)
    model.save(path)


@pytest.mark.parametrize("key", ["no-duplicates", "no-dead-units"])
def test_what_nobody_looked_at_does_not_hold(team, capsys, key):
    where = team("good", f'{key} = true\ninconclusive = "fail"')
    recurrent(where / "models/cells.keras")
    code, out, _ = called(capsys, "check")
    assert code == 1
    assert "models/cells.keras: what the weights of cells say of units is not known" in out
    assert "1 failed, 1 passed" in out


@pytest.mark.parametrize("data", ["", 'data = "pairs.npz"\n'])
def test_inputs_are_told_apart_by_their_names(team, capsys, data):
    import keras

    where = team("", f'output-difference = 1e-6\nreference = "reference.keras"\n{data}')
    np.savez(where / "pairs.npz", a=np.ones((3, 2)), b=np.zeros((3, 2)))
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    outputs = keras.layers.Dense(3)(keras.layers.Concatenate()([a, b]))
    keras.Model([a, b], outputs).save(where / "models/model.keras")
    keras.Model([b, a], outputs).save(where / "reference.keras")
    assert called(capsys, "check")[0] == 0


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        ("accuracy-loss = 0.1", "its output is no number on 90 of 90 rows, which are of no class"),
        ('output-difference = 0.1\nreference = "models/another.keras"', "has an output that is nowhere finite"),
    ],
)
def test_where_nothing_can_be_computed_nothing_holds(team, capsys, asks, said):
    """Infinite inputs made of every output NaN, which was class 0, and equal to the NaN of any other model."""
    where = team("good another", f'{asks}\ndata = "huge.npz"')
    np.savez(where / "huge.npz", x_test=np.tile([1e300, -1e300], (90, 3)), y_test=np.zeros(90, int))
    code, out, _ = called(capsys, "check", "--", "-k", "good")
    assert (code, said in out) == (1, True)


def test_a_name_neither_commands_nor_steers(team, capsys, models):
    where = team("", 'no-duplicates = true\naccuracy-loss = 0.1\ndata = "data.npz"')
    np.savez(where / "data.npz", x_test=np.zeros((9, 6)), y_test=np.full(9, 7))
    (where / "pyproject.toml").write_text((where / "pyproject.toml").read_text().replace("models/", ""))
    (where / "::error::\x1b[31m.keras").write_bytes((models / "twins.keras").read_bytes())
    code, out, _ = called(capsys, "check")
    assert (code, "2 failed" in out) == (1, True)
    assert "its data have the label 7" in out
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::")]
    assert "\x1b" not in out
