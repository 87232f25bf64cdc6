"""Pictures are drawn of whatever has a kernel, and nothing lies on anything else."""

from itertools import pairwise

import numpy as np
import pytest

from redundancy.auditing import Audit
from redundancy.report.arrangement import MOST, planned
from redundancy.report.kernels import Group, Grouping
from redundancy.report.picture import draw


def grouping(groups, marked=3, single=40):
    """Groups of those sizes, and so many others."""
    starts = np.cumsum([0, *groups]).tolist()
    made = [Group(tuple(range(a, b)), ("duplicate",), 0.99) for a, b in pairwise(starts)]
    others = range(starts[-1] + marked, starts[-1] + marked + single)
    return Grouping(tuple(made), {starts[-1] + n: "dead" for n in range(marked)}, tuple(others), 0.9)


SIZES = [[], [2], [2, 2, 2], [5, 4, 3, 2], [50], [30, 30, 2, 2, 2, 2, 2, 2, 2, 2, 2], [13, 12, 11, 10, 9]]


@pytest.mark.parametrize("tall", [0.4, 1.0, 1.5])
@pytest.mark.parametrize("groups", SIZES)
def test_no_tile_lies_on_another_one_or_outside(groups, tall):
    plan = planned(grouping(groups), tall)
    spots = sorted((place.y, place.x) for place in plan.places)
    assert all(x2 - x1 >= 1 or y2 - y1 >= tall for (y1, x1), (y2, x2) in pairwise(spots))
    assert all(place.x + 1 <= plan.width and place.y + tall <= plan.height for place in plan.places)


@pytest.mark.parametrize("groups", SIZES)
def test_every_unit_is_drawn_once(groups):
    plan = planned(grouping(groups))
    assert sorted(place.unit for place in plan.places) == list(range(sum(groups) + 43))


@pytest.mark.parametrize("groups", SIZES)
def test_frames_hold_the_units_of_the_groups(groups):
    assert sum(frame.tiles for frame in planned(grouping(groups)).frames) == sum(groups)


@pytest.mark.parametrize("groups", [[], [2] * 300, [1000]])
def test_of_very_many_some_are_drawn(groups):
    assert len(planned(grouping(groups, single=1000)).places) == MOST


def test_the_heading_of_what_is_marked_says_what_it_is():
    marks = {1: "dead", 2: "constant", 3: "dead"}
    titles = [title for _, title in planned(Grouping((), marks, (0,), None)).headings]
    assert titles == ["dead or constant", "the others, next to those that they are most like"]


def test_what_is_redundant_by_itself_is_marked():
    assert [place.caption for place in planned(grouping([2])).places if place.marked] == ["2 dead", "3 dead", "4 dead"]


@pytest.mark.parametrize("shape", [(3, 3, 1, 20), (3, 3, 2, 1), (5, 3, 4), (784, 3), (20, 2), (3, 3, 3, 1, 4), (2, 1)])
def test_a_picture_is_written(tmp_path, shape):
    draw(Audit((), (), "model", kernels={"layer": np.random.default_rng(0).standard_normal(shape)}), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("name", ["$a_1^$", "層", "a\nb", "x" * 300])
def test_any_name_of_a_layer_is_drawn(tmp_path, name):
    draw(Audit((), (), name, kernels={name: np.eye(4)}), tmp_path / "a.png", name)
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize("value", [0.0, 1e-40, 1e300])
def test_any_weights_are_drawn(tmp_path, value):
    draw(Audit((), (), kernels={"layer": np.full((3, 3, 1, 4), value)}), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_the_same_picture_is_the_same_file(tmp_path):
    found = Audit((), (), kernels={"layer": np.eye(9).reshape(3, 3, 1, 9)})
    for name in ("a.png", "b.png"):
        draw(found, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
