"""Scaled: a unit whose effective weights and bias are a multiple of another's."""

from __future__ import annotations

from redundancy.algebra import Scale
from redundancy.fold import Fold
from redundancy.notions.notion import pairs, register
from redundancy.units import Site


def scaled(site: Site) -> Fold:
    """h_j = s h_i where z_j = s z_i and phi(s z) = s phi(z): s > 0 for ReLU and leaky ReLU, any s if linear."""
    return pairs(site, "scaled", _accept)


def _accept(site: Site, s: float, c: float) -> tuple[float, float] | None:
    if site.algebra.linear:
        return s, c
    if c != 0.0 or site.algebra.scale is Scale.NONE:
        return None
    return (s, 0.0) if s > 0 or site.algebra.scale is Scale.ANY else None


register("scaled", scaled)
