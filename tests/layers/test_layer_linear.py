import numpy as np
import pytest

from redundancy.compaction import compact
from redundancy.errors import NetworkError
from redundancy.fold import Holds
from redundancy.network import Network, Node
from redundancy.notions import finder, named
from redundancy.search import search
from redundancy.spaces import trace

GEOMETRIES = [
    {"padding": "valid"},
    {"padding": "same"},
    {"padding": "same", "strides": (2, 2)},
    {"padding": "same", "dilation": (2, 2)},
    {"padding": "valid", "strides": (2, 1)},
]


def why(result):
    return {(removal.space, removal.unit): removal.why for removal in result.removals}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("function", ["tanh", "linear"])
def test_a_constant_before_a_window_of_any_geometry(garden, compacted, geometry, function):
    """A bias is right where the window never leaves the map, and only there."""
    weights = garden.weights(1, 1, 2, 3)
    weights["kernel"][..., 1] = 0
    first = garden.act(garden.add("conv", garden.input((6, 6, 2)), weights=weights), function)
    result = compacted(garden.finished(garden.conv(first, 3, (3, 3), **geometry)))
    gone = ("conv_1", 1) in why(result)
    assert gone == (geometry["padding"] == "valid")


def test_constants_beyond_the_border_depend_on_where_it_lies(garden, compacted):
    """Maps of 6x6 and 5x5 come out alike under a stride of 2, but are not padded alike."""
    x = garden.input((6, 6, 1))
    maps = []
    for number, window in enumerate([(1, 1), (2, 2)]):
        weights = garden.weights(*window, 1, 2)
        weights["kernel"][..., 1], weights["bias"][1] = 0, 1
        reader = garden.twins(3, 3, 2, 2)
        border = np.random.default_rng(7).standard_normal((3, 3))
        reader["kernel"][:, :, 1, number], reader["kernel"][:, :, 1, 1 - number] = border, 0
        constant = garden.add("conv", x, weights=weights)
        maps.append(garden.add("conv", constant, weights=reader, strides=(2, 2), padding="same"))
    result = compacted(garden.finished(garden.add("add", *maps)))
    assert why(result) == {}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_weights_that_read_one_tensor_twice_are_added_in_float64(garden, compacted, dtype):
    """1 + eps/4 and 1 - eps/8 are both 1 as they are stored, and are two different numbers."""
    hidden = garden.act(garden.dense(garden.input((2,)), 3))
    kernel = np.ones((6, 2))
    kernel[3:, 0], kernel[3:, 1] = np.finfo(dtype).eps / 4, -np.finfo(dtype).eps / 8
    both = garden.add("concatenate", hidden, hidden)
    tanh = garden.act(garden.add("dense", both, weights={"kernel": kernel.astype(dtype)}), "tanh")
    apart = {"kernel": np.array([[1.0], [-1.0]])}
    assert "dense_2" not in dict(why(compacted(garden.network(garden.add("dense", tanh, weights=apart)))))
    assert search(garden.network(tanh)).refusals == ()


def test_weights_that_cancel_but_for_rounding_make_a_constant(garden, compacted):
    """6 g - 6 g is 1e-17 where g is no binary fraction: a direction that nothing may be stated in."""
    x = garden.input((1,))
    g = 0.1
    twins = garden.add("dense", x, weights={"kernel": np.array([[g, 3 * g]])})
    kernel = np.array([[3.0, 1.0], [-1.0, 1.0]])
    mixed = garden.add("dense", twins, weights={"kernel": kernel})
    result = compacted(garden.network(garden.dense(mixed, 2)), tolerance=1e-12)
    largest = max(np.abs(array).max() for node in result.network for array in node.weights.values())
    assert largest < 100


def test_groups_that_would_have_different_sizes_are_refused_by_name(garden):
    twins = garden.add("conv", garden.input((4, 4, 2)), weights=garden.twins(1, 1, 2, 4))
    grouped = garden.add("conv", twins, weights=garden.weights(3, 3, 2, 4), groups=2)
    (refusal, *_) = search(garden.network(garden.add("global_average_pooling", grouped))).refusals
    assert (refusal.space, refusal.layer) == ("conv_1", "conv_2")
    assert "of one size" in refusal.reason


def test_a_layer_that_reads_another_axis_keeps_its_input(garden):
    """Dense reads the last axis; the channels of this map lie on the first."""
    twins = garden.twins(1, 1, 2, 3)
    conv = garden.add("conv", garden.input((2, 4, 4)), weights=twins, data_format="channels_first")
    found = search(garden.network(garden.dense(conv, 2)))
    assert found.found == ()
    assert ["another axis" in refusal.reason for refusal in found.refusals] == [True]


