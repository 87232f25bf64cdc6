"""What a comparison with the original sees, whatever else the models compute."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import weighted

from redundancy.compaction import Compaction
from redundancy.errors import VerificationError
from redundancy.frameworks.keras import probes, read, write
from redundancy.verification import exact_difference, verified


def heads(factor):
    """Two outputs of one layer, of which the first is so many times as large."""
    x = keras.Input((3,))
    hidden = layers.Dense(4, activation="tanh")(x)
    model = weighted(keras.Model(x, [layers.Dense(1, name="large")(hidden), layers.Dense(2, name="small")(hidden)]))
    large = model.get_layer("large")
    large.set_weights([factor * array for array in large.get_weights()])
    return model


def compared(model, changed, data=None):
    return verified(model, write(changed), Compaction(changed, read(model), (), ()), data)


def moved(network, name, by):
    kernel = network[name].weights["kernel"]
    return network.with_weights({name: {"kernel": kernel * (1 + by)}})


@pytest.mark.parametrize("factor", [1.0, 1e6])
def test_a_large_output_hides_no_error_of_a_small_one(factor):
    model = heads(factor)
    network = read(model)
    assert compared(model, network)[0] == 0.0
    with pytest.raises(VerificationError, match="mistake of this package"):
        compared(model, moved(network, "small", 0.01))


def test_errors_that_only_many_rows_of_data_show_are_seen():
    x = keras.Input((3,))
    gate = keras.Model(x, layers.Dense(2, use_bias=False, name="gate")(layers.ReLU()(layers.Dense(1, name="in")(x))))
    gate.get_layer("in").set_weights([np.ones((3, 1)), np.full(1, -100.0)])
    network = read(gate)
    data = np.zeros((1000, 3), np.float32)
    data[900] = 200.0
    changed = moved(network, "gate", 0.5)
    assert compared(gate, changed)[0] == 0.0
    with pytest.raises(VerificationError):
        compared(gate, changed, (data,))


def test_what_is_left_of_values_that_cancel_is_rounding_and_no_mistake():
    x = keras.Input((3,))
    model = weighted(keras.Model(x, layers.Dense(2, use_bias=False, name="last")(layers.Dense(6, name="first")(x))))
    network = read(model)
    first, last = network["first"].weights, network["last"].weights["kernel"].copy()
    last[:, 0] = [0.1, 0.7, -0.8, 0.3, -0.1, -0.2]
    equal = {name: np.repeat(array[..., :1], 6, axis=-1) for name, array in first.items()}
    network = network.with_weights({"first": equal, "last": {"kernel": last}})
    total = np.zeros_like(last)
    total[0] = np.sum(np.asarray(last, np.float64), axis=0)
    merged = network.with_weights({"last": {"kernel": total}})
    assert compared(write(network), merged)[0] < 1e-5
    wide = {name: np.asarray(array, np.float64) for name, array in equal.items()}
    start = network.with_weights({"first": wide, "last": {"kernel": np.asarray(last, np.float64)}})
    end = network.with_weights({"first": wide, "last": {"kernel": np.asarray(total, np.float64)}})
    (batch,) = [next(probes.probes(network))]
    assert exact_difference(start, end, batch) < 1e-9


def test_whole_numbers_are_tried_in_all_of_the_table_that_reads_them():
    word, place, picture = (keras.Input((50,), dtype="int32", name=n) for n in ("word", "place", "picture"))
    flat = [layers.Flatten()(layers.Embedding(n, 2)(t)) for n, t in ((500, word), (5, layers.Reshape((50,))(place)))]
    model = keras.Model([word, place, picture], layers.Concatenate()([*flat, layers.Rescaling(1 / 255.0)(picture)]))
    largest = [int(array.max()) for array in next(probes.probes(read(model)))]
    assert 400 < largest[0] < 500
    assert largest[1] == 4
    assert 64 < largest[2] < 128


def test_of_two_tables_for_one_input_the_smaller_says_which_numbers_are_tried():
    word = keras.Input((50,), dtype="int32")
    model = keras.Model(word, layers.Concatenate()([layers.Embedding(n, 2)(word) for n in (500, 7)]))
    assert next(probes.probes(read(model)))[0].max() == 6


def test_whole_numbers_that_pass_a_layer_without_a_rule_stay_below_every_table_behind_it():
    word = keras.Input((50,), dtype="int32")
    model = keras.Model(word, layers.Embedding(9, 2)(keras.ops.abs(word)))
    assert next(probes.probes(read(model)))[0].max() == 8
