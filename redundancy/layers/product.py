"""Functions of two units: what relates both factors of two products relates the products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redundancy.coefficients import Basis
from redundancy.network import Array
from redundancy.sites import Site, site_of
from redundancy.units import Affine, nothing_known


def product(first: Affine, second: Affine, basis: Basis) -> Affine:
    """What the products of units compute, each in terms of products that are independent of each other.

    (s g) (t h) = s t (g h): products of multiples are multiples. Where a factor has a constant part, only products of
    equal factors are equal; where one factor is a constant without variable part, the product is not followed.

    Args:
        first: Of n units.
        second: Of the n units that they are multiplied by.
        basis: Names what is new in the products.
    """
    n = len(first.gain)
    unbounded = np.full(n, np.inf)
    left, right = (site_of(affine, -unbounded, unbounded) for affine in (first, second))
    if left.independent and right.independent:
        return nothing_known(basis, n, max(first.eps, second.eps))
    gone = _vanishes(left) | _vanishes(right)
    keys = [_key(left, j) + _key(right, j) for j in range(n)]
    kinds = {key: place for place, key in enumerate(dict.fromkeys(k for k, g in zip(keys, gone, strict=True) if not g))}
    rows = np.zeros((n, len(kinds)))
    for j in np.flatnonzero(~gone):
        rows[j, kinds[keys[j]]] = 1.0
    gain = np.where(gone, 1.0, _scale(left) * _scale(right))
    why = tuple(a or b for a, b in zip(first.why, second.why, strict=True))
    known = nothing_known(basis, n, max(first.eps, second.eps))
    return replace(known, terms={basis: rows}, gain=gain, why=why, stored=False, holds=max(first.holds, second.holds))


def paired(first: Affine, second: Affine, basis: Basis) -> Affine:
    """What one unknown function of two units computes: equal where both are, and nothing else is known.

    Args:
        first: Of n units.
        second: Of the n units that go with them.
        basis: Names the values of the function.
    """
    n = len(first.gain)
    unbounded = np.full(n, np.inf)
    sites = [site_of(affine, -unbounded, unbounded) for affine in (first, second)]
    known = nothing_known(basis, n, max(first.eps, second.eps))
    if any(site.independent for site in sites):
        return known
    pairs = [tuple(_entry(site, j) for site in sites) for j in range(n)]
    kinds = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    rows = np.zeros((n, len(kinds)))
    rows[np.arange(n), [kinds[pair] for pair in pairs]] = 1.0
    why = tuple(a or b for a, b in zip(first.why, second.why, strict=True))
    return replace(known, terms={basis: rows}, why=why, stored=False, holds=max(first.holds, second.holds))


def _entry(site: Site, j: int) -> tuple[int, float, float]:
    """Equal for two units exactly if they are equal."""
    return int(site.group[j]), float(site.factor[j]), float(site.offset[j])


def _vanishes(site: Site) -> Array:
    return np.asarray((site.group < 0) & (site.offset == 0))


def _plain(site: Site) -> Array:
    """The units without constant part, which multiples may stand for."""
    return np.asarray((site.offset == 0) & (site.group >= 0))


def _scale(site: Site) -> Array:
    return np.where(_plain(site), site.factor, 1.0)


def _key(site: Site, j: int) -> tuple[int, float, float]:
    """Equal for two units exactly if they are equal, or multiples without constant part."""
    if site.offset[j] == 0 and site.group[j] >= 0:
        return int(site.group[j]), 0.0, 0.0
    return _entry(site, j)
