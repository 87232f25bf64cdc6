"""Training on what another network says: of what rows it is asked, and how that is matched."""

import keras
import numpy as np
import pytest

from redundancy.errors import OptionError
from redundancy.frameworks.keras import evaluate, read
from redundancy.frameworks.keras.likelihood import head_of
from redundancy.frameworks.keras.tuning import _loss, _targets, _taught, tuned


def classifier(activation, seed=0, units=3):
    keras.utils.set_random_seed(seed)
    return read(
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(units, activation)])
    )


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(64, 4)).astype("float32")


def test_the_teacher_is_asked_about_mixtures_of_two_rows(rows):
    teacher = classifier("softmax")
    (mixed,), said = _taught((rows,), teacher, np.random.default_rng(0))
    assert np.array_equal(said, evaluate(teacher, mixed))
    assert not (mixed[:, None] == rows).all(axis=2).any()
    # A mixture lies on the line between two rows: the lengths of its two parts add up to theirs.
    parts = np.linalg.norm(mixed[:, None] - rows, axis=2)
    lines = np.linalg.norm(rows[:, None] - rows, axis=2)
    excess = parts[:, :, None] + parts[:, None, :] - lines
    assert excess.reshape(64, -1).min(axis=1).max() < 1e-5


def test_whole_numbers_and_places_in_tables_are_not_mixed():
    words = keras.Input((3,), dtype="int32")
    x = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(words))
    teacher = read(keras.Model(words, keras.layers.Dense(3, "softmax")(x)))
    given = np.random.default_rng(0).integers(0, 9, (20, 3))
    (asked,), _ = _taught((given,), teacher, np.random.default_rng(0))
    assert sorted(map(tuple, asked)) == sorted(map(tuple, given))


@pytest.mark.parametrize("between", [keras.layers.Flatten(), lambda x: keras.ops.cast(x, "int32")])
def test_places_in_tables_are_not_mixed_though_they_are_floats_on_their_way(between):
    words = keras.Input((3,))
    x = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(between(words)))
    teacher = read(keras.Model(words, keras.layers.Dense(3, "softmax")(x)))
    given = np.random.default_rng(0).integers(0, 9, (20, 3)).astype("float32")
    (asked,), _ = _taught((given,), teacher, np.random.default_rng(0))
    assert sorted(map(tuple, asked)) == sorted(map(tuple, given))


@pytest.mark.parametrize("distil", [False, True])
def test_inputs_by_name_are_given_by_name_in_whatever_order(distil, rows):
    keras.utils.set_random_seed(0)
    inputs = {"z": keras.Input((4,), name="z"), "a": keras.Input((3,), name="a")}
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Concatenate()(list(inputs.values())))
    network = read(keras.Model(inputs, outputs))
    given, labels = {"z": rows, "a": rows[:, :3]}, rows.argmax(axis=1) % 3
    teacher = network if distil else None
    arrays = tuple(given[name] for name in network.inputs)
    after = tuned(network, None, arrays, labels, head_of(network, labels, None), teacher=teacher)
    assert after.inputs == network.inputs


def test_a_loss_of_somebodys_own_is_given_the_numbers_of_classes_where_it_takes_them(rows):
    def own(labels, said):
        return keras.ops.sparse_categorical_crossentropy(keras.ops.reshape(labels, (-1,)), said)

    labels, network = rows[:, :3].argmax(axis=1), classifier("softmax")
    like = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    like.compile("adam", own)
    after = tuned(network, like, (rows,), labels, head_of(network, labels, None), epochs=20)
    right = [(evaluate(each, rows).argmax(axis=1) == labels).mean() for each in (network, after)]
    assert right[1] > right[0]


def test_a_temperature_means_the_same_for_scores_and_for_probabilities(rows):
    scores, chances = classifier(None), classifier("softmax")
    losses = []
    for network in (scores, chances):
        head = head_of(network, None, "categorical")
        logits = head.node == network.outputs[0]
        said = np.asarray(evaluate(network, rows), np.float64)
        targets = _targets(head, logits, said, 4.0)
        losses.append(np.asarray(_loss(head, logits, 4.0)(targets[::-1].astype("float32"), said.astype("float32"))))
    assert np.allclose(losses[0], losses[1], rtol=1e-4)
    assert np.ptp(losses[0]) > 0


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_network_comes_to_say_what_the_teacher_says(temperature):
    rows = np.random.default_rng(0).normal(size=(640, 4)).astype("float32")
    teacher, pupil = classifier("softmax"), classifier("softmax", seed=1)
    head = head_of(pupil, None, None)
    after = tuned(pupil, None, (rows,), None, head, teacher=teacher, temperature=temperature, epochs=80)
    apart = [np.abs(evaluate(network, rows) - evaluate(teacher, rows)).mean() for network in (pupil, after)]
    assert apart[1] < apart[0] / 3


def test_what_are_no_scores_of_classes_has_no_temperature(rows):
    network = classifier("sigmoid")
    with pytest.raises(OptionError, match="give distil=True"):
        tuned(network, None, (rows,), None, head_of(network, None, None), teacher=network, temperature=2.0)
