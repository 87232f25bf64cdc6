"""Each notion on hand-made units: what it finds, and what it must leave alone."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.algebra import LINEAR, MAXIMUM, algebra_of
from redundancy.errors import OptionError
from redundancy.fold import Holds
from redundancy.notions import NOTIONS, finder, named
from redundancy.notions.dependent import independent
from redundancy.similarity import directions
from redundancy.sites import site_of
from redundancy.units import Affine

EPS = float(np.finfo(np.float32).eps)


def site(rows, offset=None, function="relu", *, low=None, high=None, boxed=False, gain=None, eps=EPS):
    """Units with these weights and biases, before a function."""
    rows = np.asarray(rows, np.float32)
    n = len(rows)
    offset = np.zeros(n) if offset is None else np.asarray(offset, float)
    affine = Affine({"x": rows}, np.ones(n) if gain is None else np.asarray(gain), offset, ("",) * n, eps)
    low, high = (np.full(n, b) if a is None else np.asarray(a, float) for a, b in ((low, -np.inf), (high, np.inf)))
    algebra = {"linear": LINEAR, "maximum": MAXIMUM}.get(str(function)) or algebra_of(
        function if isinstance(function, dict) else {"function": function}
    )
    return site_of(affine, low, high, algebra, boxed=boxed)


def found(notion, *given, **options):
    """What a notion says, as text."""
    return str(NOTIONS[notion].find(site(*given, **options)))


A, B = [1.0, 2.0, -1.0], [0.5, 0.25, 3.0]


@pytest.mark.parametrize("function", ["relu", "tanh", "gelu", "linear", "maximum"])
def test_duplicates_fold_before_any_function(function):
    assert found("duplicate", [A, B, A], [1, 1, 1], function) == "h2 = h0 (duplicate)"


def test_another_bias_makes_no_duplicate():
    assert found("duplicate", [A, A], [1, 2]) == "nothing folds"


@pytest.mark.parametrize(("function", "folds"), [("relu", True), ("maximum", True), ("linear", True), ("tanh", False)])
def test_positive_multiples_fold_where_factors_pass(function, folds):
    said = found("scaled", [A, np.multiply(2, A)], [1, 2], function)
    assert said == ("h0 = 0.5 h1 (scaled)" if folds else "nothing folds")


def test_a_constant_passes_a_maximum_with_the_factor():
    assert found("scaled", [A, np.multiply(2, A)], [1, 3], "maximum") == "h0 = 0.5 h1 - 0.5 (scaled)"


@pytest.mark.parametrize("function", ["relu", "maximum", "gelu", "softplus", "silu"])
def test_opposite_units_do_not_fold_where_signs_do_not_pass(function):
    opposite = site([A, np.negative(A)], [1, -1], function)
    assert str(finder(named(None))(opposite)) == "nothing folds"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("tanh", "h1 = -h0"),
        ("sigmoid", "h1 = -h0 + 1"),
        ("hard_sigmoid", "h1 = -h0 + 1"),
        ("linear", "h1 = -h0"),
    ],
)
def test_opposite_units_fold_where_there_is_a_mirror(function, said):
    assert found("flipped", [A, np.negative(A)], [1, -1], function) == f"{said} (flipped)"


@pytest.mark.parametrize(("offset", "folds"), [([1.25, 4.75], True), ([1.25, -1.25], False), ([1.25, 5.0], False)])
def test_units_opposite_about_another_point_fold_where_that_is_the_center(offset, folds):
    """relu6(6 - z) = 6 - relu6(z)."""
    said = found("flipped", [A, np.negative(A)], offset, "relu6")
    assert said == ("h1 = -h0 + 6 (flipped)" if folds else "nothing folds")


def test_opposite_units_are_equal_under_an_even_function():
    even = {"function": "leaky_relu", "negative_slope": -1.0}
    assert found("flipped", [A, np.negative(A)], [1, -1], even) == "h1 = h0 (flipped)"


def test_a_gain_that_undoes_a_factor_makes_a_duplicate():
    """Unequal kernels, equal units: a normalisation between the layer and its function decides."""
    assert found("duplicate", [A, np.multiply(2, A)], function="tanh", gain=[2.0, 1.0]) == "h1 = h0 (duplicate)"


def test_another_gain_parts_twins():
    assert found("duplicate", [A, A], function="tanh", gain=[1.0, 1.5]) == "nothing folds"


def test_no_weights_make_a_constant():
    assert found("constant", [[0, 0, 0], A], [0.5, 0], "tanh") == f"h0 = {np.tanh(0.5):.4g} (constant)"


def test_weights_that_sum_to_zero_make_nothing():
    sobel = [1, 0, -1, 2, 0, -2, 1, 0, -1]
    edge = site([sobel, np.arange(9)], [0, 1])
    assert str(finder(named(None))(edge)) == "nothing folds"


@pytest.mark.parametrize(("boxed", "holds"), [(False, Holds.ALWAYS), (True, Holds.BOX)])
def test_a_unit_whose_bound_is_not_positive_is_dead_under_relu(boxed, holds):
    fold = NOTIONS["dead"].find(site([A, B], low=[-9, -9], high=[0, 1], boxed=boxed))
    assert str(fold) == "h0 = 0 (dead)"
    assert fold.holds is holds


def test_a_saturated_unit_is_a_constant():
    assert found("constant", [A, B], function="relu6", low=[7, 0], high=[9, 9]) == "h0 = 6 (constant)"


def test_three_units_may_depend_on_each_other_though_no_two_are_alike():
    rows = np.array([A, B, np.add(A, B)])
    pairs = finder(named(["duplicate", "flipped", "scaled"]))
    assert len(pairs(site(rows, function="linear")).dropped) == 0
    assert len(NOTIONS["dependent"].find(site(rows, function="linear")).dropped) == 1


@given(st.integers(0, 500), st.integers(1, 4), st.integers(2, 8))
def test_a_dependence_is_true(seed, d, n):
    rng = np.random.default_rng(seed)
    rows, offset = rng.choice([-1.0, 1.0], (n, d)) + 0.2 * rng.standard_normal((n, d)), rng.standard_normal(n)
    before = site(rows, offset, "linear")
    fold = NOTIONS["dependent"].find(before)
    assert len(fold.keep) == min(n, d)
    z = before.rows @ rng.standard_normal(d) + offset
    assert np.allclose(fold(z[fold.keep]), z, atol=1e-9)


def test_a_dependence_stops_at_a_function():
    assert found("dependent", [A, B, np.add(A, B)], function="relu") == "nothing folds"


def test_one_unit_in_the_last_place_is_no_dependence():
    twin = np.array(A, np.float32)
    twin[1] = np.nextafter(twin[1], np.float32(9))
    assert found("dependent", [A, B, twin], function="linear") == "nothing folds"


def test_a_combination_that_was_rounded_when_stored_is_one():
    rows = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32)
    rows[3] = 0.3 * rows[0] - 0.7 * rows[1] + 0.11 * rows[2]
    assert len(NOTIONS["dependent"].find(site(rows, function="linear")).dropped) == 1


def test_a_combination_of_bfloat16_weights_is_no_copy_of_one_of_them():
    kind = ml_dtypes.bfloat16
    rows = np.random.default_rng(1).standard_normal((4, 9)).astype(kind)
    rows[3] = (np.float32(0.3) * rows[0] + np.float32(0.8) * rows[1]).astype(kind)
    before = site(rows, function="linear", eps=float(ml_dtypes.finfo(kind).eps))
    assert len(NOTIONS["dependent"].find(before).dropped) == 1


def test_a_tiny_weight_that_no_combination_has_is_kept():
    """It is all that is left of the unit where the other inputs are zero."""
    rows = [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 1e-8]]
    assert found("dependent", rows, function="linear") == "nothing folds"


def test_an_unknown_notion_is_refused():
    with pytest.raises(OptionError, match="no notion is called 'twin': choose from unused, dead"):
        named(["twin"])


@pytest.mark.parametrize(("n", "d"), [(1, 1), (40, 40), (40, 60), (40, 400)])
def test_rows_that_are_proved_independent_have_no_small_pivot(n, d):
    unit = directions(np.random.default_rng(n + d).standard_normal((n, d)))
    assert independent(unit, 1e-7)
    assert np.linalg.svd(unit, compute_uv=False)[-1] > 1e-7


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-7])
@pytest.mark.parametrize("d", [40, 400])
def test_dependent_rows_are_never_proved_independent(size, d):
    rng = np.random.default_rng(d)
    rows = rng.standard_normal((40, d))
    rows[7] = rows[:7].sum(axis=0) + size * rng.standard_normal(d)
    assert not independent(directions(rows), 1e-6)


def test_more_rows_than_columns_are_never_proved_independent():
    assert not independent(directions(np.random.default_rng(0).standard_normal((9, 8))), 1e-7)


def test_independence_may_rest_on_the_last_columns():
    rows = np.zeros((4, 40))
    rows[:, -4:] = np.eye(4)
    rows[:, :2] = 1.0
    assert independent(directions(rows), 1e-7)


@pytest.mark.parametrize("name", [1, None, ["dead"]])
def test_what_is_no_name_is_no_notion(name):
    with pytest.raises(OptionError, match="is no name of a notion: choose from"):
        named([name])
