"""Scaled: a unit whose effective weights and bias are a multiple of another's."""

from __future__ import annotations

from redundancy.algebra import Scale
from redundancy.fold import Fold
from redundancy.notions.notion import pairs, register
from redundancy.sites import Site


def scaled(site: Site) -> Fold:
    """h_j = s h_i where z_j = s z_i and phi(s z) = s phi(z): s > 0 for ReLU and leaky ReLU, any s if linear.

    Likewise h_j = s h_i + c where z_j = s z_i + c, if constants pass as well: in max pooling, with s > 0.
    """
    return pairs(site, "scaled", _accept)


def _accept(site: Site, s: float, c: float) -> tuple[float, float] | None:
    if (c != 0.0 and not site.algebra.shifts) or site.algebra.scale is Scale.NONE:
        return None
    return (s, c) if s > 0 or site.algebra.scale is Scale.ANY else None


register("scaled", scaled)
