"""Exact duplicate: two units with the same effective weights and bias."""

from __future__ import annotations

from redundancy.fold import Fold
from redundancy.notions.notion import pairs, register
from redundancy.sites import Site


def duplicate(site: Site) -> Fold:
    """h_j = h_i where z_j = z_i, under any function of one unit."""
    return pairs(site, "duplicate", _accept)


def _accept(site: Site, s: float, c: float) -> tuple[float, float] | None:
    return (1.0, 0.0) if s == 1.0 and c == 0.0 else None


register("duplicate", duplicate)
