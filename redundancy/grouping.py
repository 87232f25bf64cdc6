"""Folds of units that a layer handles in groups: within a group only, or so that the groups stay of one size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redundancy.fold import Fold, beside, kept_too
from redundancy.layers import Block
from redundancy.network import Array
from redundancy.sites import Find, Site
from redundancy.spaces import Space


def restricted(space: Space, units: Array) -> Space:
    """Some units of a space as a space of their own. Units increasing, shape (n,), int."""
    taps = [
        replace(tap, part=tap.part.take(inside), units=np.searchsorted(units, tap.units[inside]))
        for tap in space.taps
        if len(inside := np.flatnonzero(np.isin(tap.units, units)))
    ]
    held = [np.flatnonzero(np.isin(ids, units)) for ids in space.held]
    pins = tuple(
        replace(pin, part=pin.part.take(inside)) for pin, inside in zip(space.pins, held, strict=True) if len(inside)
    )
    places = (np.searchsorted(units, ids[inside]) for ids, inside in zip(space.held, held, strict=True) if len(inside))
    return replace(space, ids=space.ids[units], taps=tuple(taps), pins=pins, held=tuple(places), blocks=())


def within_blocks(find: Find, site: Site, blocks: tuple[Block, ...]) -> Fold:
    """What folds at a site, where units of different strict blocks have nothing to say of each other."""
    strict = [block for block in blocks if block.strict]
    if not strict:
        return find(site)
    labels = np.full((len(strict), site.size), -1)
    for row, block in zip(labels, strict, strict=True):
        row[block.ids] = block.labels
    together = np.unique(labels, axis=1, return_inverse=True)[1].reshape(-1)
    return beside(
        [(group, find(site.take(group))) for group in map(np.flatnonzero, together == np.unique(together)[:, None])],
        site.size,
    )


def evened(fold: Fold, blocks: tuple[Block, ...]) -> Fold:
    """The same, with units kept after all until every block has groups of one size, none of them empty."""
    before, even = -1, [block for block in blocks if block.even]
    while even and before != len(fold.keep):
        before = len(fold.keep)
        for block in even:
            gone = np.isin(block.ids, fold.dropped)
            sizes, lost = np.bincount(block.labels), np.bincount(block.labels, weights=gone)
            left = ~(block.whole & (lost == sizes))
            left[0] |= not left.any()
            spare = min(int(lost[left].min()), int(sizes[left].min()) - 1)
            extra = [block.ids[gone & (block.labels == label)][spare:] for label in np.flatnonzero(left)]
            fold = kept_too(fold, np.concatenate(extra))
    return fold
