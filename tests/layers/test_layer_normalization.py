import numpy as np
import pytest

from redundancy.layers.normalization import effective
from redundancy.network import Node
from redundancy.notions import finder, named
from redundancy.search import search
from redundancy.spaces import trace


def statistics(n, seed=0):
    rng = np.random.default_rng(seed)
    mean, beta = rng.standard_normal((2, n))
    return {"mean": mean, "beta": beta, "variance": 0.5 + rng.random(n), "gamma": 0.5 + rng.random(n)}


def alike(n, i=0, j=1, but=()):
    """Statistics in which unit j is as unit i, some aside."""
    weights = statistics(n)
    for name, array in weights.items():
        if name not in but:
            array[j] = array[i]
    return weights


def merged(result):
    return {removal.unit for removal in result.removals if removal.space == "dense_1"}


def normalized(garden, weights, layer, *, before=True, function="relu", **options):
    """Dense, then a normalisation before or after a function, then a head."""
    name = garden.add("dense", garden.input((3,)), weights=layer)
    name = name if before else garden.act(name, function)
    name = garden.add("batch_normalization", name, weights=weights, **options)
    return garden.finished(garden.act(name, function) if before else name)


@pytest.mark.parametrize("missing", [(), ("gamma",), ("beta",), ("gamma", "beta")])
def test_gain_and_offset_are_those_of_inference(missing):
    weights = {name: array for name, array in statistics(4).items() if name not in missing}
    gain, offset = effective(Node("n", "batch_normalization", weights=weights, config={"epsilon": 0.1}))
    x = np.arange(4.0)
    expected = (x - weights["mean"]) / np.sqrt(weights["variance"] + 0.1)
    assert np.allclose(gain * x + offset, expected * weights.get("gamma", 1) + weights.get("beta", 0))


@pytest.mark.parametrize("before", [True, False])
def test_twins_with_equal_statistics_fold(garden, compacted, before):
    assert merged(compacted(normalized(garden, alike(4), garden.twins(3, 4), before=before))) == {1}


@pytest.mark.parametrize("other", ["mean", "variance", "gamma", "beta"])
def test_twins_with_other_statistics_before_a_function_are_two_units(garden, compacted, other):
    assert merged(compacted(normalized(garden, alike(4, but=[other]), garden.twins(3, 4)))) == set()


@pytest.mark.parametrize("other", ["mean", "variance", "gamma", "beta"])
def test_twins_with_other_statistics_after_a_function_are_an_affine_pair(garden, compacted, other):
    result = compacted(normalized(garden, alike(4, but=[other]), garden.twins(3, 4), before=False))
    assert len(merged(result)) == 1


def test_unequal_kernels_can_make_equal_units(garden, compacted):
    weights = alike(4)
    for name, factor in (("mean", 4), ("gamma", 0.25)):
        weights[name][1] = factor * weights[name][0]
    layer = garden.twins(3, 4, factor=4.0)
    (removal,) = compacted(normalized(garden, weights, layer, function="tanh")).removals
    assert (removal.unit, removal.why) == (1, "duplicate")


def test_epsilon_decides_whether_factors_cancel(garden, compacted):
    """Variances of v and 4v undo a factor of 2 in the kernel; with an epsilon they do not quite."""
    weights = alike(4)
    weights["variance"][1], weights["mean"][1] = 4 * weights["variance"][0], 2 * weights["mean"][0]
    layer = garden.twins(3, 4, factor=2.0)
    assert merged(compacted(normalized(garden, weights, layer, function="tanh", epsilon=0.0))) == {1}


def test_with_an_epsilon_they_do_not(garden, compacted):
    weights = alike(4)
    weights["variance"][1], weights["mean"][1] = 4 * weights["variance"][0], 2 * weights["mean"][0]
    layer = garden.twins(3, 4, factor=2.0)
    assert merged(compacted(normalized(garden, weights, layer, function="tanh", epsilon=0.1))) == set()


def test_no_gain_makes_a_constant(garden, compacted):
    weights = statistics(4)
    weights["gamma"][2] = 0
    result = compacted(normalized(garden, weights, garden.weights(3, 4), function="tanh"))
    assert {(removal.unit, removal.why) for removal in result.removals} == {(2, "constant")}


