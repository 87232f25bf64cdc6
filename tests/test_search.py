import ml_dtypes
import numpy as np
import pytest
from forward import forward
from hypothesis import given
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.compaction import compact
from redundancy.errors import NetworkError
from redundancy.fold import Holds
from redundancy.search import search
from redundancy.strategies import networks


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def head(b, name, units, outputs=2, **options):
    """A dense layer on top, and the network."""
    return b.network(b.add("dense", name, weights={"kernel": normal(units, outputs, seed=9)}, **options))


def same(network, seed=0, tolerance=1e-9):
    """The compacted network, after its outputs were compared."""
    result = compact(network)
    x = normal(6, *network[network.inputs[0]].shape, seed=seed)
    assert np.allclose(forward(result.network, x), forward(network, x), atol=tolerance)
    return result


@given(networks(), st.integers(0, 100))
def test_float32_networks_compute_the_same_to_rounding(network, seed):
    x = normal(4, *network[network.inputs[0]].shape, seed=seed)
    before, after = forward(network, x), forward(compact(network).network, x)
    assert np.max(np.abs(before - after)) <= 1e-4 * (1 + np.max(np.abs(before)))


@given(networks(dtype="float64"))
def test_nothing_is_left_to_find(network):
    small = compact(network).network
    assert search(small).found == ()


def test_all_constants_before_zero_padding_become_one():
    """No bias can stand in for a constant beyond the border, but one constant can stand in for another."""
    b = Builder()
    kernel = np.concatenate([normal(1, 1, 1, 2), np.zeros((1, 1, 1, 2))], axis=-1)
    first = b.add("conv", b.input((5, 5, 1)), weights={"kernel": kernel, "bias": np.array([0.1, 0.2, 1.0, 3.0])})
    tanh = b.add("activation", first, function="tanh")
    last = b.add("conv", tanh, padding="same", weights={"kernel": normal(3, 3, 4, 2, seed=1)})
    network = b.network(b.add("flatten", last))
    result = same(network)
    assert result.network["conv_1"].weights["kernel"].shape[-1] == 3


def test_a_linear_chain_shrinks_to_its_rank():
    b = Builder()
    wide = b.add("dense", b.input((2,)), weights={"kernel": normal(2, 9)})
    wider = b.add("dense", wide, weights={"kernel": normal(9, 12, seed=1)})
    small = same(head(b, wider, 12)).network
    assert [small[name].shape for name in (wide, wider)] == [(2,), (2,)]


def test_a_layer_without_information_keeps_one_unit():
    b = Builder()
    first = b.add("dense", b.input((3,)), name="first", weights={"kernel": np.zeros((3, 4)), "bias": -np.ones(4)})
    relu = b.add("activation", first, function="relu")
    assert same(head(b, relu, 4)).network["first"].shape == (1,)


def test_what_folds_in_one_layer_can_make_units_of_the_next_alike():
    b = Builder()
    kernel = normal(3, 2)
    kernel[:, 1] = kernel[:, 0]
    first = b.add("dense", b.input((3,)), name="first", weights={"kernel": kernel})
    tanh = b.add("activation", first, function="tanh")
    crossed = np.array([[1.0, 3.0], [3.0, 1.0]])  # equal sums, unequal columns
    second = b.add("dense", tanh, name="second", weights={"kernel": crossed})
    result = same(head(b, b.add("activation", second, function="tanh"), 2))
    assert [(r.space, r.why) for r in result.removals] == [("first", "duplicate"), ("second", "duplicate")]


