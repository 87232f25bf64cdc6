"""Sentences about a compaction that nobody must miss: by how much outputs differ, and for which inputs that is so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from redundancy.network import Array

Box = Mapping[str, tuple[Array, Array]]

FROM, TO = 0.0, 1.0
"""What inputs are taken to be, where a bound is asked for and nothing says how large they get."""


def difference_told(difference: float | None, scale: float | None) -> str:
    """What was measured; "" where nothing was.

    Args:
        difference: The largest difference of an output.
        scale: The largest output, by size.
    """
    if difference is None:
        return ""
    of = f" (the largest output is {scale:.2g})" if scale else ""
    return f"Largest difference of an output, measured: {difference:.2g}{of}."


def bound_told(bound: float | None, box: Box) -> str:
    """By how much outputs can differ, and for which inputs.

    Args:
        bound: No output can differ by more; None where that rests on data.
        box: (low, high) of each input that the bound rests on.
    """
    where = inputs_told(box) if box else "whatever the input"
    if bound is None:
        return "Some units went because of the data: on other inputs outputs can differ by more."
    if bound == 0:
        return f"Every output is the same but for rounding, {where}."
    return f"No output can differ by more than {bound:.3g}, {where}, but for rounding."


def inputs_told(box: Box) -> str:
    """The box in words: "for inputs from 0 to 1"."""
    ranges = {name: _range(*pair) for name, pair in box.items()}
    if not all(ranges.values()):
        return "within the bounds that were given"
    if len(set(ranges.values())) == 1:
        return f"for inputs {next(iter(ranges.values()))}"
    return f"for {', '.join(f'{name} {told}' for name, told in ranges.items())}"


def _range(low: Array, high: Array) -> str:
    """Two bounds in words; "" where they are not the same for all numbers of an input."""
    ends = [np.unique(end) for end in (low, high)]
    return f"from {ends[0][0]:.4g} to {ends[1][0]:.4g}" if all(len(end) == 1 for end in ends) else ""


def assumption_told(assumed: Sequence[str]) -> str:
    """That nobody said how large inputs get; "" where somebody did.

    Args:
        assumed: Names of the inputs of which that was assumed.
    """
    if not assumed:
        return ""
    which = f"inputs from {FROM:g} to {TO:g} are assumed ({', '.join(assumed)})"
    return f"No box was given: {which}. On others outputs can differ by more; a box or data says how large they get."
