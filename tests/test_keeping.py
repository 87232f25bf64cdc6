"""What layers keep outside their configuration and their weights comes back with them."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from command_line import called
from keras import layers
from planting_by_hand import copied, weighted

import redundancy
from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras import read, write


@keras.saving.register_keras_serializable("keeping")
class Learnt(layers.Layer):
    """Keeps a number by Keras's ways of saving."""

    factor = shift = 1.0

    def call(self, x):
        return x * self.factor + self.shift

    def save_own_variables(self, store):
        store["factor"] = np.asarray(self.factor)

    def load_own_variables(self, store):
        self.factor = float(np.asarray(store["factor"]))

    def save_assets(self, folder):
        Path(folder, "shift.txt").write_text(str(self.shift))

    def load_assets(self, folder):
        self.shift = float(Path(folder, "shift.txt").read_text())


@keras.saving.register_keras_serializable("keeping")
class Unwilling(Learnt):
    """Cannot be saved."""

    def save_assets(self, folder):
        raise OSError("no\nroom")


@keras.saving.register_keras_serializable("keeping")
class Forgetful(Learnt):
    """Cannot be given what it saved."""

    def load_assets(self, folder):
        raise KeyError("nothing\nthere")


def behind(keeper, again=False):
    """A layer with two equal units, and one behind it that keeps something."""
    x = keras.Input((4,))
    first = layers.Dense(5, activation="relu")
    y = keeper(layers.Dense(3)(first(x)))
    model = weighted(keras.Model(x, keeper(y) if again else y))
    copied(first, 0, 2)
    return model


def difference(model, inputs):
    small = redundancy.compact(model)
    assert small.removals
    return np.max(np.abs(np.asarray(model(inputs)) - np.asarray(small.model(inputs))))


ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_layer_of_ones_own_saves_comes_back(again, wrapped):
    keeper = Learnt(name="learnt")
    keeper.factor, keeper.shift = 3.0, -7.0
    assert difference(behind(keras.Sequential([keeper]) if wrapped else keeper, again), ROWS) < 1e-4


def test_what_a_layer_keeps_stays_what_it_was_when_the_network_was_read():
    keeper = Learnt(name="learnt")
    model = behind(keeper)
    network = read(model)
    before = np.asarray(model(ROWS))
    keeper.factor = 5.0
    np.testing.assert_allclose(write(network)(ROWS), before, rtol=1e-6)


@pytest.mark.parametrize("cls", [Unwilling, Forgetful])
def test_what_cannot_be_taken_along_is_refused_on_one_line(cls):
    model = behind(cls(name="own"))
    assert redundancy.audit(model).findings
    with pytest.raises(UnsupportedError, match=r"cannot write layer 'own'.*(saved|kept)") as refusal:
        redundancy.compact(model)
    assert "\n" not in str(refusal.value)


def adapted(kind):
    """(model, inputs) with a layer that has learnt its words."""
    words, numbers = np.array([["a"], ["b"], ["dog"]]), np.array([[1], [7], [30]])
    given = numbers if kind == "integers" else words
    x = keras.Input((1,), dtype="int64" if kind == "integers" else "string")
    lookup = {
        "one_hot": lambda: layers.StringLookup(output_mode="one_hot"),
        "tf_idf": lambda: layers.StringLookup(output_mode="tf_idf"),
        "integers": lambda: layers.IntegerLookup(output_mode="multi_hot"),
        "text": lambda: layers.TextVectorization(output_mode="tf_idf"),
    }[kind]()
    lookup.adapt(given)
    first = layers.Dense(5, activation="relu")
    model = weighted(keras.Model(x, layers.Dense(2)(first(lookup(x)))))
    copied(first, 0, 2)
    return model, tf.constant([*given.tolist(), [99] if kind == "integers" else ["zz"]])


@pytest.mark.parametrize("kind", ["one_hot", "tf_idf", "integers", "text"])
def test_a_vocabulary_that_was_learnt_comes_back(kind):
    assert difference(*adapted(kind)) < 1e-4


def test_a_vocabulary_that_no_configuration_says_is_refused():
    lookup = layers.StringLookup(vocabulary=["x"], output_mode="one_hot")
    x, first = keras.Input((1,), dtype="string"), layers.Dense(5)
    model = weighted(keras.Model(x, layers.Dense(2)(first(lookup(x)))))
    copied(first, 0, 2)
    assert difference(model, tf.constant([["x"], ["y"]])) < 1e-4
    lookup.set_vocabulary(["y"])
    with pytest.raises(UnsupportedError, match="vocabulary was set after"):
        redundancy.compact(model)


def test_a_vocabulary_in_front_of_a_table_of_words_comes_back():
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(["a b c", "dog"])
    x, table = keras.Input((), dtype="string"), layers.Embedding(9, 6)
    model = weighted(keras.Model(x, layers.LSTM(3)(table(words(x)))))
    copied(table, 0, 2)
    assert difference(model, tf.constant(["a b", "zz dog"])) < 1e-4


def test_a_space_of_features_comes_back():
    space = keras.utils.FeatureSpace({"word": "string_categorical", "size": "float_normalized"}, output_mode="concat")
    rows = {"word": np.array(["a", "b", "dog"]), "size": np.array([1.0, 2.0, 5.0])}
    space.adapt(tf.data.Dataset.from_tensor_slices(rows))
    first = layers.Dense(5, activation="relu")
    inputs = dict(space.get_inputs())
    model = keras.Model(inputs, layers.Dense(2)(first(space.get_encoded_features())))
    copied(first, 0, 2)
    assert difference(model, {name: tf.constant(rows[name][:, None]) for name in inputs}) < 1e-4


def test_a_file_with_a_vocabulary_is_compacted_by_the_command_line(tmp_path, capsys):
    model, words = adapted("one_hot")
    model.save(tmp_path / "model.keras")
    code, _, said = called(capsys, "compact", tmp_path / "model.keras", "-o", tmp_path / "small.keras")
    assert code == 0, said
    small = keras.models.load_model(tmp_path / "small.keras")
    np.testing.assert_allclose(small(words), model(words), atol=1e-4)
