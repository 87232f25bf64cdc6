import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.coefficients import Unwritten, folded, joined, multiplied
from redundancy.fold import drop, merge
from redundancy.multiples import likely, parallel
from redundancy.neighbours import directions_of
from redundancy.notions import finder, named
from redundancy.spaces import trace

RNG = np.random.default_rng(3)


def test_a_fold_multiplies_as_if_it_were_written_out():
    fold = merge(4, {2: (0, -1.5, 0.0), 3: (1, 2.0, 1.0)}, "scaled")
    matrix = RNG.standard_normal((2, 3))
    assert np.allclose(multiplied(folded(fold), matrix).values, fold.into @ matrix)


def test_units_that_equal_one_that_stays_are_known_by_it():
    fold = merge(6, {2: (0, 1.0, 0.0), 3: (0, -1.0, 0.0), 4: (0, -1.0, 0.0)}, "flipped")
    marks = folded(fold).marks(np.arange(6))
    assert [marks.index(mark) for mark in marks] == [0, 1, 0, 3, 3, 5]


def test_a_unit_that_is_stated_as_nothing_is_not_taken_for_the_one_that_stays():
    marks = folded(drop(2, {1: 3.0}, "constant")).marks(np.arange(2))
    assert marks[0] != marks[1]


def test_what_cannot_multiply_is_written_for_it():
    rows, matrix = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2))
    assert np.allclose(multiplied(Unwritten((5, 3), lambda units: rows[units]), matrix).values, rows @ matrix)


def kernel(*shape):
    """The last unit is twice the first one."""
    weights = RNG.standard_normal(shape).astype(np.float32)
    weights[..., -1] = 2 * weights[..., 0]
    return {"kernel": weights}


def deep():
    """Folds behind functions, scaled, laid out in windows and over positions, and composed."""
    b = Builder()
    first = b.add("activation", b.add("conv", b.input((6, 6, 3)), weights=kernel(3, 3, 3, 5)), function="relu")
    statistics = {"mean": np.zeros(5), "variance": RNG.uniform(1, 2, 5)}
    scaled = b.add("batch_normalization", first, name="scaled", weights=statistics)
    mapped = b.add("depthwise_conv", scaled, name="mapped", padding="same", weights={"kernel": np.ones((3, 3, 5, 1))})
    seen = b.add("conv", mapped, name="seen", weights=kernel(2, 2, 5, 4))
    composed = b.add("dense", b.add("flatten", seen), name="composed", weights=kernel(36, 7))
    return b.network(composed)


@pytest.mark.parametrize("name", ["scaled", "mapped", "seen", "composed"])
def test_units_multiply_as_if_they_were_written_out(name):
    (part,) = trace(deep(), finder(named(None))).units[name].parts
    matrix = RNG.standard_normal((part.affine.width, 4))
    product, written = part.affine.times(matrix), np.asarray(part.affine.rows(), np.float64) @ matrix
    assert np.allclose(product.values, written)
    assert np.all(product.sizes * (1 + 1e-9) >= np.linalg.norm(written, axis=1))


@pytest.mark.parametrize("name", ["scaled", "mapped", "seen", "composed"])
def test_norms_are_bounded_without_writing_the_coefficients_out(name):
    (part,) = trace(deep(), finder(named(None))).units[name].parts
    bounds, written = part.affine.sizes(), np.asarray(part.affine.rows(), np.float64)
    assert np.all(bounds * (1 + 1e-9) >= np.linalg.norm(written, axis=1))


@given(st.integers(0, 10**6), st.sampled_from([np.float16, np.float32, np.float64]))
def test_multiples_are_always_in_one_run(seed, dtype):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, 30)).astype(dtype)
    rows[[3, 7, 11]] = (rows[[0, 1, 2]] * rng.choice([-3.0, -1.0, 0.1, 1.0, 7.0], (3, 1))).astype(dtype)
    eps = float(np.finfo(dtype).eps)
    seen = multiplied(rows, directions_of(30, 8))
    group = parallel(rows, eps, stored=True)[0]
    run = likely(seen.values, seen.sizes, 30, eps)
    assert all(len(np.unique(run[group == one])) == 1 for one in group)


def test_rows_that_are_like_no_other_are_alone():
    rows = RNG.standard_normal((30, 50))
    rows[9] = -rows[4]
    seen = multiplied(rows, directions_of(50, 8))
    run = likely(seen.values, seen.sizes, 50, 1e-7)
    assert len(np.unique(run)) == 29
    assert run[4] == run[9]


def test_a_mark_and_none_is_not_none_and_that_mark():
    """Units that lie at one place only are told by where they lie."""
    first, second = joined([b"a", b""], [b"", b"a"])
    assert first != second
