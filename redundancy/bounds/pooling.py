"""Max pooling: the maximum of a window, which is a certain one of its values where that is sure to be the largest."""

from __future__ import annotations

import numpy as np

from redundancy.bounds.both import Both
from redundancy.bounds.intervals import Interval
from redundancy.bounds.lines import Line
from redundancy.bounds.places import OUTSIDE, numbered, picking, windows
from redundancy.bounds.steps import BentStep, PickedStep
from redundancy.layers.window import channel_axis
from redundancy.network import Array, Node


def pooled(node: Node, both: Both, shape: tuple[int, ...]) -> PickedStep:
    """The maximum over a window, in both networks.

    One value of each window is picked: the maximum is no less, and where no other can be larger it is that value.
    Elsewhere it lies below the largest upper bound, and differs by no more than what the window sees does:
    max(z + d) - max(z) lies between the least and the largest d.

    Args:
        node: The layer.
        both: Where its inputs lie.
        shape: Of its output.
    """
    seen = _seen(node, both.first.low.shape, shape)
    first, second, apart = (_looked(over, seen) for over in (both.first, both.second, both.apart))
    image = Both(
        Interval(first.low.max(axis=-1), first.high.max(axis=-1)),
        Interval(second.low.max(axis=-1), second.high.max(axis=-1)),
        Interval(
            np.where(seen == OUTSIDE, np.inf, apart.low).min(axis=-1),
            np.where(seen == OUTSIDE, -np.inf, apart.high).max(axis=-1),
        ),
    )
    best = np.argmax(np.minimum(first.low, second.low), axis=-1)[..., None]
    index = np.take_along_axis(seen, best, axis=-1)[..., 0]
    alone, too = (_largest(over, best) for over in (first, second))
    zero, one = np.zeros(shape), np.ones(shape)
    sure = alone & too
    bent = BentStep(
        below=Line(zero, one, zero),
        above=Line(zero, np.where(alone, one, zero), np.where(alone, zero, image.first.high)),
        under=Line(np.where(sure, one, zero), zero, np.where(sure, zero, image.apart.low)),
        over=Line(np.where(sure, one, zero), zero, np.where(sure, zero, image.apart.high)),
        both=Both(_picked(both.first, index), _picked(both.second, index), _picked(both.apart, index)),
        image=image.closer(),
    )
    return PickedStep(picking(index, both.first.low.shape), bent)


def _seen(node: Node, before: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The indices that each output is the maximum over. Shape (*shape, positions)."""
    if node.kind == "global_max_pooling":
        index = np.moveaxis(numbered(before), channel_axis(node, len(before)), 0)
        return index.reshape(*shape, -1)
    size = node.config["pool_size"]
    seen = np.swapaxes(windows(node, before, size, (1,) * len(size)), -1, -2)
    return np.moveaxis(seen, -2, 0) if node.config["data_format"] == "channels_first" else seen


def _looked(over: Interval, seen: Array) -> Interval:
    """What a window sees; beyond the border nothing is as small."""
    low, high = over.low.reshape(-1)[seen], over.high.reshape(-1)[seen]
    return Interval(np.where(seen == OUTSIDE, -np.inf, low), np.where(seen == OUTSIDE, -np.inf, high))


def _largest(over: Interval, best: Array) -> Array:
    """Whether the value that was picked is sure to be the largest."""
    low = np.take_along_axis(over.low, best, axis=-1)[..., 0]
    others = over.high.copy()
    np.put_along_axis(others, best, -np.inf, axis=-1)
    return np.asarray(low >= others.max(axis=-1))


def _picked(over: Interval, index: Array) -> Interval:
    return Interval(over.low.reshape(-1)[index], over.high.reshape(-1)[index])


def looked(node: Node, values: Array, shape: tuple[int, ...]) -> Array:
    """The largest of non-negative numbers in each window."""
    seen = _seen(node, values.shape, shape)
    return np.asarray(np.where(seen == OUTSIDE, 0.0, values.reshape(-1)[seen]).max(axis=-1))
