import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.multiples import parallel

EPS = float(np.finfo(np.float32).eps)


def rows(n=6, d=9, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def relation(units, i, j, *, stored=True):
    """The factor from unit i to unit j; None where there is none."""
    group, factor = parallel(units, EPS, stored=stored)
    return factor[j] / factor[i] if group[i] == group[j] >= 0 else None


@given(st.integers(0, 1000), st.sampled_from([1.0, -1.0, 2.0, -0.3, 1e-3, 7e5]))
def test_multiples_are_found_with_their_factor(seed, s):
    units = rows(seed=seed)
    units[4] = np.float32(s) * units[1]
    assert relation(units, 1, 4) == pytest.approx(s, rel=1e-6)


@given(st.integers(0, 1000))
def test_random_rows_have_nothing_in_common(seed):
    group, _ = parallel(rows(40, seed=seed), EPS, stored=True)
    assert len(set(group.tolist())) == 40


@pytest.mark.parametrize("sign", [1, -1])
def test_one_unit_in_the_last_place_is_a_difference(sign):
    units = rows()
    units[4] = sign * units[1]
    assert relation(units, 1, 4) == sign
    units[4, 3] = np.nextafter(units[4, 3], np.float32(9))
    assert relation(units, 1, 4) is None


def test_twins_in_the_last_place_stay_apart_beside_a_third():
    """Rows of one number are all multiples of each other; the twins are two rows all the same."""
    w = np.float32(0.7)
    units = np.array([[0.3], [w], [np.nextafter(w, np.float32(1))]], np.float32)
    assert relation(units, 0, 1) is not None
    assert relation(units, 1, 2) is None


def test_computed_rows_may_differ_by_the_rounding_of_float64():
    units = rows().astype(np.float64)
    units[4] = units[1] * (1 + 1e-15)
    assert relation(units, 1, 4, stored=False) == 1.0


def test_rows_of_zeros_have_no_group():
    units = rows()
    units[2] = 0
    group, factor = parallel(units, EPS, stored=True)
    assert (group[2], factor[2]) == (-1, 0)


def test_tiny_and_huge_rows_are_compared_as_others_are():
    units = rows().astype(np.float64)
    units[4], units[5] = units[1] * 1e-300, units[1] * 1e300
    assert relation(units, 1, 4, stored=False) == pytest.approx(1e-300)
    assert relation(units, 1, 5, stored=False) == pytest.approx(1e300)


def test_near_multiples_that_no_factor_makes_are_distinct():
    """Both were rounded from something finer, so that neither is a multiple of the other."""
    rng = np.random.default_rng(0)
    units = np.outer(rng.uniform(1, 2, 50), rng.standard_normal(64)).astype(np.float32)
    assert len(np.unique(parallel(units, EPS, stored=True)[0])) == 50


@pytest.mark.parametrize("factors", [np.ones(30_000), np.tile([1, -1], 15_000)], ids=["equal", "opposite"])
def test_many_equal_rows_are_one_group(factors):
    units = (np.float32(0.3) * factors[:, None] * np.ones(8)).astype(np.float32)
    group, factor = parallel(units, EPS, stored=True)
    assert np.all(group == group[0])
    assert np.array_equal(factor, factors)


def test_many_multiples_are_one_group():
    factors = np.linspace(1, 2, 10_000).astype(np.float32)
    units = factors[:, None] * rows(1, 8)
    group, factor = parallel(units, EPS, stored=True)
    assert np.all(group == group[0])
    assert factor == pytest.approx(factors, rel=1e-6)


def test_many_groups_are_found():
    units = np.repeat(rows(2000, 9), 10, axis=0)
    assert len(np.unique(parallel(units, EPS, stored=True)[0])) == 2000