def test_groups_that_read_another_axis_make_units_all_the_same(garden):
    """The units of an input are taken to lie on its last axis: what reads the first reads unknown values."""
    wide = garden.weights(2, 2, 1, 6)
    conv = garden.add("conv", garden.input((2, 4, 4)), weights=wide, data_format="channels_first", groups=2)
    last = garden.weights(1, 1, 6, 2)
    last["kernel"][0, 0, [1, 4]] = 0
    found = search(garden.network(garden.add("conv", conv, weights=last, data_format="channels_first")))
    assert [(finding.space, finding.units.tolist()) for finding in found.found] == [("conv_1", [1, 4])]


def test_channels_of_two_tensors_are_two_values(garden):
    """Read along another axis than their units lie on, tensors are told apart all the same."""
    x, y = (garden.input((2, 3, 4)) for _ in range(2))
    weights = garden.weights(1, 1, 2, 3, bias=False)
    minus = {"kernel": -weights["kernel"]}
    maps = [garden.add("conv", n, weights=w, data_format="channels_first") for n, w in ((x, weights), (y, minus))]
    last = garden.add(
        "conv", garden.add("add", *maps), weights=garden.weights(1, 1, 3, 2), data_format="channels_first"
    )
    assert not search(garden.network(last), notions=["constant"]).found


def test_dense_on_a_map_reads_channels_as_a_1x1_convolution_does(garden, compacted):
    twins = garden.act(garden.add("dense", garden.input((3, 3, 2)), weights=garden.twins(2, 4)))
    result = compacted(garden.finished(garden.dense(twins, 3)))
    assert why(result) == {("dense_1", 1): "duplicate"}


@pytest.mark.parametrize("layer", ["dense", "conv"])
def test_both_ways_to_read_single_positions_are_one_basis(garden, compacted, layer):
    x = garden.input((3, 3, 2))
    weights = garden.weights(2, 4)
    other = {**weights, "kernel": weights["kernel"].reshape((1, 1, 2, 4) if layer == "conv" else (2, 4))}
    both = garden.add("add", garden.add("dense", x, weights=weights), garden.add(layer, x, weights=other))
    result = compacted(garden.finished(both))
    assert len(result.removals) == 2


def test_a_box_proves_what_holds_inside_it_only(garden, compacted):
    weights = {"kernel": np.array([[1.0, -1.0], [1.0, 2.0]]), "bias": np.array([-2.0, 0.0])}
    hidden = garden.act(garden.add("dense", garden.input((2,), "x"), weights=weights))
    network = garden.network(garden.dense(hidden, 2))
    assert compacted(network).removals == ()
    (removal,) = compacted(network, box={"x": (np.zeros(2), np.ones(2))}).removals
    assert (removal.unit, removal.why, removal.holds) == (0, "dead", Holds.BOX)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_bounds_of_a_window_count_the_zeros_beyond_the_border(garden, compacted, padding):
    """Over [2, 3] a window of nine sums to 18 or more, unless some of it lies beyond the border."""
    weights = {"kernel": -np.ones((3, 3, 1, 3)), "bias": np.array([17.0, 30.0, 40.0])}
    hidden = garden.act(garden.add("conv", garden.input((4, 4, 1), "x"), weights=weights, padding=padding))
    result = compacted(garden.finished(hidden), box={"x": (np.array(2.0), np.array(3.0))})
    assert (("conv_1", 0) in why(result)) == (padding == "valid")


@pytest.mark.parametrize("size", [1e30, 1e-30, 1e200, 1e-170, 1e-310])
@pytest.mark.parametrize("function", ["relu", "linear"])
def test_weights_of_any_size_are_followed(garden, compacted, size, function):
    weights = {name: size * array for name, array in garden.twins(3, 5).items()}
    hidden = garden.act(garden.add("dense", garden.input((3,)), weights=weights), function)
    back = garden.weights(5, 4, bias=False)["kernel"] / max(size, 1e-300)
    shrunk = garden.act(garden.add("dense", hidden, weights={"kernel": back}), function)
    assert why(compacted(garden.network(garden.dense(shrunk, 2))))["dense_1", 1] == "duplicate"


def test_a_layer_without_units_is_refused():
    nodes = (Node("x", "input", shape=(3,)), Node("h", "dense", ("x",), (0,), {}, {"kernel": np.zeros((3, 0))}))
    with pytest.raises(NetworkError, match="layer 'h' has no units"):
        trace(Network(nodes, ("h",)))


@pytest.mark.parametrize("both", [True, False])
def test_what_a_shared_layer_reads_folds_if_it_does_so_in_both_calls(garden, compacted, both):
    x, y = garden.input((3,)), garden.input((3,))
    first = [garden.twins(3, 4), garden.twins(3, 4) if both else garden.weights(3, 4)]
    read = [garden.act(garden.add("dense", name, weights=w)) for name, w in zip((x, y), first, strict=True)]
    weights = garden.twins(4, 5)
    calls = [garden.act(garden.add("dense", name, weights=weights, layer="shared")) for name in read]
    result = compacted(garden.finished(garden.add("concatenate", *calls)))
    assert (
        why(result) == {("dense_1+dense_2", 1): "duplicate"} | {("shared", 1): "duplicate"}
        if both
        else {("shared", 1): "duplicate"}
    )


