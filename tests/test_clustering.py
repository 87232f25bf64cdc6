import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy import clustering
from redundancy.clustering import near_duplicates
from redundancy.errors import OptionError
from redundancy.similarity import cosine


def directions(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def test_chance_alone_makes_no_groups():
    counts = [near_duplicates(directions(100, 9, seed)).spare for seed in range(40)]
    assert np.mean(np.array(counts) > 0) <= 0.125  # level .05; 6 of 40 has probability .014


def test_copies_with_noise_are_found_whatever_their_length():
    units = directions(20, 25)
    units[7] = 3 * units[2] + 1e-3
    (group,) = near_duplicates(units).groups
    assert group.tolist() == [2, 7]


def test_opposite_units_are_near_only_where_sign_does_not_matter():
    units = directions(10, 25, seed=1)
    units[4] = -units[1]
    assert near_duplicates(units).groups == ()
    assert near_duplicates(units, signed=False).groups[0].tolist() == [1, 4]


def test_the_threshold_rises_as_kernels_shrink_and_units_multiply():
    small, large = near_duplicates(directions(100, 9)), near_duplicates(directions(100, 25))
    many = near_duplicates(directions(400, 25))
    assert small.threshold > many.threshold > large.threshold


def test_in_one_dimension_nothing_is_rare():
    assert near_duplicates(directions(10, 1)).groups == ()


def test_every_two_units_of_a_group_are_near():
    """A chain of neighbours is no group: its ends are far apart."""
    angles = np.linspace(0, 1, 30)
    chain = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    clusters = near_duplicates(chain, level=0.5, dimension=3)
    for group in clusters.groups:
        rows = chain[group]
        assert np.min(rows @ rows.T) >= clusters.threshold - 1e-12


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_units_make_no_groups(n):
    assert near_duplicates(np.ones((n, 4))).groups == ()


def test_an_impossible_level_is_refused():
    with pytest.raises(OptionError, match="level"):
        near_duplicates(directions(4, 4), level=0.0)


def test_what_is_only_beyond_chance_can_be_left_apart():
    rng = np.random.default_rng(0)
    units = rng.standard_normal((10, 400)) + rng.standard_normal(400)
    assert near_duplicates(units).groups
    assert not near_duplicates(units, least=0.9).groups


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels}


def crowd(seed, n, d):
    """Units in bundles of different width, some of them opposite, some equal, one of them zero."""
    rng = np.random.default_rng(seed)
    units = rng.standard_normal((max(1, n // 5), d))[rng.integers(0, max(1, n // 5), n)]
    units += rng.choice([0.0, 0.02, 0.1, 0.5], (n, 1)) * rng.standard_normal((n, d))
    units *= rng.choice([-1.0, 1.0, 2.0], (n, 1))
    units[n // 2] = 0.0
    return units


@given(st.integers(0, 10_000), st.integers(3, 80), st.integers(2, 40), st.booleans())
def test_groups_are_those_of_complete_linkage_on_all_pairs(seed, n, d, signed):
    units = crowd(seed, n, d)
    found = near_duplicates(units, signed=signed)
    alike = cosine(units) if signed else np.abs(cosine(units))
    expected = clustering._linked(1.0 - alike, 1.0 - found.threshold)
    assert partition(found.labels) == partition(expected)
    assert found.pairs == np.sum(alike[np.triu_indices(n, 1)] >= found.threshold)


def test_equal_units_are_one_group_however_many():
    (group,) = near_duplicates(np.ones((100_000, 8), np.float32)).groups
    assert len(group) == 100_000


def test_multiples_are_one_group_however_many():
    rng = np.random.default_rng(0)
    units = np.outer(rng.uniform(0.1, 9, 20_000), rng.standard_normal(8)).astype(np.float32)
    clusters = near_duplicates(units)
    assert clusters.spare == 19_999
    assert clusters.pairs == 20_000 * 19_999 // 2


@given(st.integers(0, 10_000), st.booleans())
def test_every_two_units_of_a_group_are_near_where_a_component_is_too_large_for_linkage(seed, signed):
    units = crowd(seed, 60, 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "LARGEST", 2)
        clusters = near_duplicates(units, signed=signed)
    for group in clusters.groups:
        alike = cosine(units[group])
        assert np.min(alike if signed else np.abs(alike)) >= clusters.threshold - 1e-12
