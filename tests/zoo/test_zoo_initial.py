import hashlib
import random
import subprocess
import sys

import numpy as np
import pytest

from redundancy.errors import RecipeError
from redundancy.zoo import (
    Initializer,
    Recipe,
    activation,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    draw,
    dropout,
    flatten,
    global_average_pooling,
    initial,
    max_pooling,
)
from redundancy.zoo.choices import INITIALIZERS
from redundancy.zoo.recipe import DTYPES
from redundancy.zoo.structure import structure

PLAIN = Recipe((conv(4, 3, activation="relu"), flatten(), dense(10)))
SHAPE = (6, 6, 1)
IN_ANOTHER_PROCESS = """
import hashlib
from redundancy.zoo import Recipe, conv, dense, flatten, initial
network = initial(Recipe((conv(4, 3, activation="relu"), flatten(), dense(10))), 2**62 + 1, (6, 6, 1))
print(hashlib.sha256(b"".join(a.tobytes() for node in network for a in node.weights.values())).hexdigest())
"""


def kernels(network):
    return [node.weights["kernel"] for node in network if "kernel" in node.weights]


def test_the_same_seed_gives_the_same_bits_in_another_process():
    done = subprocess.run([sys.executable, "-c", IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True)
    network = initial(PLAIN, 2**62 + 1, SHAPE)
    here = hashlib.sha256(b"".join(array.tobytes() for node in network for array in node.weights.values()))
    assert done.stdout.strip() == here.hexdigest()


def test_two_seeds_and_two_layers_share_no_weight():
    recipe = Recipe((dense(36), dense(36), flatten(), dense(10)))
    drawn = [
        kernel[:1, :10].tobytes() for seed in (0, 1, 2**32, 2**33) for kernel in kernels(initial(recipe, seed, (36,)))
    ]
    assert len(set(drawn)) == len(drawn) == 12


def test_the_initializer_decides_kernels_and_nothing_else():
    one, other = (initial(Recipe(PLAIN.architecture, name), 0, SHAPE) for name in ("he_normal", "orthogonal"))
    for node in one:
        same = [name for name, array in node.weights.items() if np.array_equal(array, other[node.name].weights[name])]
        assert same == [name for name in node.weights if name != "kernel"]


def test_optimizer_steps_and_data_do_not_change_the_start():
    other = Recipe(PLAIN.architecture, optimizer="sgd", steps=7, learning_rate=0.5, batch_size=3, data="other")
    for one, two in zip(kernels(initial(PLAIN, 3, SHAPE)), kernels(initial(other, 3, SHAPE)), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_every_initializer_draws_in_every_dtype(name, dtype):
    kernel = draw(name, (3, 3, 4, 8), 5, dtype)
    assert kernel.dtype.name == dtype
    assert kernel.shape == (3, 3, 4, 8)
    assert not kernel.flags.writeable
    assert len(np.unique(kernel.astype(np.float64))) > 100


def test_parameters_reach_keras():
    kernel = draw(Initializer("random_normal", mean=7.0, stddev=0.01), (100, 100), 0)
    assert abs(kernel.mean() - 7) < 0.01
    assert abs(kernel.std() - 0.01) < 0.001


def test_drawing_leaves_the_global_sources_of_randomness_alone():
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002 - to see that nothing moves it
    initial(PLAIN, 0, SHAPE)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


def test_the_structure_is_the_one_of_the_recipe():
    network = structure(PLAIN, SHAPE)
    assert [(node.name, node.kind, node.shape, node.layer) for node in network] == [
        ("input", "input", (6, 6, 1), "input"),
        ("conv_1", "conv", (4, 4, 4), "conv_1"),
        ("conv_1_relu", "activation", (4, 4, 4), "conv_1"),
        ("flatten_1", "flatten", (64,), "flatten_1"),
        ("dense_1", "dense", (10,), "dense_1"),
    ]


def test_a_graph_of_every_kind_has_the_right_shapes():
    recipe = Recipe(
        (
            conv(4, (3, 1), padding="same", strides=2, use_bias=False, name="a"),
            batch_normalization(),
            activation("leaky_relu", name="left"),
            conv(4, 3, padding="same", strides=2, inputs="input", name="right"),
            add("left", "right"),
            max_pooling(2, strides=1),
            average_pooling(2, padding="same", name="mean"),
            concatenate("mean", "mean"),
            dropout(0.25),
            global_average_pooling(),
            dense(10, use_bias=False),
        ),
        regularizer=("l1", 1e-3),
        dtype="float64",
    )
    network = initial(recipe, 0, SHAPE)
    assert [node.shape for node in network][-6:] == [(2, 2, 4), (1, 1, 4), (1, 1, 8), (1, 1, 8), (8,), (10,)]
    assert network["left"].config["negative_slope"] == 0.2
    assert {array.dtype.name for node in network for array in node.weights.values()} == {"float64"}
    assert [node.name for node in network if "regularizer" in node.config] == ["a", "right", "dense_1"]
    assert set(network["a"].weights) == {"kernel"}


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ((conv(4, 3), dense(10)), "not one number a class"),
        ((flatten(), conv(4, 3), flatten(), dense(10)), "needs a map"),
        ((conv(4, 9), flatten(), dense(10)), "too small"),
        ((conv(4, 3, name="a"), conv(3, 3, inputs="input", name="b"), add("a", "b"), flatten(), dense(10)), "shape"),
    ],
)
def test_layers_that_do_not_fit_are_refused_in_one_line(architecture, reason):
    with pytest.raises(RecipeError, match=reason) as refused:
        initial(Recipe(architecture), 0, SHAPE)
    assert "\n" not in str(refused.value)
