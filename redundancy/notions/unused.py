"""Unused: a unit that every consumer reads with weights of zero."""

from __future__ import annotations

import numpy as np

from redundancy.fold import Fold, drop
from redundancy.notions.notion import register
from redundancy.sites import Site


def unused(site: Site) -> Fold:
    """What h_j is makes no difference, so it is taken for 0."""
    if site.outgoing is None:
        return drop(site.size, {}, "unused")
    return drop(site.size, dict.fromkeys(np.flatnonzero(site.outgoing == 0).tolist(), 0.0), "unused")


register("unused", unused)
