"""Pruning by time, with a clock that counts multiply-accumulates; and once with a real one."""

import logging

import keras
import numpy as np
import pytest

from redundancy import prune, tradeoffs
from redundancy.costs import cost
from redundancy.errors import OptionError
from redundancy.frameworks.keras import read, timing


@pytest.fixture
def model():
    """20 hidden units, each of 9 multiply-accumulates."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(20, "relu", name="hidden"), keras.layers.Dense(3)])


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(80, 6)).astype("float32")


@pytest.fixture
def timed(monkeypatch):
    """Sets the clock to what a function says of a number of multiply-accumulates; a list of those that it was asked."""
    asked = []

    def set_to(seconds):
        def latencies(models, inputs):
            macs = [cost(read(each)).macs for each in models]
            asked.append(macs[-1])
            return tuple(map(seconds, macs))

        monkeypatch.setattr(timing, "latencies", latencies)
        return asked

    return set_to


def test_as_much_goes_as_saves_the_time_and_no_more(model, rows, timed):
    timed(lambda macs: 100 + macs)  # 280 before, and 100 however little is left
    found = prune(model, data=rows, remove=0.3, of="latency")
    assert cost(found.network).macs == 90
    assert found.latency == (280, 190)


def test_few_models_are_timed_and_the_chosen_one_twice(model, rows, timed):
    asked = timed(float)
    prune(model, data=rows, remove=0.5, of="latency")
    assert len(asked) <= 1 + 5 + 1
    assert asked.count(90) == 2
    assert asked[-1] == 90


def test_more_goes_where_the_last_measurement_is_too_slow(model, rows, timed):
    again = []

    def slow_once(macs):
        again.append(macs)
        return macs * (1.1 if macs == 90 and again.count(90) == 2 else 1.0)

    timed(slow_once)
    assert prune(model, data=rows, remove=0.5, of="latency").latency == (180, 81)


def test_only_the_model_that_is_chosen_is_trained_and_timed_last(model, rows, monkeypatch):
    seen = []

    def latencies(models, inputs):
        seen.append(models[1])
        return tuple(float(cost(read(each)).macs) for each in models)

    monkeypatch.setattr(timing, "latencies", latencies)
    found = prune(model, data=rows, labels=np.zeros(80, int), remove=0.5, of="latency", tune=1)
    same = [np.array_equal(each.get_weights()[0], found.model.get_weights()[0]) for each in seen]
    assert same == [False] * (len(seen) - 1) + [True]


def test_what_all_units_together_do_not_save_is_refused_with_what_they_do(model, rows, timed):
    timed(lambda macs: 100 + macs)
    with pytest.raises(OptionError, match=r"remove=0.7 is more than can go: 61% of the latency at most"):
        prune(model, data=rows, remove=0.7, of="latency")


def test_points_of_several_times_are_timed_and_those_beyond_reach_left_out(model, rows, timed):
    asked = timed(lambda macs: 100 + macs)
    found = tradeoffs(model, data=rows, by=["norm"], shares=[0.3, 0.5, 0.7], of="latency")
    assert [(p.units, p.seconds_before, p.seconds) for p in found.points[1:]] == [(10, 280, 190), (4, 280, 136)]
    assert asked.count(9) == 1  # all that can go, whatever the share


@pytest.mark.parametrize("run", [lambda n, x: prune(n, data=x, remove=0.3, of="latency"),
                                 lambda n, x: tradeoffs(n, data=x, of="latency")])  # fmt: skip
def test_a_network_has_no_latency(model, rows, run):
    with pytest.raises(OptionError, match="of='latency' times Keras models, and a network is none"):
        run(read(model), rows)


def test_shares_by_layer_are_of_units(model, rows):
    with pytest.raises(OptionError, match="says shares of the units of layers, and of='latency'"):
        prune(model, data=rows, remove={"hidden": 0.5}, of="latency")


def test_within_a_margin_the_model_is_timed_at_the_end(model, rows, timed):
    asked = timed(float)
    found = prune(model, data=rows, labels=np.zeros(80, int), within=0.9, of="latency")
    assert found.latency == (180, cost(found.network).macs)
    assert len(asked) == 1


def test_a_real_clock_is_asked():
    keras.utils.set_random_seed(0)
    convolutions = [keras.layers.Conv2D(24, 3, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((32, 32, 3)), *convolutions, keras.layers.GlobalAveragePooling2D()])
    model = keras.Model(model.inputs, keras.layers.Dense(3)(model.outputs[0]))
    rows = np.random.default_rng(0).normal(size=(64, 32, 32, 3)).astype("float32")
    found = prune(model, data=rows, by="norm", repair=False, remove=0.1, of="latency")
    assert len(found.latency) == 2
    assert cost(found.network).macs < cost(found.original).macs


def test_a_model_that_takes_its_inputs_by_name_is_timed(rows):
    z, b = keras.Input((6,), name="z"), keras.Input((4,), name="b")
    both = keras.layers.Concatenate()(
        [keras.layers.Dense(8, "relu", name=name)(each) for name, each in (("l", z), ("r", b))]
    )
    model = keras.Model({"z": z, "b": b}, keras.layers.Dense(3)(both))
    assert len(prune(model, data={"z": rows, "b": rows[:, :4]}, remove=0.3, timed=True).latency) == 2


def test_a_model_of_a_fixed_batch_is_timed_on_one(rows, monkeypatch):
    monkeypatch.setattr(timing, "latencies", lambda models, inputs: (len(inputs[0]), 1))
    inputs = keras.Input(batch_shape=(96, 6))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dense(8, "relu")(inputs)))
    assert prune(model, data=rows, remove=0.3, timed=True).latency == (96, 1)


def test_what_is_timed_forgets_it():
    memory = keras.layers.LSTM(8, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), memory])
    batch = np.ones((4, 3, 2), "float32")
    model.predict_on_batch(batch)
    before = [keras.ops.convert_to_numpy(state).copy() for state in memory.states]
    timing.latencies([model], (batch,))
    after = map(keras.ops.convert_to_numpy, memory.states)
    assert all(map(np.array_equal, before, after))


def test_nobody_is_warned_of_models_that_are_compiled_to_be_timed(model, rows, monkeypatch):
    logger, told = logging.getLogger("tensorflow"), []
    before = logger.level
    monkeypatch.setattr(timing, "_timed", lambda *_: told.append(logger.isEnabledFor(logging.WARNING)) or 1.0)
    timing.latencies([model], (rows,))
    assert not any(told)
    assert logger.level == before


def test_where_no_time_is_saved_it_says_why(model, rows, timed):
    timed(lambda macs: 100)
    with pytest.raises(OptionError, match=r"0% of the latency at most, .*a call takes that long whatever"):
        prune(model, data=rows, remove=0.1, of="latency")


def test_what_is_timed_takes_no_places_in_vain(model, rows, monkeypatch):
    kinds = []

    def latencies(models, inputs):
        network = read(models[-1])
        kinds.extend(node.kind for node in network if node.kind == "gather" and len(node.config["places"]) == 6)
        return tuple(float(cost(read(each)).macs) for each in models)

    monkeypatch.setattr(timing, "latencies", latencies)
    prune(model, data=rows, remove=0.3, of="latency", inputs=True)
    assert not kinds
