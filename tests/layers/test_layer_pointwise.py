import numpy as np
import pytest

from redundancy.notions import finder, named
from redundancy.search import search
from redundancy.spaces import trace


def bounds(network, name, box):
    """Of a node's units, over a box of inputs."""
    (part,) = trace(network, finder(named(None)), box).units[name].parts
    return part.low.tolist(), part.high.tolist()


@pytest.mark.parametrize(
    ("shape", "low", "high", "expected"),
    [
        ((2,), np.zeros(2), np.array([1.0, 2.0]), ([0, 0], [1, 2])),
        ((2,), np.array(0.0), np.array(1.0), ([0, 0], [1, 1])),
        ((2, 1, 2), np.array([[[0, 1]], [[2, -1]]]), np.array(3), ([0, -1], [3, 3])),
        ((None, None, 1), np.array(0), np.array(1), ([0], [1])),
        ((None, None, 2), np.zeros((3, 3, 2)), np.ones((3, 3, 2)), ([0, 0], [1, 1])),
    ],
)
def test_the_box_of_an_input_bounds_each_of_its_units(garden, shape, low, high, expected):
    x = garden.input(shape)
    assert bounds(garden.network(x), x, {x: (low, high)}) == expected


def test_an_input_without_a_box_is_unbounded(garden):
    x = garden.input((1,))
    assert bounds(garden.network(x), x, {}) == ([-np.inf], [np.inf])


@pytest.mark.parametrize("reads", [True, False])
def test_inputs_stay(garden, reads):
    x = garden.input((3,))
    network = garden.network(garden.dense(x, 2)) if reads else garden.network(x)
    assert trace(network).spaces[0].pins[0].reason == "it is an input of the network"


def test_a_function_without_an_algebra_keeps_units(garden):
    twins = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4))
    (refusal,) = search(garden.finished(garden.act(twins, "softmax"))).refusals
    assert (refusal.space, refusal.units) == ("dense_1", 1)
    assert "it normalises over its units" in refusal.reason


@pytest.mark.parametrize("slope", [1.5, 0.2, -0.5])
@pytest.mark.parametrize(("factor", "folds"), [(3.0, True), (-1.0, False)])
def test_leaky_relu_of_any_slope_passes_positive_factors(garden, compacted, slope, factor, folds):
    twins = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4, factor=factor))
    network = garden.finished(garden.act(twins, "leaky_relu", negative_slope=slope))
    assert bool(compacted(network).removals) == folds


@pytest.mark.parametrize(
    ("function", "options", "most"), [("leaky_relu", {"negative_slope": -0.5}, 0.5), ("elu", {"alpha": -1.0}, 0.632121)]
)
def test_the_bounds_of_a_function_that_falls_are_turned(garden, function, options, most):
    """Of z in [-1, 0], with a negative slope: the largest value is not that of the largest z."""
    x = garden.input((1,))
    name = garden.act(x, function, **options)
    low, high = bounds(garden.network(name), name, {x: (np.array(-1.0), np.array(0.0))})
    assert (low, high) == ([0.0], [pytest.approx(most)])


@pytest.mark.parametrize(
    ("function", "bias", "value"), [("relu6", 9.0, 6.0), ("hard_sigmoid", 5.0, 1.0), ("hard_sigmoid", -5.0, 0.0)]
)
def test_a_saturated_unit_has_one_value_inside_the_box(garden, compacted, function, bias, value):
    weights = {"kernel": np.array([[1.0, 1.0]]), "bias": np.array([bias, 0.0])}
    x = garden.input((1,))
    network = garden.finished(garden.act(garden.add("dense", x, weights=weights), function))
    (removal,) = compacted(network, box={x: (np.array(0.0), np.array(1.0))}).removals
    assert (removal.unit, removal.why) == (0, "dead" if value == 0 else "constant")


def test_dropout_passes_everything(garden, compacted):
    twins = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4))
    network = garden.finished(garden.add("dropout", garden.act(twins, "tanh")))
    assert [removal.unit for removal in compacted(network).removals] == [1]
