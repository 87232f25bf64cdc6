"""Attention in Keras models with redundancy planted by hand: what goes is counted, and outputs compared in float64."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import checked, copied, weighted

from redundancy.frameworks.keras import read, write
from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")

HEADS, KEYS, VALUES, UNITS = 3, 4, 5, 6


def self_attention(called=lambda mha, x: mha(x, x), **options):
    """A layer in which each position attends to all, upon units that nothing relates."""
    x = keras.Input((7, UNITS))
    mha = layers.MultiHeadAttention(HEADS, KEYS, value_dim=VALUES, name="mha", **options)
    return weighted(keras.Model(x, layers.Dense(3)(called(mha, x)))), mha


def project(mha, name, change):
    """Changes a projection in place: the kernel as (read, heads, width), the bias as (1, heads, width)."""
    dense = getattr(mha, f"{name}_dense")
    weights = [weight.copy() for weight in dense.get_weights()]
    for weight in weights:
        change(weight if weight.ndim == 3 else weight[None])
    dense.set_weights(weights)


def every_head(mha, name, change):
    """The same change to each head of a projection, as (..., width)."""

    def changed(weight):
        for head in range(weight.shape[1]):
            change(weight[:, head])

    project(mha, name, changed)


def scale(source, copy, factor):
    def change(weight):
        weight[..., copy] = factor * weight[..., source]

    return change


def same_head(source, copy):
    def change(weight):
        weight[:, copy] = weight[:, source]

    return change


def sizes(result):
    mha = result.model.get_layer("mha")
    return mha.num_heads, mha.key_dim, mha.value_dim


CALLS = {
    "positional": lambda mha, x: mha(x, x),
    "three": lambda mha, x: mha(x, x, x),
    "named": lambda mha, x: mha(query=x, key=x, value=x),
    "causal": lambda mha, x: mha(x, x, use_causal_mask=True),
}


@pytest.mark.parametrize("called", CALLS.values(), ids=CALLS)
def test_values_that_are_multiples_in_every_head_go(called):
    model, mha = self_attention(called)
    every_head(mha, "value", scale(0, 2, -2.0))
    result = checked(model, HEADS)
    assert sizes(result) == (HEADS, KEYS, VALUES - 1)


def test_values_that_depend_on_several_go():
    model, mha = self_attention()
    every_head(mha, "value", lambda weight: np.copyto(weight[..., 3], weight[..., 0] - weight[..., 1]))
    assert sizes(checked(model, HEADS)) == (HEADS, KEYS, VALUES - 1)


def test_values_that_are_multiples_in_some_heads_only_stay():
    model, mha = self_attention()
    project(mha, "value", lambda weight: np.copyto(weight[:, 1, 3], weight[:, 1, 0]))
    result = checked(model, 0)
    assert any(refusal.layer == "mha/attention" and refusal.units == 1 for refusal in result.refusals)


@pytest.mark.parametrize("name", ["query", "key"])
@pytest.mark.parametrize("options", [{"dropout": 0.3}, {"use_bias": False}], ids=str)
def test_of_queries_and_keys_either_side_can_be_multiples(name, options):
    model, mha = self_attention(**options)
    every_head(mha, name, scale(1, 3, -0.5))
    assert sizes(checked(model, HEADS)) == (HEADS, KEYS - 1, VALUES)


@pytest.mark.parametrize("name", ["query", "key"])
def test_queries_or_keys_that_are_zero_take_their_partners_along(name):
    model, mha = self_attention()
    every_head(mha, name, scale(1, 3, 0.0))
    assert sizes(checked(model, HEADS)) == (HEADS, KEYS - 1, VALUES)


@pytest.mark.parametrize(("name", "left"), [("key", KEYS - 1), ("query", KEYS)])
def test_constant_keys_go_and_constant_queries_stay(name, left):
    """A constant key adds the same to the score of every position; a constant query adds another key to each."""
    model, mha = self_attention()
    dense = getattr(mha, f"{name}_dense")
    kernel, bias = dense.get_weights()
    kernel[..., 2] = 0.0
    dense.set_weights([kernel, bias])
    assert sizes(checked(model, HEADS if left < KEYS else 0)) == (HEADS, left, VALUES)


def test_queries_are_told_that_their_heads_have_become_narrower():
    model, mha = self_attention()
    every_head(mha, "query", scale(1, 3, 0.0))
    before = mha.query_dense.get_weights()[0][..., :3]
    after = compact(model).model.get_layer("mha").query_dense.get_weights()[0]
    np.testing.assert_allclose(after, before * np.sqrt(3 / 4), rtol=1e-7)


@pytest.mark.parametrize("side", ["value", "output"])
def test_a_head_that_adds_nothing_goes_with_its_queries_and_keys(side):
    model, mha = self_attention()
    if side == "value":
        project(mha, "value", lambda weight: weight[:, 1].fill(0.0))
    else:
        kernel, bias = mha.output_dense.get_weights()
        kernel[1] = 0.0
        mha.output_dense.set_weights([kernel, bias])
    assert sizes(checked(model, KEYS + VALUES)) == (HEADS - 1, KEYS, VALUES)


def test_a_head_with_constant_values_becomes_a_bias():
    model, mha = self_attention()
    kernel, bias = mha.value_dense.get_weights()
    kernel[:, 1] = 0.0
    mha.value_dense.set_weights([kernel, bias])
    assert sizes(checked(model, KEYS + VALUES)) == (HEADS - 1, KEYS, VALUES)


def test_a_head_goes_while_the_others_become_narrower():
    model, mha = self_attention()
    project(mha, "value", lambda weight: weight[:, 1].fill(0.0))
    every_head(mha, "value", scale(0, 2, 3.0))
    every_head(mha, "key", scale(0, 2, 3.0))
    result = compact(model)
    assert sizes(result) == (HEADS - 1, KEYS - 1, VALUES - 1)
    assert result.difference <= 1e-9 * result.scale


def test_of_equal_heads_one_goes():
    model, mha = self_attention()
    for name in ("query", "key", "value"):
        project(mha, name, same_head(0, 2))
    assert sizes(checked(model, KEYS + VALUES)) == (HEADS - 1, KEYS, VALUES)


@pytest.mark.parametrize("equal", [("query", "key"), ("query", "value"), ("key", "value"), ("value",)], ids=str)
def test_heads_that_are_equal_in_part_stay(equal):
    model, mha = self_attention()
    for name in equal:
        project(mha, name, same_head(0, 2))
    checked(model, 0)


def test_heads_all_of_whose_values_are_zero_leave_one():
    model, mha = self_attention()
    project(mha, "value", lambda weight: weight.fill(0.0))
    assert sizes(compact(model))[0] == 1


def test_what_it_reads_folds_in_every_projection():
    x = keras.Input((7, 4))
    below, mha = layers.Dense(5, activation="tanh"), layers.MultiHeadAttention(2, 3, name="mha", output_shape=4)
    y = below(x)
    model = weighted(keras.Model(x, layers.Dense(3)(mha(y, y))))
    kernel, bias = below.get_weights()
    kernel[:, 2], bias[2] = -kernel[:, 0], -bias[0]
    kernel[:, 3] = 0.0
    below.set_weights([kernel, bias])
    checked(model, 2)


def test_what_it_makes_folds_like_what_a_dense_layer_makes():
    model, mha = self_attention(output_shape=4)
    kernel, bias = mha.output_dense.get_weights()
    kernel[..., 1], bias[1] = kernel[..., 0], bias[0]
    mha.output_dense.set_weights([kernel, bias])
    checked(model, 1)


def test_attention_to_another_sequence():
    x, z = keras.Input((7, 4)), keras.Input((5, 3))
    memory, mha = layers.Dense(6, activation="tanh"), layers.MultiHeadAttention(2, 3, value_dim=4, name="mha")
    model = weighted(keras.Model([x, z], layers.Dense(2)(mha(x, memory(z)))))
    copied(memory, 0, 1)
    every_head(mha, "value", scale(0, 1, 2.0))
    assert sizes(checked(model, 3)) == (2, 3, 3)


def test_a_mask_lets_multiples_go_but_no_constants():
    """Where all is masked nothing is seen, not even a constant."""
    x, mask = keras.Input((7, UNITS)), keras.Input((7, 7), dtype="bool")
    mha = layers.MultiHeadAttention(HEADS, KEYS, value_dim=VALUES, name="mha", dropout=0.1)
    model = weighted(keras.Model([x, mask], layers.Dense(3)(mha(x, x, attention_mask=mask))))
    every_head(mha, "value", scale(0, 2, 3.0))
    kernel, bias = mha.value_dense.get_weights()
    kernel[..., 4] = 0.0
    mha.value_dense.set_weights([kernel, bias])
    result = checked(model, HEADS)
    rng = np.random.default_rng(0)
    batch = [rng.standard_normal((4, 7, UNITS)), np.zeros((4, 7, 7), bool)]
    np.testing.assert_allclose(result.model(batch), model(batch), atol=1e-12)


def test_a_layer_that_is_called_twice_folds_its_values_only():
    x, z = keras.Input((7, UNITS)), keras.Input((7, UNITS))
    mha = layers.MultiHeadAttention(2, KEYS, value_dim=VALUES, name="mha")
    model = weighted(keras.Model([x, z], layers.Dense(2)(layers.Concatenate()([mha(x, x), mha(z, z)]))))
    every_head(mha, "value", scale(0, 2, 3.0))
    every_head(mha, "query", scale(0, 2, 3.0))
    result = checked(model, 2)
    assert any("several times" in refusal.reason for refusal in result.refusals)


def encoder(mask_zero=False):
    tokens = keras.Input((9,), dtype="int32")
    x = layers.Embedding(13, 8, mask_zero=mask_zero)(tokens)
    mha = layers.MultiHeadAttention(2, 4, name="mha")
    x = layers.LayerNormalization()(layers.Add()([x, mha(x, x)]))
    hidden = layers.Dense(12, activation="gelu", name="hidden")
    x = layers.LayerNormalization()(x + layers.Dense(8)(hidden(x)))
    return weighted(keras.Model(tokens, layers.Dense(2)(x[:, 0]))), mha, hidden


@pytest.mark.parametrize("mask_zero", [False, True])
def test_the_block_of_a_transformer(mask_zero):
    model, mha, hidden = encoder(mask_zero)
    copied(hidden, 0, 1)
    every_head(mha, "value", scale(0, 3, 1.0))
    every_head(mha, "query", scale(0, 3, 2.0))
    result = checked(model, 5)
    assert sizes(result) == (2, 3, 3)


REFUSED = {
    "scores": lambda x: layers.MultiHeadAttention(2, 3, name="refused")(x, x, return_attention_scores=True)[0],
    "gate": lambda x: layers.MultiHeadAttention(2, 3, name="refused", use_gate=True)(x, x),
    "grouped": lambda x: layers.GroupQueryAttention(4, 4, 2, name="refused")(x, x),
    "luong": lambda x: layers.Attention(name="refused")([x, x]),
    "bahdanau": lambda x: layers.AdditiveAttention(name="refused")([x, x]),
}


@pytest.mark.parametrize("called", REFUSED.values(), ids=REFUSED)
def test_other_attention_is_refused_by_name(called):
    x, below = keras.Input((7, 3)), layers.Dense(4, activation="tanh")
    model = weighted(keras.Model(x, layers.Dense(2)(called(below(x)))))
    copied(below, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert refusal.layer == "refused"
    assert "no rule" not in refusal.reason


def test_a_model_that_is_read_and_written_is_what_it_was():
    model, mha = self_attention(kernel_regularizer="l2", bias_constraint="non_neg", dropout=0.1)
    mha.trainable = False
    again = write(read(model))
    assert again.get_config() == model.get_config()
    assert not again.get_layer("mha").trainable
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_models_come_back_from_their_files(suffix, tmp_path):
    model, mha = self_attention()
    project(mha, "value", lambda weight: weight[:, 1].fill(0.0))
    small = compact(model).model
    small.save(tmp_path / f"small.{suffix}")
    x = np.random.default_rng(0).standard_normal((4, 7, UNITS))
    assert np.array_equal(keras.models.load_model(tmp_path / f"small.{suffix}")(x), small(x))
