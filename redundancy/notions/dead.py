"""Dead: a unit that is zero for every input, because its function is zero on all values that reach it."""

from __future__ import annotations

import numpy as np

from redundancy.fold import Fold, Holds, drop
from redundancy.notions.notion import register
from redundancy.sites import Site


def dead(site: Site) -> Fold:
    """h_j = 0 where phi is 0 from the lower to the upper bound of z_j: ReLU where the upper bound is not positive.

    Likewise where every weight is zero and phi(b_j) is.

    The bounds come from intervals: they are sound, not tight. Weights are never summed to judge a unit: those of an
    edge filter sum to zero, and it is alive.
    """
    low, high = site.algebra.bounds(site.low, site.high)
    still = site.group < 0
    always = still & (site.algebra.function(np.where(still, site.offset, 0.0)) == 0)
    bounded = (low == 0) & (high == 0) & ~always
    holds = Holds.BOX if site.boxed and np.any(bounded) else Holds.ALWAYS
    return drop(site.size, dict.fromkeys(np.flatnonzero(always | bounded).tolist(), 0.0), "dead", holds)


register("dead", dead)
