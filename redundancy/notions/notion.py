"""A notion of redundancy: a name and a function that finds folds; and the registry of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from redundancy.errors import OptionError
from redundancy.fold import Fold, compose, identity, merge
from redundancy.network import Array
from redundancy.sites import Site
from redundancy.suggesting import suggested


@dataclass(frozen=True, slots=True)
class Notion:
    """One definition of redundancy.

    Attributes:
        name: As reports say it: "3 units are <name>".
        find: What folds at a site by this definition alone; a fold of none where nothing does.
    """

    name: str
    find: Callable[[Site], Fold]


NOTIONS: dict[str, Notion] = {}
"""Every notion, by name, in the order in which they are tried: the simplest explanation first."""


def register(name: str, find: Callable[[Site], Fold]) -> Notion:
    """Adds a notion after those that are there."""
    return NOTIONS.setdefault(name, Notion(name, find))


def named(names: Iterable[str] | None) -> tuple[Notion, ...]:
    """The notions of those names, in their own order; all of them if None.

    Raises:
        OptionError: There is no notion of a name, or a name is no word.
    """
    if names is None:
        return tuple(NOTIONS.values())
    given = tuple(names)
    if strange := [name for name in given if not isinstance(name, str)]:
        raise OptionError(f"{strange[0]!r} is no name of a notion: choose from {', '.join(NOTIONS)}")
    wanted = set(given)
    if unknown := sorted(wanted - NOTIONS.keys()):
        raise OptionError(
            f"no notion is called '{unknown[0]}'{suggested(unknown[0], NOTIONS)}: choose from {', '.join(NOTIONS)}"
        )
    return tuple(notion for name, notion in NOTIONS.items() if name in wanted)


def finder(notions: Iterable[Notion]) -> Callable[[Site], Fold]:
    """Finds what folds by any of the notions: each is asked about the units that those before it left."""
    order = tuple(notions)

    def find(site: Site) -> Fold:
        fold = identity(site.size)
        for notion in order:
            found = notion.find(site.take(fold.keep)) if len(fold.keep) else None
            if found and len(found.keep) < found.size:
                fold = compose(fold, found)
        return fold

    return find


Accept = Callable[[Site, float, float], tuple[float, float] | None]
"""(site, s, c) of z_j = s z_i + c -> (a, k) of h_j = a h_i + k; None where the relation does not survive."""


def pairs(site: Site, why: str, accept: Accept) -> Fold:
    """Folds units into others of their group, where the relation between the two is accepted.

    The first of equal units stays. Of others, the one with the smallest constant part for its size stays, and then
    the largest: multiples of it are the least rounded, and by factors that do not overflow.
    """
    members = np.bincount(site.group + 1)
    several = np.flatnonzero((site.group >= 0) & (members[site.group + 1] > 1))
    leaders: defaultdict[int, list[int]] = defaultdict(list)
    sources: dict[int, tuple[int, float, float]] = {}
    for j in _steadiest(site, several) if len(several) else ():
        candidates = leaders[int(site.group[j])]
        match = next(((i, *r) for i in candidates if (r := accept(site, *_relation(site, i, j)))), None)
        if match:
            sources[j] = match
        else:
            candidates.append(j)
    return merge(site.size, sources, why)


def _steadiest(site: Site, units: Array) -> list[int]:
    """Some units, those first that others are best stated in."""
    size = np.abs(site.factor[units])
    shift = np.divide(np.abs(site.offset[units]), size, out=np.full(len(units), np.inf), where=size > 0)
    # By octaves: what is rounded differently in multiples of one unit is no difference.
    octave = np.frexp(np.clip(shift, 1e-300, 1e300))[1]
    return [int(j) for j in units[np.lexsort((-size, octave))]]


def _relation(site: Site, i: int, j: int) -> tuple[float, float]:
    """(s, c) of z_j = s z_i + c; exact values where the difference to them is rounding."""
    slack = float(max(site.slack[i], site.slack[j]))
    s = float(site.factor[j] / site.factor[i])
    if abs(abs(s) - 1.0) <= slack:
        s = 1.0 if s > 0 else -1.0
    c = float(site.offset[j] - s * site.offset[i])
    size = abs(site.offset[j]) + abs(s * site.offset[i])
    return s, 0.0 if abs(c) <= slack * size else c
