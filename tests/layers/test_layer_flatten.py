import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.search import search
from redundancy.spaces import trace


def flattened(shape, data_format, x):
    """What Keras does: channels move to the end first."""
    moved = np.moveaxis(x, 0, -1) if data_format == "channels_first" and len(shape) > 1 else x
    return moved.reshape(-1)


@given(st.tuples(*[st.integers(1, 3)] * 3), st.sampled_from(["channels_first", "channels_last"]))
def test_every_entry_lands_where_the_framework_puts_it(shape, data_format):
    """Along the last axis lie units here, whatever the layer calls its channels."""
    b = Builder()
    flat = b.add("flatten", b.input(shape), data_format=data_format)
    (part,) = trace(b.network(flat)).units[flat].parts
    entries = np.arange(np.prod(shape)).reshape(shape)
    landed = flattened(shape, data_format, entries)
    assert np.array_equal(landed[part.where].reshape(-1, shape[-1]), entries.reshape(-1, shape[-1]))


def test_channels_are_told_from_positions(garden, compacted):
    conv = garden.add("conv", garden.input((3, 2, 2)), weights=garden.twins(1, 1, 2, 3))
    result = compacted(garden.finished(garden.act(conv)))
    assert [removal.unit for removal in result.removals] == [1]
    assert result.network["dense_1"].weights["kernel"].shape[0] == 3 * 2 * 2


def test_flattening_twice_changes_nothing(garden, compacted):
    conv = garden.add("conv", garden.input((3, 2, 2)), weights=garden.twins(1, 1, 2, 3))
    twice = garden.add("flatten", garden.add("flatten", garden.act(conv)))
    assert len(compacted(garden.finished(twice)).removals) == 1


def test_parts_of_a_concatenation_are_flattened_side_by_side(garden, compacted):
    x = garden.input((2, 2, 2))
    maps = [garden.act(garden.add("conv", x, weights=garden.twins(1, 1, 2, n))) for n in (3, 2)]
    result = compacted(garden.finished(garden.add("concatenate", *maps)))
    assert {(removal.space, removal.unit) for removal in result.removals} == {("conv_1", 1), ("conv_2", 1)}


@pytest.mark.parametrize("shape", [(None, None, 2), (None, 2, 2)])
def test_a_map_of_open_size_keeps_its_units(garden, shape):
    conv = garden.add("conv", garden.input(shape), weights=garden.twins(1, 1, 2, 3))
    found = search(garden.network(garden.add("flatten", conv)))
    assert found.found == ()
    assert trace(garden.network(garden.add("flatten", conv))).spaces[1].pins
