"""Sign-flipped: two units with opposite effective weights and bias, under a function with a point of symmetry."""

from __future__ import annotations

from redundancy.fold import Fold
from redundancy.notions.notion import pairs, register
from redundancy.sites import Site


def flipped(site: Site) -> Fold:
    """h_j = K - h_i where z_j = -z_i and phi(-z) = K - phi(z): K is 0 for odd functions, 1 for the sigmoid.

    Likewise where phi is symmetric about another point, z_j = 2 m - z_i as under ReLU6, or even.
    """
    return pairs(site, "flipped", _accept)


def _accept(site: Site, s: float, c: float) -> tuple[float, float] | None:
    symmetry = site.algebra.symmetry
    if s != -1.0 or symmetry is None:
        return None
    if site.algebra.linear:
        return -1.0, c
    return (symmetry.factor, symmetry.constant) if c == 2.0 * symmetry.center else None


register("flipped", flipped)
