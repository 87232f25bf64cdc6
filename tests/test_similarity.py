import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.similarity import alike, cosine, identical, parallel, weighted_cosine

EPS = float(np.finfo(np.float32).eps)


def rows(n=6, d=9, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def relation(units, i, j, *, stored=True):
    """The factor from unit i to unit j; None where there is none."""
    group, factor = parallel(units, EPS, stored=stored)
    return factor[j] / factor[i] if group[i] == group[j] >= 0 else None


def test_cosines_have_signs():
    assert cosine(np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 0.0]]))[0].tolist() == [1.0, -1.0, 0.0]


def test_weights_on_inputs_that_never_vary_count_for_nothing():
    units = np.array([[1.0, 5.0], [1.0, -5.0]])
    assert cosine(units)[0, 1] < 0
    assert weighted_cosine(units, np.diag([1.0, 0.0]))[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_identical_rows_share_a_label(dtype):
    import ml_dtypes

    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    labels = identical(np.array([[1, 2], [3, 4], [1, 2]]).astype(kind))
    assert labels[0] == labels[2] != labels[1]


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


def test_rows_are_alike_up_to_rounding_and_no_further():
    rows = np.array([[1.0, 2.0], [1.0, 2.0 + 1e-15], [1.0, 2.0 + 1e-9], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    labels = alike(rows)
    assert (labels[:, None] == labels).tolist() == [[i in same for i in range(6)] for same in
        ({0, 1, 4}, {0, 1, 4}, {2}, {3, 5}, {0, 1, 4}, {3, 5})]  # fmt: skip