@pytest.mark.parametrize("sign", [1, -1])
def test_bounds_pass_a_gain_of_either_sign(garden, compacted, sign):
    weights = {"mean": np.zeros(3), "variance": np.ones(3), "gamma": np.array([sign, 1.0, 1.0])}
    relu = garden.act(garden.dense(garden.input((3,)), 3))
    normal = garden.add("batch_normalization", relu, weights=weights)
    result = compacted(garden.finished(garden.act(normal)))
    assert merged(result) == (set() if sign > 0 else {0})


@pytest.mark.parametrize(
    ("gamma", "box", "expected"),
    [(2.0, (1, 2), (5, 7)), (-1.0, (1, 2), (1, 2)), (0.0, None, (3, 3)), (-1.0, None, (-np.inf, np.inf))],
)
def test_bounds_are_scaled_and_shifted(garden, gamma, box, expected):
    weights = {"mean": np.zeros(1), "variance": np.ones(1), "gamma": np.array([gamma]), "beta": np.array([3.0])}
    x = garden.input((1,))
    name = garden.add("batch_normalization", x, weights=weights, epsilon=0.0)
    boxes = {x: tuple(map(np.array, box))} if box else {}
    (part,) = trace(garden.network(name), finder(named(None)), boxes).units[name].parts
    assert (part.low.tolist(), part.high.tolist()) == ([expected[0]], [expected[1]])


def test_no_gain_after_a_function_makes_a_constant_too(garden, compacted):
    weights = statistics(4)
    weights["gamma"][2] = 0
    result = compacted(normalized(garden, weights, garden.weights(3, 4), before=False, function="tanh"))
    assert {(removal.unit, removal.why) for removal in result.removals} == {(2, "constant")}


@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_statistics_that_make_no_number_are_refused_by_name(garden, variance):
    weights = alike(4)
    weights["variance"][3] = variance
    (refusal,) = search(normalized(garden, weights, garden.twins(3, 4), epsilon=0.0)).refusals
    assert (refusal.layer, refusal.units) == ("batch_normalization_1", 1)
    assert "no number" in refusal.reason


def test_positions_with_statistics_of_their_own_make_twins_different(garden, compacted):
    conv = garden.add("conv", garden.input((2, 2, 2)), weights=garden.twins(1, 1, 2, 3))
    flat = garden.add("flatten", conv)
    network = garden.finished(garden.act(garden.add("batch_normalization", flat, weights=statistics(12))))
    assert compacted(network).removals == ()


def test_positions_with_statistics_of_their_own_but_alike_for_twins_fold(garden, compacted):
    conv = garden.add("conv", garden.input((2, 2, 2)), weights=garden.twins(1, 1, 2, 3))
    weights = {name: array.reshape(4, 3) for name, array in statistics(12).items()}
    for array in weights.values():
        array[:, 1] = array[:, 0]
    flat = {name: array.reshape(12) for name, array in weights.items()}
    normal = garden.add("batch_normalization", garden.add("flatten", conv), weights=flat)
    assert {removal.unit for removal in compacted(garden.finished(garden.act(normal))).removals} == {1}


def test_positions_with_equal_statistics_are_one_unit(garden, compacted):
    conv = garden.add("conv", garden.input((2, 2, 2)), weights=garden.twins(1, 1, 2, 3))
    weights = {name: np.tile(array, 4) for name, array in alike(3).items()}
    normal = garden.add("batch_normalization", garden.add("flatten", conv), weights=weights)
    result = compacted(garden.finished(garden.act(normal)))
    assert {removal.unit for removal in result.removals} == {1}


def test_two_normalisations_of_one_tensor_both_have_to_agree(garden, compacted):
    name = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4))
    pair = [garden.add("batch_normalization", name, weights=w) for w in (alike(4), alike(4, but=["gamma"]))]
    network = garden.finished(garden.add("concatenate", *[garden.act(branch, "tanh") for branch in pair]))
    assert merged(compacted(network)) == set()


def test_a_unit_without_gain_in_one_branch_is_alive_in_the_other(garden, compacted):
    hidden = garden.act(garden.dense(garden.input((3,)), 4))
    branches = []
    for unit in (1, 2):
        weights = statistics(4, seed=unit)
        weights["gamma"][unit] = 0
        branches.append(garden.add("batch_normalization", hidden, weights=weights))
    assert compacted(garden.finished(garden.add("concatenate", *branches))).removals == ()
