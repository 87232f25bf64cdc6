"""How far the outputs of a model are from those of its reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from redundancy.distance import LEAST, Distance, distances
from redundancy.errors import OptionError
from redundancy.gate.quiet import quietly
from redundancy.gate.subject import Subject, loaded
from redundancy.network import Array

ROWS = 2048
"""Rows whose outputs are held at a time."""


def relative_difference(subject: Subject) -> float:
    """The largest difference of a number in an output, as a part of the largest number in that output of the reference.

    On the data that the model is tested on, or where there are none on inputs made for it.

    Raises:
        OptionError: The two have other inputs, or other outputs.
        UnsupportedError: There are no data, and no inputs can be made for the model.
    """
    assert subject.asked.reference is not None
    reference = loaded(subject.asked.reference, trust=subject.asked.trust)
    seen: list[tuple[Distance, ...]] = []
    finite: list[list[bool]] = []
    for batch in _batches(subject):
        wanted, got = subject.outputs(reference, batch), subject.outputs(subject.model, batch)
        _check_alike(subject, wanted, got)
        seen.append(distances(wanted, got))
        finite.append([bool(np.isfinite(array).any()) for array in wanted])
    if not all(map(any, zip(*finite, strict=True))):
        why = "its reference has an output that is nowhere finite, with which nothing can be compared"
        raise OptionError(f"{subject}: {why}: give data that it can compute with")
    outputs = zip(*seen, strict=True)
    return max(_relative(each) for each in outputs)


def _relative(batches: Sequence[Distance]) -> float:
    return max(each.difference for each in batches) / max(LEAST, *(each.scale for each in batches))


def _batches(subject: Subject) -> Iterator[tuple[Array, ...]]:
    from redundancy.frameworks.keras.probes import runs

    if subject.rows is None:
        with quietly():
            made = runs(subject.model, subject.network)
        yield made
        return
    inputs = subject.rows.inputs
    for start in range(0, len(inputs[0]), ROWS):
        yield tuple(array[start : start + ROWS] for array in inputs)


def _check_alike(subject: Subject, wanted: list[Any], got: list[Any]) -> None:
    shapes = [[array.shape[1:] for array in outputs] for outputs in (wanted, got)]
    if shapes[0] != shapes[1]:
        ours, theirs = (", ".join(map(str, each)) for each in reversed(shapes))
        raise OptionError(f"{subject}: its outputs have shapes {ours}, and those of its reference {theirs}")
