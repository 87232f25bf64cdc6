"""What is redundant by itself, and stays because of what a layer does with it: so that somebody says so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redundancy.fold import Fold
from redundancy.layers import RULES
from redundancy.network import Array, Node
from redundancy.sites import site_of
from redundancy.spaces import Space, Tap, Trace
from redundancy.surgery import Refusal
from redundancy.units import Part

NO_BIAS = (
    "they are constant, but no bias can take a constant there: zeros lie beyond the border or before the first step, or"
    " the bias is used elsewhere as well"
)

PARTED = "units that are alike where it reads them are made different by weights of its own"


def kept_back(space: Space, followed: Trace, fold: Fold) -> Iterator[Refusal]:
    """Units that stay, though they are constant, or alike, before a layer that does not let them go.

    Args:
        space: To look at.
        followed: The network, with its units and what they compute.
        fold: What goes anyway.
    """
    if space.pins:
        return  # that is the reason
    for tap in space.taps:
        still = np.setdiff1d(_constant(tap), fold.dropped)
        if len(still):
            layer = next((node.layer for node in _readers(tap, followed) if RULES[node.kind].padded(node)), tap.name)
            yield Refusal(space.name, layer, NO_BIAS, len(still))
            break
    for node in followed.network:
        if node.kind == "depthwise_conv":
            (part, *others) = followed.units[node.inputs[0]].parts or (None,)
            if part is None or others or not np.isin(followed.roots[part.ids], space.ids).all():
                continue
            if (alike := multiples_in(part)) > len(fold.dropped):
                yield Refusal(space.name, node.layer, PARTED, alike - len(fold.dropped))


def multiples_in(part: Part) -> int:
    """How many units of a part are multiples of others."""
    group = _groups(part)
    return len(group) - len(np.unique(group))


def _groups(part: Part) -> Array:
    if part.affine.itself:
        return np.arange(len(part.ids))
    unbounded = np.full(len(part.ids), np.inf)
    return site_of(part.affine, -unbounded, unbounded).group


def _constant(tap: Tap) -> Array:
    """The units of a space that have one value other than zero at a tap whose readers take no constants."""
    offset = tap.part.affine.offset
    if not tap.padded or tap.mate or not np.any(offset):
        return np.zeros(0, np.intp)
    return np.asarray(tap.units[(_groups(tap.part) < 0) & (offset != 0)])


def _readers(tap: Tap, followed: Trace) -> list[Node]:
    return [followed.network[read.node] for read in tap.reads]
