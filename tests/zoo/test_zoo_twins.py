import numpy as np
import pytest

from redundancy.errors import RecipeError
from redundancy.zoo import (
    Recipe,
    Twins,
    activation,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    dropout,
    flatten,
    global_average_pooling,
    initial,
    max_pooling,
)

SHAPE = (6, 6, 2)
BEHIND = {
    "a dense layer": (dense(5, name="first"), flatten(), dense(4)),
    "a flattened map": (conv(5, 3, activation="relu", name="first"), flatten(), dense(4)),
    "a convolution": (conv(5, 3, name="first"), conv(4, 3), flatten(), dense(4)),
    "layers that keep places": (
        conv(5, 3, name="first"),
        batch_normalization(),
        activation("tanh"),
        max_pooling(2),
        average_pooling(1),
        dropout(0.1),
        flatten(),
        dense(4),
    ),
    "a global mean": (conv(5, 3, name="first"), global_average_pooling(), dense(4)),
    "two consumers": (
        conv(5, 3, name="first"),
        conv(4, 1, name="x"),
        conv(4, 1, name="y", inputs="first"),
        add("x", "y"),
        flatten(),
        dense(4),
    ),
    "Concatenate, twice": (
        conv(3, 3, name="other"),
        conv(5, 3, name="first", inputs="input"),
        concatenate("first", "other", "first"),
        flatten(),
        dense(4),
    ),
    "Concatenate of flattened maps": (
        conv(3, 3),
        flatten(name="other"),
        conv(5, 3, name="first", inputs="input"),
        flatten(name="flat"),
        concatenate("other", "flat"),
        dense(4),
    ),
}


def swapped(network, i, j):
    """The network with units i and j of 'first' changed places in everything that makes them."""
    order = np.arange(network["first"].shape[-1])
    order[[i, j]] = j, i
    weights = {name: array[..., order] for name, array in network["first"].weights.items()}
    return network.with_weights({"first": weights})


@pytest.mark.parametrize("architecture", BEHIND.values(), ids=BEHIND)
def test_outgoing_weights_are_equal_in_every_consumer(architecture, outputs_of):
    network = initial(Recipe(architecture, twins=(Twins("first", (3, 1)),)), 0, SHAPE)
    # Make i and j compute different things. If all consumers weigh them alike, exchanging them changes nothing.
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=network["first"].weights["kernel"].shape).astype(np.float32)
    network = network.with_weights({"first": {"kernel": kernel}})
    x = rng.random((3, *SHAPE), dtype=np.float32)
    plain = outputs_of(network, x)
    np.testing.assert_allclose(outputs_of(swapped(network, 3, 1), x), plain, atol=1e-5)
    assert np.abs(outputs_of(swapped(network, 3, 2), x) - plain).max() > 1e-3


@pytest.mark.parametrize("outgoing", [True, False])
def test_only_what_twins_say_is_changed(outgoing):
    architecture = BEHIND["a flattened map"]
    plain = initial(Recipe(architecture), 0, SHAPE)
    twins = initial(Recipe(architecture, twins=(Twins("first", (3, 1), 2.0, outgoing=outgoing),)), 0, SHAPE)
    kernel = plain["first"].weights["kernel"].copy()
    kernel[..., 1] = 2 * kernel[..., 3]
    np.testing.assert_array_equal(twins["first"].weights["kernel"], kernel)
    rows = plain["dense_1"].weights["kernel"].reshape(16, 5, 4).copy()
    if outgoing:
        rows[:, 1] = rows[:, 3]
    np.testing.assert_array_equal(twins["dense_1"].weights["kernel"], rows.reshape(80, 4))


def test_three_units_can_be_equal_and_layers_in_a_row_can_have_twins():
    architecture = (conv(5, 3, name="a"), conv(4, 3, name="b"), flatten(), dense(4))
    planted = (Twins("a", (0, 1)), Twins("a", (0, 4)), Twins("b", (2, 3)))
    network = initial(Recipe(architecture, twins=planted), 0, SHAPE)
    a, b = network["a"].weights["kernel"], network["b"].weights["kernel"]
    for unit in (1, 4):
        np.testing.assert_array_equal(a[..., unit], a[..., 0])
        np.testing.assert_array_equal(b[:, :, unit], b[:, :, 0])
    np.testing.assert_array_equal(b[..., 3], b[..., 2])


def test_twins_that_no_layer_reads_are_refused_in_one_line():
    with pytest.raises(RecipeError, match="reach layer 'last': it is an output") as refused:
        initial(Recipe((flatten(), dense(4, name="last")), twins=(Twins("last", (0, 1)),)), 0, SHAPE)
    assert "\n" not in str(refused.value)


def test_twins_in_the_last_layer_need_no_consumer_where_none_is_asked_for():
    twins = (Twins("last", (0, 1), outgoing=False),)
    kernel = initial(Recipe((flatten(), dense(4, name="last")), twins=twins), 0, SHAPE)["last"].weights["kernel"]
    np.testing.assert_array_equal(kernel[:, 0], kernel[:, 1])
