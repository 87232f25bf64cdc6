"""How many runs to train at once: as many as fit a cache, so that a step waits for arithmetic and not for memory."""

from __future__ import annotations

from math import prod

from redundancy.zoo.fused.plan import Plan

LARGEST = 32
"""Runs in a group, at most: beyond it there is nothing left to win."""

CACHE = 64 << 20
"""Bytes that a group should touch in a step."""

_COPIES = 3
"""Of a value: itself, its gradient, and one that is being made of them."""

_BESIDE = 6
"""Of a weight, besides what the optimiser remembers: itself, its gradient, and what updating it makes meanwhile."""


def bytes_a_run(plan: Plan, batch_size: int, slots: int, itemsize: int) -> int:
    """An estimate of the memory that one run of a group takes while it is trained.

    Args:
        plan: Of its step.
        batch_size: Images in a step.
        slots: Arrays that the optimiser keeps a weight.
        itemsize: Bytes of a number.
    """
    values = sum(prod(part.shape) for part in plan.parts)
    weights = sum(prod(weight.shape) for weight in plan.weights)
    return itemsize * (_COPIES * batch_size * values + (_BESIDE + slots) * weights)


def group_size(wanted: int, each: int) -> int:
    """Runs in a group: at most LARGEST that fit the cache, or one, and few places empty in the last group.

    Args:
        wanted: Runs in all, 1 or more.
        each: `bytes_a_run`.
    """
    most = min(wanted, max(1, min(LARGEST, CACHE // each)))
    # A smaller group is slower, but no more than half as large: an empty place costs as much as a run.
    return min(range(most, most // 2, -1), key=lambda size: -wanted % size)
