import keras
import numpy as np
import pytest
from fused_architectures import ARCHITECTURES
from hypothesis import given
from hypothesis import strategies as st

from redundancy.zoo import Recipe, activation, add, conv, dense, dropout, flatten, initial, max_pooling
from redundancy.zoo.fused.plan import RECTIFIED, TILED, TOGETHER, planned
from redundancy.zoo.fused.sizes import CACHE, LARGEST, group_size
from redundancy.zoo.fused.tiles import SIDE, Tiling
from redundancy.zoo.structure import structure

SHAPE = (6, 6, 1)


def kinds(*layers, batch_size=128, images=100, shape=SHAPE):
    return [part.kind for part in planned(structure(Recipe(layers), shape), batch_size, images).parts]


def test_a_linear_convolution_that_a_dense_layer_reads_is_one_matrix_with_it():
    assert kinds(conv(3, 3), flatten(), dense(3)) == ["input", TOGETHER]


@pytest.mark.parametrize(
    "layers",
    [
        (conv(3, 3, activation="relu"), flatten(), dense(3)),
        (conv(3, 3), dropout(0.5), flatten(), dense(3)),
        (conv(3, 3), flatten(), activation("tanh"), dense(3)),
        (conv(3, 3, strides=2), flatten(), dense(3)),
    ],
)
def test_what_lies_between_keeps_them_apart(layers):
    assert TOGETHER not in kinds(*layers)


def test_one_matrix_is_made_only_where_it_costs_less():
    assert TOGETHER not in kinds(conv(3, 3), flatten(), dense(3), batch_size=1)


def test_a_relu_is_computed_where_it_takes_the_least_memory():
    pooled = kinds(conv(3, 3, activation="relu"), max_pooling(), flatten(), dense(3))
    assert pooled == ["input", "conv", "max_pooling", "activation", "flatten", "dense"]
    assert kinds(conv(9, 3, activation="relu"), flatten(), dense(3)) == ["input", RECTIFIED, "flatten", "dense"]


def test_neither_a_relu_nor_a_convolution_moves_if_another_layer_reads_it():
    branches = (activation("relu", name="a"), max_pooling(1, inputs="a", name="b"), add("a", "b"))
    assert kinds(conv(3, 3), *branches, flatten(), dense(3))[1:3] == [RECTIFIED, "max_pooling"]
    inner = (conv(3, 3, name="c"), activation("relu", name="a"), add("a", "c"))
    assert kinds(*inner, flatten(), dense(3))[1:3] == ["conv", "activation"]


def test_a_first_convolution_of_few_filters_is_a_product_of_tiles():
    assert kinds(conv(8, 3, activation="relu"), flatten(), dense(3)) == ["input", TILED, "flatten", "dense"]


@pytest.mark.parametrize(
    ("layers", "changes"),
    [
        ((conv(8, 2, activation="relu"), flatten(), dense(3)), {}),
        ((conv(8, 3, activation="relu"), flatten(), dense(3)), {"shape": (6, 6, 3)}),
        ((conv(8, 3, activation="relu"), flatten(), dense(3)), {"images": 1 << 22}),
        ((conv(2, 3), conv(8, 3, activation="relu"), flatten(), dense(3)), {}),
        ((conv(8, 3, activation="relu", name="a"), conv(8, 3, inputs="input", name="b"), add("a", "b"), flatten(),
          dense(3)), {}),
        ((conv(1, 3, padding="same", activation="relu"), add("conv_1", "input"), flatten(), dense(3)), {}),
    ],
)  # fmt: skip
def test_images_are_not_cut_where_it_does_not_pay(layers, changes):
    assert TILED not in kinds(*layers, **changes)


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["valid", "same"]), st.integers(0, 9))
def test_a_product_of_tiles_is_the_convolution(height, width, padding, seed):
    rng = np.random.default_rng(seed)
    tiling = Tiling((7 + height % 2, 7 + width % 2, 1) if padding == "valid" else (6, 8, 1), (height, width), padding)
    images, kernel = rng.normal(size=(2, *tiling.images)), rng.normal(size=(height, width, 1, 3))
    matrix = np.einsum("apw,wf->apf", tiling.spread(), kernel.reshape(-1, 3))
    tiles = np.einsum("nta,apf->ntpf", tiling.cut(images), matrix)
    rows, columns = (size // SIDE for size in tiling.map)
    maps = tiles.reshape(2, rows, columns, SIDE, SIDE, 3).swapaxes(2, 3).reshape(2, *tiling.map, 3)
    plain = keras.ops.conv(images, kernel, padding=padding)
    np.testing.assert_allclose(maps, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_come_back_as_they_went(name):
    network = initial(Recipe(ARCHITECTURES[name]), 3, SHAPE)
    plan = planned(network, 16, 100)
    again = plan.network(structure(Recipe(ARCHITECTURES[name]), SHAPE), plan.laid(network))
    for node in network:
        for weight, array in node.weights.items():
            np.testing.assert_array_equal(again[node.name].weights[weight], array)


@given(st.integers(1, 10_000), st.integers(1, 10 * CACHE))
def test_groups_fit_and_leave_few_places_empty(wanted, each):
    size = group_size(wanted, each)
    assert 1 <= size <= min(LARGEST, wanted)
    assert size == 1 or size * each <= CACHE
    assert -wanted % size < -(-wanted // size)
    assert group_size(16, CACHE // 3) == 2
