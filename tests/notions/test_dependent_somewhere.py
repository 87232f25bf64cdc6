import numpy as np
import pytest

from redundancy.notions.dependent import dependent
from redundancy.sites import site_of
from redundancy.units import Affine

RNG = np.random.default_rng(5)
FREE, TIED = RNG.standard_normal((9, 12)), RNG.standard_normal((9, 12))
TIED[8] = TIED[0] + TIED[1]


@pytest.mark.parametrize(("first", "second", "gone"), [(FREE, TIED, 0), (TIED, FREE, 0), (TIED, TIED[:, ::-1], 1)])
def test_units_are_dependent_only_where_they_are_so_in_every_basis(first, second, gone):
    affine = Affine({"a": first, "b": second}, np.ones(9), np.zeros(9), ("",) * 9, 1e-7)
    unbounded = np.full(9, np.inf)
    assert len(dependent(site_of(affine, -unbounded, unbounded)).dropped) == gone