def test_a_box_makes_units_dead_that_are_not_dead_everywhere():
    b = Builder()
    weights = {"kernel": np.array([[1.0, -1.0], [1.0, 2.0]]), "bias": np.array([-3.0, 0.0])}
    first = b.add("dense", b.input((2,), "x"), name="first", weights=weights)
    network = head(b, b.add("activation", first, function="relu"), 2)
    assert search(network).found == ()
    result = compact(network, box={"x": (0.0, 1.0)})
    (removal,) = result.removals
    assert (removal.unit, removal.why, removal.holds) == (0, "dead", Holds.BOX)
    inside = np.random.default_rng(0).random((50, 2))
    assert np.allclose(forward(result.network, inside), forward(network, inside))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gain_of_either_sign_goes_through_max_pooling_only_with_its_sign(sign):
    b = Builder()
    kernel = normal(2, 2, 1, 2)
    kernel[..., 1] = kernel[..., 0]
    conv = b.add("conv", b.input((5, 5, 1)), name="conv", weights={"kernel": kernel})
    weights = {"gamma": np.array([1.0, 2.0 * sign]), "mean": np.zeros(2), "variance": np.ones(2)}
    pooled = b.add("max_pooling", b.add("batch_normalization", conv, weights=weights))
    result = same(head(b, b.add("flatten", pooled), 8))
    assert result.network["conv"].shape[-1] == (1 if sign > 0 else 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_offsets_pass_average_pooling(padding):
    b = Builder()
    kernel = normal(2, 2, 1, 2)
    kernel[..., 1] = kernel[..., 0]
    conv = b.add("conv", b.input((6, 6, 1)), name="conv", weights={"kernel": kernel, "bias": np.array([0.0, 5.0])})
    pooled = b.add("average_pooling", conv, padding=padding, pool_size=(3, 3), strides=(2, 2))
    flat = b.add("flatten", pooled)
    assert same(head(b, flat, b.shape(flat)[0])).network["conv"].shape[-1] == 1


@pytest.mark.parametrize("options", [{"strides": (2, 1)}, {"dilation": (2, 2)}, {"padding": "same"}])
def test_convolutions_of_every_geometry_take_folds_over(options):
    b = Builder()
    kernel = normal(3, 2, 2, 4)
    kernel[..., 3] = -2 * kernel[..., 1]
    first = b.add(
        "conv", b.input((9, 8, 2)), name="first", weights={"kernel": kernel, "bias": np.array([0, 1, 2, -2.0])}
    )
    second = b.add("conv", first, weights={"kernel": normal(2, 3, 4, 3, seed=2)}, **options)
    result = same(b.network(b.add("flatten", b.add("activation", second, function="tanh"))))
    assert result.network["first"].shape[-1] == 3


def test_branches_with_different_duplicates_keep_both():
    b = Builder()
    x = b.input((3,))
    kernels = [normal(3, 3, seed=seed) for seed in (1, 2)]
    kernels[0][:, 1] = kernels[0][:, 0]
    kernels[1][:, 2] = kernels[1][:, 0]
    left, right = (b.add("dense", x, weights={"kernel": kernel}) for kernel in kernels)
    bent = b.add("activation", b.add("add", left, right), function="tanh")
    assert same(head(b, bent, 3)).removals == ()


def test_weights_that_are_no_numbers_are_refused():
    b = Builder()
    first = b.add("dense", b.input((3,)), name="first", weights={"kernel": np.full((3, 4), np.nan)})
    network = head(b, first, 4)
    with pytest.raises(Exception, match="'first'"):
        compact(network)


def test_sums_of_infinite_products_prove_nothing():
    """Infinite sums that were taken for ones that cancelled made four of five live units dead."""
    b = Builder()
    huge = [1e200 * normal(*shape, seed=seed) for seed, shape in enumerate([(3, 6), (6, 5)])]
    linear = b.add("dense", b.input((3,)), weights={"kernel": huge[0]})
    relu = b.add("activation", b.add("dense", linear, weights={"kernel": huge[1]}), function="relu")
    with pytest.raises(NetworkError, match="beyond what float64 can hold"):
        search(head(b, relu, 5))


def test_windows_of_as_many_positions_see_other_values():
    """Down a column and along a row: their difference was taken for zero."""
    b = Builder()
    gray = b.add("conv", b.input((8, 8, 3)), weights={"kernel": normal(1, 1, 3, 2)})
    seen = [
        b.add("depthwise_conv", gray, weights={"kernel": np.ones((*size, 2, 1))}) for size in ((4, 1), (1, 4), (2, 2))
    ]
    pooled = [b.add("global_average_pooling", b.add("activation", name, function="relu")) for name in seen]
    assert not search(head(b, b.add("concatenate", *pooled), 6)).found


def test_tables_of_one_input_may_differ_in_length():
    b = Builder()
    tokens = b.input((5,), dtype="int32")
    tables = [b.add("embedding", tokens, weights={"embeddings": normal(n, 4, seed=n)}) for n in (7, 9)]
    assert not search(head(b, b.add("concatenate", *tables), 8)).found


@pytest.mark.parametrize("eps", [1e-7, 1e-16])
def test_an_entry_that_is_small_in_its_column_tells_units_apart(eps):
    """Its input may be as large as it is small."""
    dtype = np.float32 if eps == 1e-7 else np.float64
    b = Builder()
    linear = b.add("dense", b.input((3,)), weights={"kernel": np.eye(3, dtype=dtype)})
    kernel = normal(3, 22).astype(dtype)
    kernel[:, :2] = [[1, 2], [1, 2], [eps, -eps]]
    relu = b.add("activation", b.add("dense", linear, weights={"kernel": kernel}), function="relu")
    assert not search(head(b, relu, 22)).found


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_scaled_twins_are_found_behind_a_linear_layer_in_float64(seed, factor):
    b = Builder()
    linear = b.add("dense", b.input((8,)), weights={"kernel": normal(8, 6, seed=seed)})
    kernel = normal(6, 9, seed=seed + 1)
    kernel[:, 8] = factor * kernel[:, 0]
    relu = b.add("activation", b.add("dense", linear, weights={"kernel": kernel}), function="relu")
    (finding,) = search(head(b, relu, 9)).found
    assert finding.units.tolist() in ([0], [8])


@pytest.mark.parametrize("coarse", ["bfloat16", "float16"])
def test_layers_are_no_less_precise_than_their_own_weights(coarse):
    """What they read was rounded more coarsely before it came to them, and is the same for all of their units."""
    b = Builder()
    table = normal(30, 16).astype(ml_dtypes.bfloat16 if coarse == "bfloat16" else np.float16)
    flat = b.add("flatten", b.add("embedding", b.input((2,), dtype="int32"), weights={"embeddings": table}))
    kernel = normal(32, 12, seed=1).astype(np.float32)
    kernel[:, 5] = kernel[:, 0] * (2 + 1e-4 * normal(32, seed=2))
    relu = b.add("activation", b.add("dense", flat, weights={"kernel": kernel}), function="relu")
    assert not search(head(b, relu, 12)).found
