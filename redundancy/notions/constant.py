"""Constant: a unit that has one value, whatever the input."""

from __future__ import annotations

import numpy as np

from redundancy.fold import Fold, Holds, drop
from redundancy.notions.notion import register
from redundancy.sites import Site


def constant(site: Site) -> Fold:
    """h_j = phi(b_j) where every weight is zero, or where phi has the same value at both bounds of z_j."""
    values = {int(j): float(site.algebra.function(site.offset[j])) for j in np.flatnonzero(site.group < 0)}
    low, high = site.algebra.bounds(site.low, site.high)
    pinned = np.flatnonzero((low == high) & np.isfinite(low))
    bounded = {int(j): float(low[j]) for j in pinned if int(j) not in values}
    return drop(site.size, {**values, **bounded}, "constant", Holds.BOX if site.boxed and bounded else Holds.ALWAYS)


register("constant", constant)
