"""How much goes from where, by arrays alone."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redundancy.allocation import Curve, curve, gone_after, steps

HARMS = st.lists(st.floats(0, 10), min_size=3, max_size=3)


def curves(*harms, savings=(1.0, 1.0)):
    return tuple(
        Curve(f"s{k}", 4, saving, (0, 1, 2, 3), (0.0, *sorted(harm)))
        for k, (harm, saving) in enumerate(zip(harms, savings, strict=True))
    )


@given(HARMS, HARMS)
def test_steps_get_dearer_and_take_all_units_but_one_of_each(first, second):
    taken = steps(curves(first, second))
    assert np.all(np.diff([step.price for step in taken]) >= -1e-12)
    assert gone_after(taken) == {"s0": 3, "s1": 3}


@given(HARMS, HARMS, st.integers(0, 6))
def test_no_other_allocation_of_as_many_units_costs_less_on_the_hulls(first, second, count):
    given_curves = curves(first, second)
    taken = steps(given_curves)
    mine = sum(step.harm for step in taken[:count])
    others = [
        sum(hull(c, n) for c, n in zip(given_curves, counts, strict=True))
        for counts in product(range(4), repeat=2)
        if sum(counts) == count
    ]
    assert mine <= min(others) + 1e-9


def hull(each, count):
    """The lower convex hull of a curve at a count, by all its chords."""
    points = list(zip(each.gone, np.maximum.accumulate(each.harm), strict=True))
    chords = [
        a[1] + (b[1] - a[1]) * (count - a[0]) / (b[0] - a[0])
        for a in points
        for b in points
        if a[0] <= count <= b[0] and a[0] < b[0]
    ]
    return min([*chords, *(harm for at, harm in points if at == count)])


def test_what_saves_nothing_goes_last():
    taken = steps(curves([0.1, 0.2, 0.3], [5.0, 6.0, 7.0], savings=(0.0, 1.0)))
    assert [step.space for step in taken] == ["s1"] * 3 + ["s0"] * 3


def test_a_space_never_loses_its_last_unit():
    found = curve("s", 2, 1.0, float)
    assert found.gone == (0, 1)
