import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.search import search


def whys(result):
    return [(removal.unit, removal.why) for removal in result.removals]


def pooled(garden, kind, layer, padding="valid", function=None):
    conv = garden.add("conv", garden.input((5, 5, 2)), weights=layer)
    name = garden.act(conv, function) if function else conv
    options = {"padding": padding} if not kind.startswith("global") else {}
    return garden.finished(garden.act(garden.add(kind, name, **options), "tanh"))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("factor", "folds"), [(2.0, True), (-1.0, False)])
def test_positive_factors_pass_a_maximum_and_signs_do_not(garden, compacted, padding, factor, folds):
    conv = garden.add("conv", garden.input((5, 5, 2)), weights=garden.twins(1, 1, 2, 2, factor=factor))
    result = compacted(garden.finished(garden.add("max_pooling", conv, padding=padding)))
    assert bool(result.removals) == folds


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kind", ["max_pooling", "average_pooling", "global_max_pooling"])
def test_the_same_kernel_with_another_bias_folds_into_a_bias_behind_it(garden, compacted, kind, padding):
    layer = garden.twins(1, 1, 2, 3)
    layer["bias"][1] += 0.5
    conv = garden.add("conv", garden.input((5, 5, 2)), weights=layer)
    options = {} if kind.startswith("global") else {"padding": padding}
    assert [r.unit for r in compacted(garden.finished(garden.add(kind, conv, **options))).removals] == [1]


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_signs_pass_an_average(garden, compacted, padding):
    layer = garden.twins(1, 1, 2, 3, factor=-1.0)
    assert whys(compacted(pooled(garden, "average_pooling", layer, padding))) == [(1, "flipped")]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kind", ["max_pooling", "average_pooling"])
def test_a_constant_passes_either_at_the_border_too(garden, compacted, kind, padding):
    layer = garden.weights(1, 1, 2, 3)
    layer["kernel"][..., 2] = 0
    assert whys(compacted(pooled(garden, kind, layer, padding))) == [(2, "constant")]


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_offset_of_a_sigmoid_passes_an_average(garden, compacted, padding):
    layer = garden.twins(1, 1, 2, 3, factor=-1.0)
    conv = garden.act(garden.add("conv", garden.input((5, 5, 2)), weights=layer), "sigmoid")
    result = compacted(garden.finished(garden.add("average_pooling", conv, padding=padding)))
    assert whys(result) == [(1, "flipped")]


@pytest.mark.parametrize("kind", ["global_max_pooling", "global_average_pooling"])
def test_duplicates_pass_a_whole_map(garden, compacted, kind):
    assert whys(compacted(pooled(garden, kind, garden.twins(1, 1, 2, 3)))) == [(1, "duplicate")]


def test_two_averages_of_other_windows_are_two_values(garden, compacted):
    conv = garden.conv(garden.input((6, 6, 1)), 2)
    ways = [garden.add("average_pooling", conv, pool_size=(size, size), strides=(3, 3)) for size in (2, 3)]
    sums = garden.add("add", ways[0], garden.add("conv", ways[1], weights={"kernel": -np.eye(2)[None, None]}))
    assert compacted(garden.finished(garden.act(sums, "tanh"))).removals == ()


@pytest.mark.parametrize("kind", ["max_pooling", "global_average_pooling"])
def test_pooling_along_the_units_keeps_them(garden, kind):
    """Dense makes units on the last axis; this layer takes the first for the channels."""
    dense = garden.add("dense", garden.input((4, 4, 2)), weights=garden.twins(2, 4))
    found = search(garden.network(garden.dense(garden.add(kind, dense, data_format="channels_first"), 2)))
    assert [(refusal.space, refusal.units) for refusal in found.refusals if refusal.space == "dense_1"]
    assert "dense_1" not in [finding.space for finding in found.found]


@pytest.mark.parametrize(
    ("kind", "options", "shape"),
    [
        ("max_pooling", {"padding": "same"}, (3, 4, 2)),
        ("max_pooling", {"padding": "valid"}, (2, 3, 2)),
        ("average_pooling", {"data_format": "channels_first", "pool_size": (3, 1), "strides": (1, 1)}, (5, 5, 2)),
        ("global_max_pooling", {"keepdims": True}, (1, 1, 2)),
        ("global_average_pooling", {"keepdims": True, "data_format": "channels_first"}, (5, 1, 1)),
        ("global_max_pooling", {"data_format": "channels_first"}, (5,)),
    ],
)
def test_shapes_after_pooling(kind, options, shape):
    b = Builder()
    assert b.shape(b.add(kind, b.input((5, 7, 2)), **options)) == shape
