"""Recurrent Keras models with redundancy planted by hand: what goes is counted, and outputs compared in float64."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import checked, copied, gatewise, weighted

from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")

KINDS = {
    "simple": (layers.SimpleRNN, 1, {}),
    "gru": (layers.GRU, 3, {}),
    "gru_reset_before": (layers.GRU, 3, {"reset_after": False}),
    "lstm": (layers.LSTM, 4, {}),
}
EVERY = pytest.mark.parametrize(("cls", "gates", "options"), KINDS.values(), ids=KINDS)


def twin(layer, source, copy, gates=slice(None)):
    """Tells unit `copy` at every step what unit `source` is told; it is read as before."""

    def change(weight):
        weight[..., gates, copy] = weight[..., gates, source]

    gatewise(layer, change)


def silence(layer, unit, gates=slice(None)):
    def change(weight):
        weight[..., gates, unit] = 0.0

    gatewise(layer, change)


def two(cls, **options):
    """Two layers, one upon the other, and a reader."""
    first, second = cls(6, return_sequences=True, **options), cls(5, **options)
    return weighted(keras.Sequential([keras.Input((7, 4)), first, second, layers.Dense(3)])), first, second


@EVERY
@pytest.mark.parametrize("more", [{"go_backwards": True}, {"unroll": True, "use_bias": False}], ids=str)
def test_twins_go(cls, gates, options, more):
    model, first, second = two(cls, **options, **more)
    twin(first, 0, 3)
    twin(second, 1, 4)
    small = checked(model, 2).model
    assert [layer.units for layer in small.layers] == [5, 4, 3]
    assert [layer.name for layer in small.layers] == [layer.name for layer in model.layers]


@EVERY
def test_twins_that_each_read_themselves_go(cls, gates, options):
    """Unit 3 reads itself as unit 0 does itself, so that their columns differ and they are equal all the same."""
    model, first, _ = two(cls, **options)
    twin(first, 0, 3)
    kernel, recurrent, *bias = first.get_weights()
    wide = recurrent.reshape(6, gates, 6)
    wide[0, :, 3], wide[3, :, 3] = wide[3, :, 0], wide[0, :, 0]
    first.set_weights([kernel, recurrent, *bias])
    checked(model, 1)


@EVERY
def test_a_unit_into_which_nothing_enters_is_dead(cls, gates, options):
    model, first, _ = two(cls, **options)
    silence(first, 2, [{1: 0, 3: 2, 4: 2}[gates]])
    checked(model, 1)


def test_nothing_that_enters_is_not_nothing_under_a_sigmoid():
    model, first, _ = two(layers.SimpleRNN, activation="sigmoid")
    silence(first, 2)
    checked(model, 0)


@EVERY
@pytest.mark.parametrize("biased", [True, False])
def test_what_it_reads_folds_like_what_a_dense_layer_reads(cls, gates, options, biased):
    below, layer = layers.Dense(5, activation="sigmoid"), cls(4, use_bias=biased, **options)
    model = weighted(keras.Sequential([keras.Input((6, 3)), below, layer, layers.Dense(2)]))
    kernel, bias = below.get_weights()
    kernel[:, 1], bias[1] = -kernel[:, 0], -bias[0]
    kernel[:, 2] = 0.0
    below.set_weights([kernel, bias])
    small = checked(model, 2).model
    assert small.layers[1].use_bias


def refused(layer):
    """Why a layer does not let the units fold that it reads."""
    below, x = layers.Dense(4, activation="tanh"), keras.Input(batch_shape=(8, 5, 3))
    model = weighted(keras.Model(x, layers.Dense(2)(layer(below(x)))))
    copied(below, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert refusal.layer == layer.name
    return refusal


def test_functions_that_work_on_all_units_at_once_are_refused_by_name():
    refusal = refused(layers.LSTM(4, recurrent_activation="softmax"))
    assert "softmax" in refusal.reason


def test_a_mask_lets_twins_go():
    embedding = layers.Embedding(11, 6, mask_zero=True)
    first, second = layers.LSTM(5, return_sequences=True), layers.GRU(4)
    x = keras.Input((7,), dtype="int32")
    model = weighted(keras.Model(x, layers.Dense(2)(second(first(embedding(x))))))
    table = embedding.get_weights()[0]
    table[:, 2] = table[:, 0]
    embedding.set_weights([table])
    twin(first, 0, 3)
    twin(second, 1, 2)
    checked(model, 3)


def translator(units=5):
    """A layer reads a sentence, and another begins where it ended."""
    encoder, decoder = layers.LSTM(units, return_state=True), layers.LSTM(units, return_sequences=True)
    x, y = keras.Input((7, 3)), keras.Input((None, 4))
    _, *states = encoder(x)
    outputs = layers.Dense(3, activation="softmax")(decoder(y, initial_state=states))
    return weighted(keras.Model([x, y], outputs)), encoder, decoder


def test_a_layer_that_begins_where_another_ended_shares_its_units():
    model, encoder, decoder = translator()
    for layer in (encoder, decoder):
        twin(layer, 0, 3)
    small = checked(model, 1).model
    assert [small.get_layer(layer.name).units for layer in (encoder, decoder)] == [4, 4]


@pytest.mark.parametrize("number", [0, 1])
def test_twins_in_one_of_two_layers_that_share_units_stay(number):
    model, *both = translator()
    twin(both[number], 0, 3)
    checked(model, 0)


def test_a_state_that_is_an_output_stays():
    x = keras.Input((5, 3))
    layer = layers.GRU(4, return_state=True)
    model = weighted(keras.Model(x, [layers.Dense(2)(layer(x)[0]), layer(x)[1]]))
    twin(layer, 0, 1)
    result = checked(model, 0)
    assert any("output" in refusal.reason for refusal in result.refusals)


def test_a_layer_that_keeps_its_state_from_call_to_call_is_refused_by_name():
    refusal = refused(layers.LSTM(4, stateful=True))
    assert "from one call to the next" in refusal.reason


def test_what_a_layer_keeps_from_call_to_call_is_left_as_it_was():
    layer, x = layers.GRU(3, stateful=True), keras.Input(batch_shape=(8, 5, 3))
    model = weighted(keras.Model(x, layers.Dense(2)(layer(x))))
    model(np.ones((8, 5, 3)))
    before = np.array(keras.ops.convert_to_numpy(layer.states[0]))
    assert compact(model).difference == 0
    assert np.array_equal(before, keras.ops.convert_to_numpy(layer.states[0]))


@pytest.mark.parametrize("dtype", ["mixed_float16", "float32"])
def test_what_is_not_about_units_survives(dtype, tmp_path):
    first = layers.LSTM(
        5, kernel_regularizer="l2", recurrent_constraint=keras.constraints.MaxNorm(3), dropout=0.2, dtype=dtype
    )
    model = weighted(keras.Sequential([keras.Input((6, 3)), first, layers.Dense(2, dtype="float32")]))
    first.trainable = False
    twin(first, 0, 1)
    model.save(tmp_path / "model.keras")
    new = compact(tmp_path / "model.keras").model.layers[0]
    assert (new.units, new.name, new.trainable, new.dtype_policy.name) == (4, first.name, False, dtype)
    assert (new.kernel_regularizer.l2, new.recurrent_constraint.max_value, new.dropout) == (
        first.kernel_regularizer.l2,
        3,
        0.2,
    )


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_models_come_back_from_their_files(suffix, tmp_path):
    model, first, _ = two(layers.GRU)
    twin(first, 0, 3)
    small = compact(model).model
    small.save(tmp_path / f"small.{suffix}")
    x = np.random.default_rng(0).standard_normal((4, 7, 4))
    assert np.array_equal(keras.models.load_model(tmp_path / f"small.{suffix}")(x), small(x))


@EVERY
def test_a_layer_may_have_a_mask_in_one_call_only(cls, gates, options):
    """It was a traceback."""
    words, vectors, recurrent = keras.Input((5,), dtype="int32"), keras.Input((5, 4)), cls(6, **options)
    masked = layers.Embedding(9, 4, mask_zero=True)(words)
    joined = layers.Concatenate()([recurrent(masked), recurrent(layers.Dense(4)(vectors))])
    model = weighted(keras.Model([words, vectors], layers.Dense(2)(joined)))
    twin(recurrent, 0, 3)
    checked(model, 1)


@EVERY
def test_a_layer_may_have_a_state_in_one_call_only(cls, gates, options):
    first, second, recurrent = keras.Input((6, 4)), keras.Input((3, 4)), cls(6, return_state=True, **options)
    _, *states = recurrent(first)
    model = weighted(keras.Model([first, second], layers.Dense(2)(recurrent(second, initial_state=states)[0])))
    checked(model, 0)
