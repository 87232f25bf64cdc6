"""Looks for folds in a network: one that holds at every place where the units of a space are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from redundancy.errors import NetworkError
from redundancy.findings import Finding, Findings
from redundancy.fold import Fold, Holds, beside, compose, drop, explained, identity, shifted
from redundancy.grouping import evened, restricted, within_blocks
from redundancy.joint import joint
from redundancy.layers import RULES
from redundancy.network import Array, Network
from redundancy.notions import finder, named
from redundancy.restraints import kept_back, multiples_in
from redundancy.sites import Find, Site, site_of
from redundancy.spaces import Space, Tap, Trace, trace
from redundancy.surgery import Refusal
from redundancy.units import Affine

WIDE, COSTLY = 4096, 2**28
"""Coefficients of a unit, and products of all pairs of units, beyond which units that may not go are not asked whether
they are combinations of others."""

LAST = "it is redundant as well, but a layer without units is none"

UNEVEN = "it handles units in groups, which must stay of one size"


def search(
    network: Network,
    *,
    notions: Iterable[str] | None = None,
    box: Mapping[str, tuple[Array, Array]] | None = None,
) -> Findings:
    """Finds every fold that is true by the weights alone, or over a box of inputs.

    Args:
        network: To search.
        notions: Names of those to look for; all if not given.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch.

    Raises:
        OptionError: There is no such notion.
        NetworkError: A weight is NaN or infinite, or the box is empty or of a node that is no input.
    """
    return searched(network, finder(named(notions)), box)


def searched(network: Network, find: Find, box: Mapping[str, tuple[Array, Array]] | None = None) -> Findings:
    """The same by any way to find what folds at a site.

    Args:
        network: To search.
        find: What folds at a site.
        box: Bounds of inputs, by node.

    Raises:
        NetworkError: A weight is NaN or infinite, products of weights are, or the box is empty or of a node that is no
            input.
    """
    _check(network)
    try:
        # A sum of infinite terms is nothing that a fold may be stated by.
        with np.errstate(over="raise"):
            return _findings(network, find, box)
    except FloatingPointError:
        text = "products of its weights are beyond what float64 can hold, so nothing is known of it: scale them down"
        raise NetworkError(text) from None


def _findings(network: Network, find: Find, box: Mapping[str, tuple[Array, Array]] | None) -> Findings:
    followed = trace(network, find, box)
    found: list[Finding] = []
    held: list[Finding] = []
    refusals: list[Refusal] = []
    for space in followed.spaces:
        if not space.taps and not any(pin.reads for pin in space.pins):
            continue
        side, why, loose, even = _looked(space, find, network)
        if lost := len(even.keep) - len(loose.keep):
            refusals.append(Refusal(space.name, space.blocks[0].layer, UNEVEN, lost))
        fold = _spared(even)
        if not len(even.keep):
            refusals.append(Refusal(space.name, space.name, LAST, 1))
        refusals += _elsewhere(side, len(loose.dropped))
        refusals += kept_back(space, followed, fold)
        if not len(fold.dropped):
            continue
        if space.pins:
            pin = space.pins[0]
            refusals.append(Refusal(space.name, pin.layer, pin.reason, len(fold.dropped)))
            holds = max(fold.holds, *(pin.part.affine.holds for pin in space.pins))
            fold = Fold(fold.keep, fold.into, fold.offset, fold.why, holds)
        listed = held if space.pins else found
        listed.append(_finding(side, explained(fold, _named(fold, why))))
    found = _accompanied(found, followed)
    return Findings(tuple(found), tuple(refusals), tuple(held))


def _looked(space: Space, find: Find, network: Network) -> tuple[Space, tuple[str, ...], Fold, Fold]:
    """What folds in a space: where it was looked at, by which notions already, all that folds, and what may."""
    # Of units that are multiplied with each other, what relates either is enough.
    sides = [replace(space, taps=(tap,)) for tap in space.taps] if any(tap.mate for tap in space.taps) else [space]
    looked = []
    for side in sides:
        why, loose, strict = _grouped(side, find, network)
        looked.append((side, why, loose, evened(strict, space.blocks)))
    return max(looked, key=lambda one: len(one[3].dropped))


def _grouped(space: Space, find: Find, network: Network) -> tuple[tuple[str, ...], Fold, Fold]:
    """The same, before groups are made even: by which notions already, all that folds, and what may."""
    apart = next((block for block in space.blocks if block.strict and (block.led or not block.even)), None)
    if apart is None or not len(np.setdiff1d(apart.labels, apart.labels[:1])):
        affine = joint(space)
        site = _site(affine, space, network)
        loose = find(site)
        return affine.why, loose, within_blocks(find, site, space.blocks) if space.blocks else loose
    # Each group on its own: beside each other, what they compute would be mostly zeros.
    why, folds = np.full(space.size, "", dtype=object), []
    for label in np.unique(apart.labels):
        units = np.sort(apart.ids[apart.labels == label])
        group = restricted(space, units)
        affine = joint(group)
        why[units] = affine.why
        folds.append((units, find(_site(affine, group, network))))
    fold = beside(folds, space.size)
    return tuple(why), fold, fold


def _finding(space: Space, fold: Fold) -> Finding:
    at = {tap.name: _at(tap, fold) for tap in space.taps}
    gone = fold.dropped
    return Finding(space.name, space.size, gone, tuple(fold.why[j] for j in gone), at, fold)


def _accompanied(found: list[Finding], followed: Trace) -> list[Finding]:
    """The same, with the units that go because the last of those that they follow does."""
    findings = {finding.space: finding for finding in found}
    for following in followed.following:
        lead, space = (_home(followed, ids) for ids in (following.leaders, following.ids))
        if lead.name not in findings:
            continue
        gone = following.gone(lead.ids[findings[lead.name].units])
        before = findings[space.name].fold if space.name in findings else identity(space.size)
        mine = np.searchsorted(space.ids, following.ids[np.isin(following.labels, gone)])
        unread = dict.fromkeys(np.flatnonzero(np.isin(before.keep, mine)).tolist(), 0.0)
        if unread:
            names = findings[space.name].at if space.name in findings else {space.taps[0].name: before}
            side = replace(space, taps=tuple(tap for tap in space.taps if tap.name in names))
            findings[space.name] = _finding(side, compose(before, drop(len(before.keep), unread, "unused")))
    return list(findings.values())


def _home(followed: Trace, ids: Array) -> Space:
    """The space that units are in."""
    return next(space for space in followed.spaces if ids[0] in space.ids)


def _named(fold: Fold, before: tuple[str, ...]) -> tuple[str, ...]:
    """The notion of each unit: what made units depend on others is a better name than what is left to see of it here.

    Of two that became equal, one was stated in the other, and either may be the one that goes.
    """
    why = list(fold.why)
    for j, row in zip(fold.dropped.tolist(), fold.stated, strict=True):
        others = np.flatnonzero(row)
        known = before[j] or (before[fold.keep[fold.leads[others[0]]]] if len(others) == 1 else "")
        why[j] = known or why[j]
    return tuple(why)


def _elsewhere(space: Space, found: int) -> list[Refusal]:
    """What would fold for one reader of the space, if that were the only one."""
    if space.pins or len(space.taps) < 2:
        return []
    refusals = []
    for tap, other in zip(space.taps, (*space.taps[1:], space.taps[0]), strict=True):
        alone = multiples_in(tap.part)
        if alone > found:
            reason = (
                f"units that are alike at '{tap.name}' are read elsewhere as well, where they differ: '{other.name}'"
            )
            refusals.append(Refusal(space.name, other.reads[0].node, reason, alone - found))
    return refusals[:1]


def _check(network: Network) -> None:
    for node in network:
        for name, array in node.weights.items() if node.kind in RULES else ():
            if not np.all(np.isfinite(array if array.dtype.kind in "fiu" else np.asarray(array, np.float64))):
                raise NetworkError(
                    f"layer '{node.layer}': its {name} holds numbers that are NaN or infinite, of which nothing can be"
                    " proved; train it anew, or replace them"
                )


def _site(affine: Affine, space: Space, network: Network) -> Site:
    # Bounds have said what they can where they were found: only what is affine must hold at every tap.
    unbounded = np.full(space.size, np.inf)
    site = replace(site_of(affine, -unbounded, unbounded), outgoing=_outgoing(space, network))
    # Of what may not go, pairs that are alike are told; combinations only where it costs little to look for them.
    costly = affine.width > WIDE or affine.width * space.size**2 > COSTLY
    return replace(site, alone=np.ones(space.size, bool)) if space.pins and costly else site


def _outgoing(space: Space, network: Network) -> Array | None:
    """The largest weight, by size, with which anything reads each unit; None if something reads them otherwise."""
    if space.pins:
        return None
    largest, read_at_all = np.zeros(space.size), np.zeros(space.size, dtype=bool)
    for tap in space.taps:
        read_at_all[tap.units] = True
        for read in tap.reads:
            node = network[read.node]
            weights = np.moveaxis(RULES[node.kind].loose(node)[read.weight], read.axis, 0)
            flat = weights.astype(np.promote_types(np.float32, weights.dtype), copy=False).reshape(len(weights), -1)
            sizes = np.maximum(flat.max(axis=1, initial=0.0), -flat.min(axis=1, initial=0.0)).astype(np.float64)
            np.maximum.at(largest, tap.units, sizes[tap.part.where].max(axis=0))
    return np.where(read_at_all, largest, np.inf)


def _spared(fold: Fold) -> Fold:
    """The same, but with one unit left: a layer without units is none."""
    if len(fold.keep):
        return fold
    into = np.zeros((fold.size, 1))
    into[0] = 1.0
    offset = fold.offset.copy()
    offset[0] = 0.0
    return Fold(np.array([0]), into, offset, ("", *fold.why[1:]), fold.holds)


def _at(tap: Tap, fold: Fold) -> Fold:
    """The fold as it is at one tap, where only some of the units may be, and constants may be others."""
    affine = tap.part.affine
    holds = Holds(max(fold.holds, affine.holds))
    if np.array_equal(tap.units, np.arange(fold.size)):
        return shifted(fold, np.zeros(fold.size) if tap.padded else affine.offset, holds)
    kept = np.isin(tap.units, fold.keep)
    order = np.argsort(tap.units[kept])
    keep = np.flatnonzero(kept)
    into = fold.into[tap.units][:, np.isin(fold.keep, tap.units)][:, np.argsort(order)]
    offset = affine.offset - into @ affine.offset[keep]
    why = tuple(fold.why[unit] for unit in tap.units)
    offset[keep] = 0.0
    return Fold(keep, into, np.zeros_like(offset) if tap.padded else offset, why, holds)
