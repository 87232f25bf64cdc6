import numpy as np
import pytest
from forward import forward

from redundancy.building import Builder
from redundancy.errors import NetworkError
from redundancy.fold import drop, merge
from redundancy.surgery import operate


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def chain(dtype=np.float64, *, bias=True):
    """Two units that are equal, a function, and a reader."""
    b = Builder()
    kernel = normal(3, 4, dtype=dtype)
    kernel[:, 2] = kernel[:, 0]
    first = b.add("dense", b.input((3,)), name="first", weights={"kernel": kernel})
    tanh = b.add("activation", first, name="tanh", function="tanh")
    weights = {
        "kernel": normal(4, 2, seed=1, dtype=dtype),
        **({"bias": normal(2, seed=2, dtype=dtype)} if bias else {}),
    }
    return b.network(b.add("dense", tanh, name="last", weights=weights))


MERGE = merge(4, {2: (0, 1.0, 0.0)}, "duplicate")


def test_a_fold_makes_the_network_smaller_and_changes_nothing():
    network = chain()
    small = operate(network, {"tanh": MERGE}).network
    x = normal(5, 3, seed=3)
    assert small["first"].weights["kernel"].shape == (3, 3)
    assert small["tanh"].shape == (3,)
    assert np.allclose(forward(small, x), forward(network, x), atol=1e-13)


def test_the_network_that_came_in_is_untouched():
    network = chain()
    before = {node.name: dict(node.weights) for node in network}
    operate(network, {"tanh": MERGE})
    assert all(node.weights[name] is before[node.name][name] for node in network for name in node.weights)


@pytest.mark.parametrize("bias", [True, False])
def test_a_constant_moves_into_the_bias_which_is_made_if_there_is_none(bias):
    network = chain(bias=bias)
    small = operate(network, {"tanh": drop(4, {1: 0.5}, "constant")}).network
    expected = network["last"].weights.get("bias", 0) + 0.5 * network["last"].weights["kernel"][1]
    assert np.allclose(small["last"].weights["bias"], expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_keep_their_dtype(dtype):
    small = operate(chain(dtype), {"tanh": MERGE}).network
    assert {array.dtype for node in small for array in node.weights.values()} == {np.dtype(dtype)}


def test_a_sum_that_its_dtype_cannot_hold_is_refused():
    network = chain(np.float16)
    large = network.with_weights({"last": {"kernel": np.full((4, 2), 60000, np.float16)}})
    with pytest.raises(NetworkError, match="too large for float16"):
        operate(large, {"tanh": MERGE})


@pytest.mark.parametrize(("value", "factor"), [(100, 1.0), (1, 0.5)])
def test_whole_numbers_are_neither_wrapped_nor_rounded(value, factor):
    """200 is no int8, and neither is a half."""
    whole = chain().with_weights({"last": {"kernel": np.full((4, 2), value, np.int8)}})
    with pytest.raises(NetworkError, match="no int8 numbers"):
        operate(whole, {"tanh": merge(4, {2: (0, factor, 0.0)}, "scaled")})


@pytest.mark.parametrize(
    ("folds", "said"),
    [({"nowhere": MERGE}, "the taps are"), ({"tanh": merge(3, {1: (0, 1.0, 0.0)}, "")}, "speaks of 3 units")],
)
def test_a_fold_of_something_else_is_refused(folds, said):
    with pytest.raises(NetworkError, match=said):
        operate(chain(), folds)


def test_no_reader_is_left_without_units():
    operation = operate(chain(), {"tanh": drop(4, dict.fromkeys(range(4), 0.0), "dead")})
    assert "none of the units" in operation.refusals[0].reason
    assert operation.network.parameters == chain().parameters


def two_taps():
    """A tensor that a function reads, and that an Add passes on as it is."""
    b = Builder()
    stem = b.add("dense", b.input((3,)), name="stem", weights={"kernel": normal(3, 4)})
    branch = b.add("dense", stem, name="branch", weights={"kernel": normal(4, 4, seed=1)})
    joined = b.add("add", stem, branch, name="joined")
    return b.network(b.add("dense", joined, name="last", weights={"kernel": normal(4, 2, seed=2)}))


def test_a_fold_at_one_tap_only_is_refused():
    operation = operate(two_taps(), {"stem": MERGE})
    (refusal,) = operation.refusals
    assert (refusal.space, refusal.layer, refusal.units) == ("stem+branch", "last", 1)
    assert operation.network.parameters == two_taps().parameters


def test_taps_that_keep_different_units_are_refused():
    folds = {"stem": MERGE, "joined": merge(4, {3: (0, 1.0, 0.0)}, "duplicate")}
    assert len(operate(two_taps(), folds).refusals) == 1


def test_a_constant_before_zero_padding_is_refused():
    b = Builder()
    first = b.add("conv", b.input((5, 5, 1)), name="first", weights={"kernel": normal(3, 3, 1, 2)})
    last = b.add("conv", first, name="last", weights={"kernel": normal(3, 3, 2, 2)}, padding="same")
    operation = operate(b.network(last), {"first": drop(2, {1: 1.0}, "constant")})
    assert "pads with zeros" in operation.refusals[0].reason


def test_flattened_positions_are_folded_one_by_one():
    b = Builder()
    kernel = normal(2, 2, 1, 3)
    kernel[..., 1] = 2 * kernel[..., 0]
    conv = b.add("conv", b.input((4, 3, 1)), weights={"kernel": kernel})
    flat = b.add("flatten", conv, name="flat")
    network = b.network(b.add("dense", flat, weights={"kernel": normal(18, 2, seed=1)}))
    small = operate(network, {"flat": merge(3, {1: (0, 2.0, 0.0)}, "scaled")}).network
    x = normal(4, 4, 3, 1, seed=3)
    assert np.allclose(forward(small, x), forward(network, x), atol=1e-12)


def test_normalisation_loses_the_units_it_carried():
    b = Builder()
    first = b.add("dense", b.input((3,)), weights={"kernel": normal(3, 4)})
    ones = {name: np.ones(4) for name in ("gamma", "beta", "mean", "variance")}
    normal_ = b.add("batch_normalization", first, name="bn", weights=ones)
    network = b.network(b.add("dense", normal_, weights={"kernel": normal(4, 2)}))
    small = operate(network, {"bn": drop(4, {0: 0.0}, "dead")}).network
    assert {array.shape for array in small["bn"].weights.values()} == {(3,)}
