import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.errors import NetworkError
from redundancy.search import search
from redundancy.spaces import trace


def units(result, space):
    return {removal.unit for removal in result.removals if removal.space == space}


@pytest.mark.parametrize(("second", "merged"), [((0, 1), True), ((0, 2), False)])
def test_added_units_are_twins_if_they_are_in_every_branch(garden, compacted, second, merged):
    x = garden.input((3,))
    left, right = garden.twins(3, 3), garden.weights(3, 3)
    for array in right.values():
        array[..., second[1]] = array[..., second[0]]
    branches = [garden.act(garden.add("dense", x, weights=weights)) for weights in (left, right)]
    result = compacted(garden.finished(garden.add("add", *branches)))
    assert units(result, "dense_1+dense_2") == ({1} if merged else set())


def test_parts_of_a_sum_are_cut_where_any_branch_is(garden, compacted):
    """2 + 3 units, and 3 + 2: unit 1 of each half has a twin, and only one of them is a twin in both."""
    x, y = garden.input((3,)), garden.input((4,))
    first = garden.add("concatenate", garden.add("dense", x, weights=garden.twins(3, 2)), garden.dense(x, 3))
    second = garden.add("concatenate", garden.add("dense", y, weights=garden.twins(4, 3)), garden.dense(y, 2))
    result = compacted(garden.finished(garden.act(garden.add("add", first, second))))
    assert [removal.unit for removal in result.removals] == [1]


def test_a_flattened_map_is_not_added_as_a_vector_of_its_length_would_be(garden, compacted):
    """Two channels at four positions, and eight units at one: the same indices in another meaning."""
    flat = garden.add("flatten", garden.conv(garden.input((2, 2, 2)), 2))
    network = garden.network(garden.dense(garden.add("add", flat, garden.dense(flat, 8)), 2))
    assert compacted(network).removals == ()
    assert "different pieces" in trace(network).spaces[1].pins[0].reason


def test_flattened_maps_of_one_layout_are_added_unit_by_unit(garden, compacted):
    x = garden.input((2, 2, 2))
    flats = [garden.add("flatten", garden.add("conv", x, weights=garden.twins(1, 1, 2, 3))) for _ in range(2)]
    network = garden.network(garden.dense(garden.act(garden.add("add", *flats)), 2))
    assert units(compacted(network), "conv_1+conv_2") == {1}


def test_a_tensor_added_to_itself_is_doubled(garden, compacted):
    twins = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4))
    network = garden.finished(garden.act(garden.add("add", twins, twins), "tanh"))
    assert units(compacted(network), "dense_1") == {1}


def test_a_tensor_beside_itself_is_read_twice(garden, compacted):
    twins = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4))
    hidden = garden.act(twins, "tanh")
    network = garden.finished(garden.add("concatenate", hidden, hidden))
    assert units(compacted(network), "dense_1") == {1}


def test_branches_swapped_and_added_tie_units_to_each_other(garden, compacted):
    x = garden.input((3,))
    a, b = garden.dense(x, 3), garden.dense(x, 2)
    swapped = garden.add("add", garden.add("concatenate", a, b), garden.add("concatenate", b, a))
    compacted(garden.finished(garden.act(swapped)))


def test_a_unit_that_is_added_but_never_read_stays(garden, compacted):
    """Nobody reads the sum; one unit of it is read nowhere else either, so no fold could speak of it."""
    x = garden.input((3,))
    read, unread = garden.add("dense", x, weights=garden.twins(3, 2)), garden.dense(x, 1)
    garden.add("add", garden.add("concatenate", read, unread), garden.dense(x, 3))
    result = compacted(garden.finished(garden.act(read)))
    assert [removal.unit for removal in result.removals] == [1]


def test_a_sum_that_broadcasts_over_positions_ties_units(garden):
    conv = garden.add("conv", garden.input((None, None, 3)), weights=garden.twins(1, 1, 3, 4))
    mean = garden.add("global_average_pooling", conv, keepdims=True)
    sums = garden.add("add", conv, mean)
    network = garden.network(garden.conv(sums, 2))
    assert network[sums].shape == (None, None, 4)
    (found,) = search(network).found
    assert (found.space, found.why) == ("conv_1", ("duplicate",))


def test_a_sum_that_broadcasts_over_units_keeps_them(garden):
    wide, one = garden.add("dense", garden.input((3,)), weights=garden.twins(3, 4)), garden.dense(garden.input((3,)), 1)
    found = search(garden.finished(garden.add("add", wide, one)))
    assert found.found == ()
    assert "broadcasts" in found.refusals[0].reason


@pytest.mark.parametrize(
    ("kind", "shapes", "said"),
    [
        ("add", [(3,), (4,)], "cannot add shapes"),
        ("concatenate", [(2, 3), (4, 3)], "cannot join shapes"),
        ("concatenate", [(3,), (2, 3)], "cannot join shapes"),
    ],
)
def test_what_cannot_be_joined_is_refused(kind, shapes, said):
    b = Builder()
    with pytest.raises(NetworkError, match=said):
        b.add(kind, *[b.input(shape) for shape in shapes])


@pytest.mark.parametrize("both", [True, False])
def test_joining_along_another_axis_ties_units(garden, both):
    weights = [garden.twins(1, 1, 3, 4), garden.twins(1, 1, 3, 4) if both else garden.weights(1, 1, 3, 4)]
    maps = [garden.add("conv", garden.input((2, 2, 3)), weights=kernel) for kernel in weights]
    joined = garden.act(garden.add("concatenate", *maps, axis=0))
    found = search(garden.network(garden.conv(joined, 2)))
    assert [finding.units.tolist() for finding in found.found] == ([[1]] if both else [])


def test_open_extents_stay_open(garden):
    x, y = garden.input((None, 3)), garden.input((5, 3))
    assert garden.shape(garden.add("add", x, y)) == (5, 3)
    assert garden.shape(garden.add("add", x, garden.input((1, 3)))) == (None, 3)
    assert garden.shape(garden.add("concatenate", x, x, axis=0)) == (None, 3)
    assert garden.shape(garden.add("concatenate", x, x)) == (None, 6)


def test_what_lies_across_a_concatenation_keeps_only_itself():
    """With channels first, units of an input lie along its last axis, and those of a convolution along its first."""
    b = Builder()
    x = b.input((2, 6, 6))
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((3, 3, 2, 4))
    kernel[..., 3] = kernel[..., 1]
    options = {"data_format": "channels_first"}
    conv = b.add("conv", x, weights={"kernel": kernel}, padding="same", **options)
    joined = b.add("concatenate", x, b.add("activation", conv, function="relu"), axis=0)
    last = b.add("conv", joined, weights={"kernel": rng.standard_normal((1, 1, 6, 2))}, **options)
    assert [finding.units.tolist() for finding in search(b.network(last)).found] == [[3]]
