from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.algebra import LINEAR
from redundancy.fold import Holds
from redundancy.notions import finder, named
from redundancy.sites import site_of
from redundancy.units import Affine, Unwritten, nothing_known, settled, summed, total

EPS = float(np.finfo(np.float32).eps)


def affine(rows, offset=0.0, *, gain=1.0, basis="x", holds=Holds.ALWAYS):
    rows = np.asarray(rows, np.float32)
    n = len(rows)
    return Affine({basis: rows}, np.full(n, gain), np.full(n, offset), ("",) * n, EPS, holds=holds)


def values(known, **bases):
    """What units compute, for given values of the bases."""
    summands = [known.term(basis) @ np.asarray(bases[basis], float) for basis in known.terms]
    return known.gain * sum(summands) + known.offset


def site(known):
    unbounded = np.full(len(known.gain), np.inf)
    return site_of(known, -unbounded, unbounded)


@given(st.integers(0, 100))
def test_a_sum_computes_the_sum(seed):
    rng = np.random.default_rng(seed)
    first, second = (affine(rng.standard_normal((3, 2)), o, gain=g, basis=b) for o, g, b in ((1, 2, "x"), (4, -1, "y")))
    x, y = rng.standard_normal((2, 2))
    assert np.allclose(values(total(first, second), x=x, y=y), values(first, x=x) + values(second, y=y))


def test_a_sum_over_one_basis_adds_coefficients():
    assert total(affine([[1.0]]), affine([[2.0]], gain=3.0)).term("x").tolist() == [[7.0]]


def test_a_sum_holds_as_far_as_its_weakest_part():
    assert total(affine([[1.0]]), affine([[1.0]], holds=Holds.BOX)).holds is Holds.BOX


def test_scale_and_shift_reach_the_offset():
    assert values(affine([[3.0]], 1.0).scaled(np.array([2.0]), np.array([5.0])), x=[1.0]).tolist() == [13.0]


def test_some_channels_are_taken():
    assert affine([[1.0], [2.0], [3.0]]).take(np.array([2, 0])).term("x").tolist() == [[3.0], [1.0]]


def test_what_cancels_but_for_rounding_is_zero():
    assert settled(np.array([1e-17, 1e-9]), np.array([1.0, 1.0])).tolist() == [0.0, 1e-9]


def test_sums_are_not_rounded_as_they_are_stored():
    half = np.float16([1.0, 0.0001])
    assert summed(half[:1], half[1:])[0] > 1.0


def test_units_of_which_nothing_is_known_are_independent():
    assert site(nothing_known("x", 3, EPS)).independent
    assert not site(affine(np.eye(3))).independent


def test_a_gain_of_zero_makes_a_unit_of_no_group():
    known = nothing_known("x", 3, EPS).scaled(np.array([1.0, 0.0, 2.0]), np.zeros(3))
    assert site(known).group.tolist() == [0, -1, 2]
    assert not site(known).independent


def test_rows_of_a_wide_layer_are_not_written_out():
    assert site(nothing_known("x", 3, EPS)).coefficients is None


@pytest.mark.parametrize("known", [affine([[1.0, 2.0], [3.0, 4.0]], 1.0), nothing_known("x", 2, EPS)])
def test_the_rest_of_a_site_is_a_site(known):
    rest = site(known).take(np.array([1]))
    assert rest.size == 1
    assert rest.factor.shape == rest.offset.shape == rest.low.shape == rest.rows.shape[:1]


def test_rows_are_effective():
    assert site_of(affine([[1.0, 2.0]], gain=3.0), np.zeros(1), np.ones(1), LINEAR).rows.tolist() == [[3.0, 6.0]]


def behind_a_function(rows):
    """Units that are stated in values behind a function, of which each is a unit that stays."""
    own = np.count_nonzero(rows, axis=0)[np.argmax(rows, axis=1)] == 1
    return replace(affine(rows, basis="value"), stored=False, own=own)


def test_a_unit_with_a_value_of_its_own_is_alone_in_a_sum():
    known = total(behind_a_function([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), affine([[1.0]] * 3))
    assert known.alone.tolist() == [False, False, True]
    assert site(known).group.tolist() == [0, 0, 2]


def test_a_unit_without_gain_is_not_alone():
    known = behind_a_function([[1.0, 0.0], [0.0, 1.0]]).scaled(np.array([0.0, 2.0]), np.zeros(2))
    assert known.alone.tolist() == [False, True]


def test_values_that_both_summands_are_made_of_are_nobodys_own():
    known = behind_a_function([[1.0, 0.0], [0.0, 1.0]])
    turned = affine([[-1.0, 1.0], [0.0, 0.0]], basis="value")
    assert not np.any(total(known, turned).alone)


def test_a_unit_that_is_taken_twice_is_not_alone():
    assert not np.any(behind_a_function([[1.0, 0.0], [0.0, 1.0]]).take(np.array([0, 0])).alone)


def test_what_no_unit_is_related_to_is_not_written_out():
    def write(units):
        assert 2 not in units
        return np.ones((len(units), 1))

    known = total(behind_a_function([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), affine([[1.0]] * 3))
    unwritten = replace(known, terms={**known.terms, "x": Unwritten((3, 1), write)})
    assert str(finder(named(None))(site(unwritten))) == "h1 = h0 (duplicate)"
