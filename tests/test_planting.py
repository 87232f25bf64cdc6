import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.compaction import compact
from redundancy.errors import NetworkError
from redundancy.planting import RELATIONS, beds, plant, with_copies


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def layer(b, name, units, seed=0):
    weights = {"kernel": normal(b.shape(name)[-1], units, seed=seed), "bias": normal(units, seed=seed + 1)}
    return b.add("dense", name, weights=weights)


def network(function="relu"):
    """Four units before a function, read by one layer."""
    b = Builder()
    hidden = b.add("activation", layer(b, b.input((3,)), 4), function=function)
    return b.network(layer(b, hidden, 2, seed=5))


def fitting(function):
    return {name for name, relation in RELATIONS.items() if relation.fits(beds(network(function))[0])}


def test_only_what_is_read_and_may_change_is_a_bed():
    assert [bed.space.name for bed in beds(network())] == ["dense_1"]


@pytest.mark.parametrize(
    ("function", "folds", "decoys"),
    [
        ("relu", {"scaled", "dead"}, {"antiparallel", "one-ulp twin", "edge filter"}),
        ("tanh", {"flipped"}, {"one-ulp twin", "edge filter"}),
        ("sigmoid", {"flipped"}, {"one-ulp twin", "edge filter"}),
        ("gelu", set(), {"antiparallel", "one-ulp twin", "edge filter"}),
        ("linear", {"scaled", "flipped"}, set()),
        ("softmax", set(), set()),
    ],
)
def test_what_fits_follows_from_the_function(function, folds, decoys):
    if function == "softmax":
        assert beds(network(function)) == ()
    else:
        assert fitting(function) == {"duplicate", "constant", "unused"} | folds | decoys


@pytest.mark.parametrize(("relation", "factor"), [("duplicate", 1), ("scaled", 2), ("antiparallel", -1)])
def test_a_unit_is_made_out_of_another(relation, factor):
    weights = plant(network(), "dense_1", (2, 0), relation).network["dense_1"].weights
    assert np.array_equal(weights["kernel"][:, 0], factor * weights["kernel"][:, 2])
    assert weights["bias"][0] == factor * weights["bias"][2]


def test_twins_that_differ_in_the_last_place_differ_there_only():
    kernel = plant(network(), "dense_1", (0, 1), "one-ulp twin").network["dense_1"].weights["kernel"]
    assert np.sum(kernel[:, 0] != kernel[:, 1]) == 1
    assert np.allclose(kernel[:, 0], kernel[:, 1], rtol=2e-7)


def test_a_dead_unit_has_no_weights_and_a_bias_below_zero():
    weights = plant(network(), "dense_1", (0, 3), "dead").network["dense_1"].weights
    assert not weights["kernel"][:, 3].any()
    assert weights["bias"][3] <= -0.5


@pytest.mark.parametrize(("last", "fits"), [("relu", True), ("log_sigmoid", False)])
def test_a_dead_unit_is_planted_before_zeros_only_where_it_stays_zero(last, fits):
    b = Builder()
    y = b.add("conv", b.input((4, 4, 1)), weights={"kernel": normal(1, 1, 1, 3)})
    y = b.add("activation", b.add("activation", y, function="relu"), function=last)
    y = b.add("conv", y, weights={"kernel": normal(3, 3, 3, 2)}, padding="same")
    assert RELATIONS["dead"].fits(beds(b.network(y))[0]) == fits


def test_an_unused_unit_is_read_by_zeros():
    kernel = plant(network(), "dense_1", (0, 3), "unused").network["dense_2"].weights["kernel"]
    assert not kernel[3].any()
    assert kernel[:3].all()


def test_the_weights_of_an_edge_filter_sum_to_zero():
    kernel = plant(network(), "dense_1", (0, 1), "edge filter").network["dense_1"].weights["kernel"][:, 1]
    assert kernel.sum() == 0
    assert kernel.any()


def test_the_network_stays_as_it_is():
    before = network()
    kernel = before["dense_1"].weights["kernel"].copy()
    plant(before, "dense_1", (0, 1), "duplicate")
    assert np.array_equal(before["dense_1"].weights["kernel"], kernel)


@pytest.mark.parametrize(
    ("space", "units", "relation", "said"),
    [
        ("dense_2", (0, 1), "duplicate", "the spaces that may change are dense_1"),
        ("dense_1", (0, 1), "flipped", "cannot be planted"),
        ("dense_1", (0, 1), "sibling", "cannot be planted"),
        ("dense_1", (1, 1), "duplicate", "are not two different ones of the 4"),
        ("dense_1", (0, 4), "duplicate", "are not two different ones of the 4"),
    ],
)
def test_what_cannot_be_planted_is_refused(space, units, relation, said):
    with pytest.raises(NetworkError, match=said):
        plant(network(), space, units, relation)


def test_units_that_other_layers_make_cannot_be_made_of_each_other():
    """One half of a concatenation reads another input than the other half: copying weights makes no twin."""
    b = Builder()
    x, y = b.input((3,)), b.input((3,))
    halves = b.add("concatenate", layer(b, x, 2), layer(b, y, 2))
    whole = b.add("activation", b.add("add", halves, layer(b, y, 4, seed=3)), function="relu")
    built = b.network(layer(b, whole, 2))
    (bed,) = beds(built)
    assert plant(built, bed.space.name, (0, 1), "duplicate").units == (0, 1)
    with pytest.raises(NetworkError, match="lie at other places of layer"):
        plant(built, bed.space.name, (0, 2), "duplicate")


def test_units_of_a_grouped_convolution_are_made_of_each_other_in_its_own_layout():
    b = Builder()
    x = b.input((4, 4, 4))
    grouped = b.add("conv", x, weights={"kernel": normal(1, 1, 2, 6), "bias": normal(6)}, groups=2)
    built = b.network(b.add("conv", grouped, weights={"kernel": normal(1, 1, 6, 2, seed=3)}))
    kernel = plant(built, "conv_1", (0, 1), "duplicate").network["conv_1"].weights["kernel"]
    assert kernel.shape == (1, 1, 2, 6)
    assert np.array_equal(kernel[..., 0], kernel[..., 1])


def test_units_of_different_groups_cannot_be_made_of_each_other():
    b = Builder()
    grouped = b.add("conv", b.input((4, 4, 4)), weights={"kernel": normal(1, 1, 2, 6)}, groups=2)
    built = b.network(b.add("conv", grouped, weights={"kernel": normal(1, 1, 6, 2, seed=3)}))
    with pytest.raises(NetworkError, match="in different groups"):
        plant(built, "conv_1", (0, 4), "duplicate")


def test_copies_are_planted_where_units_are_read_together():
    """Two layers in a row, which one reads as they are, and an Add that ties them to a third."""
    b = Builder()
    x = b.input((3,))
    row = b.add("concatenate", layer(b, x, 10, seed=1), layer(b, b.input((3,)), 10, seed=2))
    tied = b.add("add", row, layer(b, x, 20, seed=3))
    copied, count = with_copies(b.network(layer(b, row, 2), layer(b, tied, 2, seed=4)), 0.2, np.random.default_rng(0))
    assert count == len(compact(copied).removals) == 4
