import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import NetworkError
from redundancy.fold import Fold, Holds, compose, drop, identity, merge, shifted


@st.composite
def folds(draw, n):
    """A fold of n units into some of them, with small coefficients."""
    keep = sorted(draw(st.sets(st.integers(0, n - 1), min_size=1)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    into, offset = rng.integers(-3, 4, (n, len(keep))).astype(float), rng.integers(-3, 4, n).astype(float)
    into[keep], offset[keep] = np.eye(len(keep)), 0
    return Fold(keep, into, offset, tuple("" if i in keep else "planted" for i in range(n)))


@given(st.data(), st.integers(1, 6))
def test_composition_is_one_after_the_other(data, n):
    first = data.draw(folds(n))
    second = data.draw(folds(len(first.keep)))
    kept = np.arange(1.0, 1 + len(second.keep))
    assert np.allclose(compose(first, second)(kept), first(second(kept)))


@given(st.data(), st.integers(1, 6))
def test_the_identity_changes_nothing(data, n):
    fold = data.draw(folds(n))
    for same in (compose(identity(n), fold), compose(fold, identity(len(fold.keep)))):
        assert np.array_equal(same.into, fold.into)
        assert same.why == fold.why


def test_merging_says_who_stands_for_whom():
    fold = merge(3, {2: (0, -1.0, 1.0)}, "flipped")
    assert fold(np.array([0.25, 7.0])).tolist() == [0.25, 7.0, 0.75]
    assert str(fold) == "h2 = -h0 + 1 (flipped)"


def test_dropping_leaves_a_constant():
    assert drop(2, {0: 3.0}, "constant")(np.array([5.0])).tolist() == [3.0, 5.0]


def test_it_holds_as_far_as_its_weakest_part():
    weak = drop(2, {0: 0.0}, "dead", Holds.BOX)
    assert compose(weak, identity(1)).holds is Holds.BOX


def test_a_unit_cannot_be_stated_by_one_that_goes():
    with pytest.raises(NetworkError, match="which goes as well"):
        merge(3, {1: (0, 1.0, 0.0), 2: (1, 1.0, 0.0)}, "duplicate")


@pytest.mark.parametrize(
    ("keep", "into", "offset", "said"),
    [
        ([1, 0], np.eye(2)[::-1], [0, 0], "increasing"),
        ([0], [[2.0], [1.0]], [0, 0], "each unit that stays as itself"),
        ([0], [[1.0], [1.0]], [1, 0], "each unit that stays as itself"),
        ([0], [[1.0], [1.0]], [0], "parts of other sizes"),
    ],
)
def test_what_is_no_fold_is_refused(keep, into, offset, said):
    with pytest.raises(NetworkError, match=said):
        Fold(keep, np.array(into), offset, ("", ""))


def test_composition_needs_matching_sizes():
    with pytest.raises(NetworkError, match="cannot follow"):
        compose(identity(3), identity(2))


def test_a_fold_where_units_have_other_constants_keeps_its_combinations():
    fold = shifted(merge(3, {2: (0, 2.0, 0.0)}, "scaled"), np.array([1.0, 5.0, 3.0]), Holds.ALWAYS)
    assert str(fold) == "h2 = 2 h0 + 1 (scaled)"