def test_constants_that_a_shared_layer_reads_stay(garden, compacted):
    """Its bias would be another in each call."""
    x, y = garden.input((3,)), garden.input((3,))
    read = []
    for name, level in ((x, 1.0), (y, 2.0)):
        weights = garden.weights(3, 4)
        weights["kernel"][:, 2], weights["bias"][2] = 0.0, level
        read.append(garden.act(garden.add("dense", name, weights=weights)))
    shared = garden.weights(4, 5)
    calls = [garden.add("dense", name, weights=shared, layer="shared") for name in read]
    assert why(compacted(garden.finished(garden.act(garden.add("concatenate", *calls))))) == {}


def test_a_channels_first_network_computes_the_same(garden):
    """Checked by hand: the evaluator of these tests knows channels last only."""
    twins = garden.twins(1, 1, 2, 3)
    conv = garden.add("conv", garden.input((2, 3, 4)), weights=twins, data_format="channels_first")
    flat = garden.add("flatten", conv, data_format="channels_first")
    network = garden.network(garden.dense(flat, 2))
    small = compact(network).network
    assert small["conv_1"].shape == (2, 3, 4)
    x = np.random.default_rng(3).standard_normal((5, 2, 3, 4))
    assert np.allclose(channels_first(network, x), channels_first(small, x))


def channels_first(network, x):
    """conv 1x1 -> flatten -> dense, with channels on the axis after the batch."""
    first, last = network["conv_1"].weights, network["dense_1"].weights
    maps = np.einsum("bchw,co->bohw", x, first["kernel"][0, 0]) + first["bias"][:, None, None]
    return np.moveaxis(maps, 1, -1).reshape(len(x), -1) @ last["kernel"] + last["bias"]


def test_float32_keeps_its_digits_where_a_bias_is_far_larger_than_a_weight(garden):
    """A unit of weight 1e-6 and bias 1 knows its input to one digit: it may not stand for others."""
    weights = {"kernel": np.array([[1e-6, 1.0]]), "bias": np.array([1.0, 0.0])}
    hidden = garden.add("dense", garden.input((1,)), weights=weights)
    network = garden.network(garden.add("dense", hidden, weights={"kernel": np.ones((2, 1))}))
    fold = search(network).folds["dense_1"]
    assert fold.keep.tolist() == [1]
    assert np.abs(fold.into).max() == 1


@pytest.mark.parametrize("size", [1e-6, 1e-3])
def test_combinations_that_rounding_would_drown_are_left_alone(garden, compacted, size):
    """Two units that are almost constant span all others, and lose their digits."""
    rows = np.array([[size, 0.0], [0.0, size], [1.0, 1.0], [1.0, -1.0]])
    weights = {"kernel": rows.T.copy(), "bias": np.array([1.0, 1.0, 0.0, 0.0])}
    hidden = garden.add("dense", garden.input((2,)), weights=weights)
    network = garden.network(garden.dense(hidden, 2))
    for fold in search(network).folds.values():
        assert np.abs(fold.into).max() <= 100
    compacted(network)


def test_a_linear_chain_keeps_no_more_units_than_its_narrowest_place(garden, compacted):
    name = garden.input((5,))
    for units in (8, 3, 10):
        name = garden.dense(name, units)
    small = compacted(garden.network(garden.dense(name, 2))).network
    assert max(small[f"dense_{number}"].shape[0] for number in (2, 3)) == 3


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("known", [False, True])
def test_groups_of_one_unit_compute_what_the_kernel_that_is_zero_elsewhere_does(garden, geometry, known):
    """Of units that are new, and of some that are copies, scaled and shifted."""
    before = garden.act(garden.add("conv", garden.input((6, 6, 2)), weights=garden.twins(3, 3, 2, 4)))
    weights = {"gamma": np.array([1.0, -2.0, 0.5, 0.0]), "beta": np.arange(4.0), "mean": np.ones(4)}
    scaled = garden.add("batch_normalization", before, weights={**weights, "variance": np.ones(4)}) if known else before
    narrow = garden.weights(2, 2, 1, 4)
    wide = {"kernel": narrow["kernel"] * np.eye(4), "bias": narrow["bias"]}
    ways = ({"weights": narrow, "groups": 4}, {"weights": wide})
    networks = [
        garden.network(garden.add("conv", scaled, name=f"made{n}", **way, **geometry)) for n, way in enumerate(ways)
    ]
    one, other = (trace(network, finder(named(None))).units[f"made{n}"].parts[0] for n, network in enumerate(networks))
    assert one.affine.terms.keys() == other.affine.terms.keys()
    assert np.allclose(one.affine.rows(), other.affine.rows())
    assert np.allclose([one.affine.offset, one.low, one.high], [other.affine.offset, other.low, other.high])
    assert one.affine.stored == other.affine.stored
