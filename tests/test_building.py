import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.errors import NetworkError


def kernel(*shape):
    return {"kernel": np.zeros(shape, np.float32)}


def test_defaults_are_filled_in_and_shapes_computed():
    b = Builder()
    x = b.input((9, 8, 2))
    conv = b.add("conv", x, weights=kernel(3, 2, 2, 5), strides=(2, 1))
    assert b.shape(conv) == (4, 7, 5)
    assert b.shape(b.add("max_pooling", conv, padding="same")) == (2, 4, 5)
    assert b.shape(b.add("flatten", conv)) == (140,)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_what_training_needs_to_know_is_an_option(kind):
    b = Builder()
    x = b.input((2, 2, 2))
    name = b.add(kind, x, weights=kernel(*(() if kind == "dense" else (1, 1)), 2, 3), regularizer=("l2", 0.5))
    assert b.network(name)[name].config["regularizer"] == ("l2", 0.5)


def test_extents_may_be_open():
    b = Builder()
    conv = b.add("conv", b.input((None, None, 2)), weights=kernel(3, 3, 2, 5))
    assert b.shape(conv) == (None, None, 5)
    assert b.shape(b.add("global_average_pooling", conv)) == (5,)


@pytest.mark.parametrize(
    ("add", "said"),
    [
        (lambda b: b.add("telepathy", "x"), "no rule for a node of kind 'telepathy'"),
        (lambda b: b.add("dense", "y", weights=kernel(2, 3)), "no node 'y' to read from"),
        (lambda b: b.add("dense", "x", weights=kernel(3, 3)), "does not fit input"),
        (lambda b: b.add("dense", weights=kernel(2, 3)), "reads nothing"),
        (lambda b: b.input((2,), "x"), "two nodes are called 'x'"),
        (lambda b: b.add("conv", "map", weights=kernel(3, 3, 2, 5)), "too small"),
        (
            lambda b: b.add("conv", "map", weights=kernel(1, 1, 2, 5), stride=2),
            "unknown option 'stride'; it has strides",
        ),
        (lambda b: b.add("conv", "x", weights=kernel(1, 1, 2, 5)), "does not slide over"),
        (lambda b: b.add("dense", "x"), "weight 'kernel' is missing"),
        (lambda b: b.add("dense", "x", weights={**kernel(2, 3), "scale": np.ones(3)}), "weight 'scale' is unknown"),
        (lambda b: b.add("dense", "x", weights={**kernel(2, 3), "bias": np.ones(2)}), "bias of shape"),
        (lambda b: b.add("dense", "x", weights=kernel(2)), "does not fit input"),
        (lambda b: b.add("dense", "x", "x", weights=kernel(2, 3)), "reads one node, not 2"),
        (lambda b: b.add("batch_normalization", "x", weights={"mean": np.zeros(2)}), "weight 'variance' is missing"),
        (lambda b: b.add("activation", "x"), "'function' must be given"),
    ],
)
def test_what_cannot_be_built_is_refused(add, said):
    b = Builder()
    b.input((2,), "x")
    b.input((2, 2, 2), "map")
    with pytest.raises(NetworkError, match=said):
        add(b)
