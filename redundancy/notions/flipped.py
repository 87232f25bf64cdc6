"""Sign-flipped: two units with opposite effective weights and bias, under a function with a point of symmetry."""

from __future__ import annotations

from redundancy.fold import Fold
from redundancy.notions.notion import pairs, register
from redundancy.units import Site


def flipped(site: Site) -> Fold:
    """h_j = K - h_i where z_j = -z_i and phi(-z) = K - phi(z): K is 0 for odd functions, 1 for the sigmoid."""
    return pairs(site, "flipped", _accept)


def _accept(site: Site, s: float, c: float) -> tuple[float, float] | None:
    if s != -1.0 or site.algebra.mirror is None:
        return None
    if site.algebra.linear:
        return -1.0, c
    return (-1.0, site.algebra.mirror) if c == 0.0 else None


register("flipped", flipped)
