"""The exact test of pairs: against enumeration of every table, against SciPy's own, and against known numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from redundancy.errors import OptionError
from redundancy.pairs import Table, _Region, _score, exceeds

ALPHA = 0.05
MARGINS = -0.2, -0.1, -0.05, 0.05, 0.15


def tables(n):
    """Every table of n images, as losses and gains. Shapes (k,)."""
    lost, gained = np.divmod(np.arange((n + 1) ** 2), n + 1)
    inside = lost + gained <= n
    return lost[inside], gained[inside]


def chances(lost, gained, n, rates):
    """Of each table. Shape (k,)."""
    return multinomial.pmf(np.stack([lost, gained, n - lost - gained], axis=1), n, [*rates, 1 - sum(rates)])


def at_the_boundary(by, changed):
    """Rates of losses and gains whose difference is `by`."""
    return (changed - by) / 2, (changed + by) / 2


def test_a_table_counts_what_only_one_gets_right():
    first, second = np.array([1, 1, 1, 0, 0, 0], bool), np.array([1, 1, 0, 1, 1, 0], bool)
    table = Table.of(first, second)
    assert table == Table(2, 1, 2, 1)
    assert table.accuracies == (first.mean(), second.mean())
    assert table.difference == pytest.approx(1 / 6)
    assert table.swapped == Table.of(second, first)


@pytest.mark.parametrize("by", MARGINS)
def test_a_difference_that_is_not_there_is_shown_at_most_that_often_whatever_else_is_true(by):
    n = 40
    lost, gained = tables(n)
    shown = np.array([exceeds(Table(n - b - c, b, c, 0), by, 1 - ALPHA) for b, c in zip(lost, gained, strict=True)])
    wrong = [
        np.sum(chances(lost, gained, n, at_the_boundary(by, changed))[shown])
        for changed in np.linspace(abs(by), 1, 200)
    ]
    assert max(wrong) <= ALPHA
    # Nor is it so cautious that it shows nothing.
    assert max(wrong) > 0.6 * ALPHA


@pytest.mark.parametrize("by", MARGINS)
@pytest.mark.parametrize("n", [7, 24])
def test_more_gains_and_fewer_losses_speak_more_clearly(by, n):
    score = np.full((n + 1, n + 1), np.nan)
    lost, gained = tables(n)
    score[lost, gained] = _score(lost, gained, n, by)
    assert not np.any(np.diff(score, axis=0) > 1e-12)
    assert not np.any(np.diff(score, axis=1) < -1e-12)


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from(MARGINS), st.floats(0.21, 1))
def test_the_chance_of_a_region_is_that_of_its_tables(b, c, by, changed):
    n = 24
    lost, gained = tables(n)
    inside = _score(lost, gained, n, by) >= _score(np.array(b), np.array(c), n, by) - 1e-9
    rates = at_the_boundary(by, changed)
    expected = np.sum(chances(lost, gained, n, rates)[inside])
    found = _Region(b, c, n, by).chances(*(np.array([rate]) for rate in rates))
    assert found == pytest.approx(expected, abs=1e-10)


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.9, 0.95, 0.99]))
def test_without_a_margin_it_is_the_exact_binomial_test(lost, gained, confidence):
    expected = binomtest(gained, lost + gained, alternative="greater").pvalue if lost + gained else 1.0
    assert exceeds(Table(1, lost, gained, 0), 0.0, confidence) == (expected <= 1 - confidence)


@pytest.mark.parametrize(("margin", "images"), [(0.005, 598), (0.01, 299), (0.02, 149), (0.05, 59)])
def test_where_nothing_changes_it_takes_as_many_images_as_the_exact_bound_of_a_rate(margin, images):
    assert exceeds(Table(images, 0, 0, 0), -margin)
    assert not exceeds(Table(images - 1, 0, 0, 0), -margin)
    assert binomtest(0, images).proportion_ci(0.9).high <= margin


def test_losses_count_beside_gains_and_many_images_are_no_hindrance():
    assert exceeds(Table(9_800, 100, 100, 0), -0.005)
    assert not exceeds(Table(9_800, 120, 80, 0), -0.005)
    assert not exceeds(Table(9_800, 60, 140, 0), 0.006)
    assert exceeds(Table(9_800, 50, 150, 0), 0.006)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Table(0, 0, 0, 0),
        lambda: Table(3, -1, 0, 0),
        lambda: exceeds(Table(1, 0, 0, 0), 1.0),
        lambda: exceeds(Table(1, 0, 0, 0), -0.1, 1.0),
        lambda: exceeds(Table(1, 0, 0, 0), float("nan")),
    ],
)
def test_the_impossible_is_refused_in_one_line(wrong):
    with pytest.raises(OptionError) as caught:
        wrong()
    assert "\n" not in str(caught.value)
