"""What a model is pruned by: inputs, labels where there are any, and test images that score once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from redundancy.boxing import check_size, of_bytes
from redundancy.data import LOADERS, Dataset, load, npz
from redundancy.data.conversion import labels as checked_labels
from redundancy.data.samples import part, samples
from redundancy.errors import OptionError
from redundancy.feeding import arrays_of
from redundancy.network import Array, Network

LABELS = "y"
"""What labels of inputs by name are called in a file."""

HELD_OUT, MOST_HELD_OUT = 1 / 6, 10_000
"""The share of the data with labels, its last rows, on which it is chosen how much goes; and how many at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Rows of data.

    Attributes:
        inputs: One array for each input of the model, of n rows.
        labels: The number of the class of each row, int64, shape (n,); None where nobody says.
        test: Rows that nothing is chosen by; None where there are none.
    """

    inputs: tuple[Array, ...]
    labels: Array | None = None
    test: Material | None = None

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.inputs[0])

    def take(self, rows: slice | Array) -> Material:
        """Some of the rows."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, inputs=tuple(array[rows] for array in self.inputs), labels=labels)

    def drawn(self, most: int, seed: int) -> Material:
        """So many rows at random, or all where there are no more."""
        if self.rows <= most:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(self.rows, most, replace=False)))

    def parted(self) -> tuple[Material, Material]:
        """(the rows to measure on, those that are held out to choose by)."""
        held = min(max(1, int(self.rows * HELD_OUT)), MOST_HELD_OUT)
        return self.take(slice(None, self.rows - held)), self.take(slice(self.rows - held, None))


def material(network: Network, data: Any, labels: Any = None) -> Material:
    """The data for a network, in whatever form they were given.

    Args:
        network: Whose inputs they are.
        data: A data set; its name; the path of an .npz file with x_train, y_train, x_test and y_test, or with arrays
            called as the inputs and y; or arrays, as for `compact`.
        labels: The class of each row of arrays.

    Raises:
        OptionError: They do not fit the network, or each other.
        DataError: A file cannot be used.
    """
    if isinstance(data, str) and data in LOADERS:
        data = load(data)
    if isinstance(data, str | Path):
        found = _of_file(network, Path(data))
    elif isinstance(data, Dataset):
        check_size(network, data.name)
        test = Material(arrays_of(network, data.x_test), data.y_test)
        found = Material(arrays_of(network, data.x_train), data.y_train, test)
    else:
        return _labelled(Material(arrays_of(network, data)), labels)
    if labels is not None:
        raise OptionError("the data bring their labels along: leave labels out, or give the inputs as arrays")
    return found


def _labelled(found: Material, labels: Any) -> Material:
    if labels is None:
        return found
    array = np.asarray(labels)
    if array.dtype.kind not in "iu" or array.shape not in ((found.rows,), (found.rows, 1)):
        raise OptionError(
            f"the labels are {array.dtype} of shape {array.shape}: give the number of the class, an integer for each"
            f" of the {found.rows} rows"
        )
    if array.size and array.min() < 0:
        raise OptionError(f"the labels begin at {array.min()}: give the number of the class, from 0")
    return replace(found, labels=array.reshape(-1).astype(np.int64))


def _of_file(network: Network, path: Path) -> Material:
    reads = [(name, network[name].shape) for name in network.inputs]
    names: list[str] = []

    def look(present: Collection[str]) -> Sequence[str]:
        names.extend(present)
        return ()

    npz.read(path, look)
    if "x_train" in names and len(reads) == 1:
        parts = {}
        for which in ("train", "test"):
            if f"x_{which}" in names:
                inputs = arrays_of(network, part(path, f"x_{which}", reads[0], stored=of_bytes(network)))
                parts[which] = _labelled(Material(inputs), _labels(path, f"y_{which}", names))
        return replace(parts["train"], test=parts.get("test"))
    return _labelled(
        Material(arrays_of(network, samples(path, reads, stored=of_bytes(network)))), _labels(path, LABELS, names)
    )


def _labels(path: Path, key: str, names: Collection[str]) -> Array | None:
    return checked_labels(str(path), key, npz.read(path, lambda _: (key,))[key]) if key in names else None
