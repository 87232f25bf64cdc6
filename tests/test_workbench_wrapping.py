"""Wrapped Keras layers with redundancy planted by hand: what goes is counted, and outputs compared in float64."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import checked, copied, gatewise, weighted

from redundancy.frameworks.keras import read, write
from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")


def both(wrapper):
    return wrapper.forward_layer, wrapper.backward_layer


def twin(layer, source, copy):
    def change(weight):
        weight[..., copy] = weight[..., source]

    gatewise(layer, change)


def through(wrapper, *more, shape=(7, 3)):
    return weighted(keras.Sequential([keras.Input(shape), wrapper, *more, layers.Dense(2)]))


@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_each_direction_loses_its_own_twins_as_many_as_the_other(cls):
    """Keras takes it that both directions have as many units: of two twins of the other direction, one stays."""
    wrapper = layers.Bidirectional(cls(5, return_sequences=True))
    model = through(wrapper, layers.GRU(3))
    forward, backward = both(wrapper)
    twin(forward, 0, 3)
    twin(backward, 1, 2)
    twin(backward, 1, 4)
    result = checked(model, 2)
    assert [layer.units for layer in both(result.model.layers[0])] == [4, 4]
    assert any(refusal.units == 1 for refusal in result.refusals)


@pytest.mark.parametrize("mode", ["sum", "ave", "mul"])
def test_only_twins_of_both_directions_go_where_these_are_joined_unit_by_unit(mode):
    wrapper = layers.Bidirectional(layers.LSTM(5), merge_mode=mode)
    model = through(wrapper)
    forward, backward = both(wrapper)
    twin(forward, 0, 3)
    checked(model, 0)
    twin(backward, 0, 3)
    checked(model, 1)


def test_two_directions_that_are_kept_apart():
    x, wrapper = keras.Input((7, 3)), layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode=None)
    forward, backward = wrapper(x)
    model = weighted(keras.Model(x, [layers.Dense(2)(forward), layers.Dense(2)(backward)]))
    for layer, copy in zip(both(wrapper), (2, 3), strict=True):
        twin(layer, 0, copy)
    small = checked(model, 2).model.get_layer(wrapper.name)
    assert [layer.units for layer in both(small)] == [3, 3]


def test_states_of_both_directions_are_where_others_begin():
    x, z = keras.Input((7, 3)), keras.Input((5, 2))
    encoder = layers.Bidirectional(layers.GRU(4, return_state=True))
    decoder = layers.Bidirectional(layers.GRU(4, return_sequences=True))
    _, *states = encoder(x)
    model = weighted(keras.Model([x, z], layers.Dense(2)(decoder(z, initial_state=states))))
    for layer in (*both(encoder), *both(decoder)):
        twin(layer, 0, 3)
    checked(model, 2)


def test_a_classifier_of_sentences():
    embedding, wrapper = layers.Embedding(11, 6, mask_zero=True), layers.Bidirectional(layers.LSTM(5))
    hidden = layers.Dense(4, activation="relu")
    model = weighted(keras.Sequential([keras.Input((9,), dtype="int32"), embedding, wrapper, hidden, layers.Dense(2)]))
    table = embedding.get_weights()[0]
    table[:, 1] = -3 * table[:, 0]
    embedding.set_weights([table])
    for layer, copy in zip(both(wrapper), (2, 3), strict=True):
        twin(layer, 0, copy)
    copied(hidden, 0, 2)
    checked(model, 4)


def test_directions_of_other_layers_are_refused_by_name():
    below = layers.Dense(4, activation="tanh")
    wrapper = layers.Bidirectional(layers.RNN(layers.LSTMCell(3)), name="wrapper")
    model = weighted(keras.Sequential([keras.Input((5, 3)), below, wrapper, layers.Dense(2)]))
    copied(below, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert refusal.layer == "wrapper"


def test_every_step_through_a_dense_layer():
    wrapped = layers.TimeDistributed(layers.Dense(6, activation="tanh"))
    model = through(wrapped, layers.TimeDistributed(layers.BatchNormalization()), layers.LSTM(3))
    kernel, bias = wrapped.layer.get_weights()
    kernel[:, 4], bias[4] = -kernel[:, 0], -bias[0]
    wrapped.layer.set_weights([kernel, bias])
    checked(model, 1)


@pytest.mark.parametrize("last", [layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
def test_a_network_for_films(last):
    each = layers.TimeDistributed
    first, second = layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(5, 3, padding="same")
    stack = [each(first), each(layers.MaxPooling2D(2)), each(second), each(layers.ReLU()), each(last())]
    model = weighted(keras.Sequential([keras.Input((4, 9, 9, 2)), *stack, layers.GRU(3), layers.Dense(2)]))
    first, second = (model.layers[number].layer for number in (0, 2))
    copied(first, 0, 2)
    copied(second, 1, 4)
    small = checked(model, 2).model
    assert [small.layers[number].layer.filters for number in (0, 2)] == [3, 4]


def test_steps_through_other_layers_are_refused_by_name():
    below, each = layers.Dense(4, activation="tanh"), layers.TimeDistributed(layers.LayerNormalization(), name="each")
    model = weighted(keras.Sequential([keras.Input((5, 3)), below, each, layers.Dense(2)]))
    copied(below, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert refusal.layer == "each"


WRAPPED = {
    "both_ways": lambda: layers.Bidirectional(layers.LSTM(4, kernel_regularizer="l2", dropout=0.1), merge_mode="ave"),
    "stepwise": lambda: layers.TimeDistributed(layers.Dense(4, activation="relu", kernel_constraint="non_neg")),
}


@pytest.mark.parametrize("build", WRAPPED.values(), ids=WRAPPED)
def test_a_model_that_is_read_and_written_is_what_it_was(build):
    model = through(build())
    model.layers[0].trainable = False
    again = write(read(model))
    assert again.get_config() == model.get_config()
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_models_come_back_from_their_files(suffix, tmp_path):
    wrapper = layers.Bidirectional(layers.LSTM(5, return_sequences=True))
    model = through(wrapper, layers.TimeDistributed(layers.Dense(3)))
    for layer in both(wrapper):
        twin(layer, 0, 3)
    small = compact(model).model
    small.save(tmp_path / f"small.{suffix}")
    x = np.random.default_rng(0).standard_normal((4, 7, 3))
    assert np.array_equal(keras.models.load_model(tmp_path / f"small.{suffix}")(x), small(x))
