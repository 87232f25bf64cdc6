"""The data that claims about a model are judged on: inputs of its own, and labels."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from redundancy.data import LOADERS, load
from redundancy.data.conversion import labels
from redundancy.data.npz import read
from redundancy.data.samples import part, samples
from redundancy.errors import DataError, OptionError
from redundancy.feeding import Reads
from redundancy.network import Array

TRAINING, TEST, LABELS, OWN_LABELS = "x_train", "x_test", "y_test", "y"
"""The arrays of a file: as in a data set; and the labels where inputs are called as the model's."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Data that a model is tested on.

    Attributes:
        inputs: One array for each input of the model, of n rows.
        labels: The number of the class of each row, int64, shape (n,); None where nobody says.
    """

    inputs: tuple[Array, ...]
    labels: Array | None


def located(data: str, root: Path) -> str:
    """The name of a data set as it is, or the whole path of a file.

    Raises:
        OptionError: It is neither, or the file is no .npz file.
    """
    if data in LOADERS:
        return data
    path = root / data
    if not os.path.lexists(path):
        names = " nor ".join(LOADERS)
        raise OptionError(f"{data!r} is neither {names} nor a file in {str(root)!r}; name a data set or an .npz file")
    _arrays(str(path))
    return str(path)


def check_arrays(data: str, key: str) -> str:
    """What a data set lacks that a key needs; "" where it has that."""
    present = _arrays(data)
    if present is None:
        return ""
    if key == "on-data":
        return "" if TRAINING in present else f"the data {data!r} have no array {TRAINING}: add the training inputs"
    wanted = LABELS if TEST in present else OWN_LABELS
    return "" if wanted in present else f"the data {data!r} have no labels: add an array {wanted}"


def _arrays(data: str) -> Collection[str] | None:
    """The names of the arrays in a file; None for a data set with a name, which has all."""
    if data in LOADERS:
        return None
    names: list[str] = []

    def look(present: Collection[str]) -> Sequence[str]:
        names.extend(present)
        return ()

    try:
        read(Path(data), look)
    except DataError as error:
        raise OptionError(str(error)) from None
    return names


def tested(data: str, reads: Reads, stored: Collection[str]) -> Rows:
    """The rows that a model is tested on: x_test and y_test; or arrays called as its inputs, and y.

    Args:
        data: The name of a data set, or the path of a file.
        reads: The inputs of the model.
        stored: Names of those that are to be numbers up to 255.

    Raises:
        DataError: The data do not fit the model, or cannot be used.
    """
    present = _arrays(data)
    if present is None:
        digits = load(data)
        return Rows((digits.x_test,), digits.y_test)
    if TEST in present and len(reads) == 1:
        return Rows((part(data, TEST, reads[0], stored=stored),), _labels(data, LABELS, present))
    return Rows(samples(data, reads, stored=stored), _labels(data, OWN_LABELS, present))


def trained(data: str, reads: Reads, stored: Collection[str]) -> tuple[Array, ...]:
    """The rows that a model was trained on: x_train.

    Raises:
        DataError: The data do not fit the model, or cannot be used.
    """
    if data in LOADERS:
        return (load(data).x_train,)
    return (part(data, TRAINING, reads[0], stored=stored),)


def _labels(data: str, key: str, present: Collection[str]) -> Array | None:
    return labels(data, key, read(Path(data), lambda _: (key,))[key]) if key in present else None
