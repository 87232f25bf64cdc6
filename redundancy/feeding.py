"""Data for a model, in whatever form it was given, as one array for each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Any

import numpy as np

from redundancy.data.samples import wanted
from redundancy.errors import OptionError
from redundancy.network import Array, Network

Reads = Sequence[tuple[str, tuple[int | None, ...]]]
"""The inputs of a model: name, and shape without the batch."""

MOST_NAMED = 9
"""Of what was given, so many are named in an error."""


def arrays_of(network: Network, data: Any) -> tuple[Array, ...]:
    """The data for a model, one array for each of its inputs.

    Args:
        network: Of the model.
        data: An array; or a tuple or list with one for each input, in order; or a dict of them by name of the input.

    Returns:
        Arrays of shape (n, *shape of the input), of real numbers or booleans; text where the input reads that.

    Raises:
        OptionError: They are not as many as the inputs, of other shapes, no arrays, or no finite numbers.
    """
    reads = [(name, network[name].shape) for name in network.inputs]
    arrays = tuple(_array(given, reads) for given in _one_each(data, reads))
    fits = len(arrays) == len(reads) and all(_fits(a, shape) for a, (_, shape) in zip(arrays, reads, strict=True))
    if not fits:
        shapes = ", ".join(str(array.shape) for array in arrays[:MOST_NAMED])
        raise OptionError(f"the data has {'shapes' if len(arrays) > 1 else 'shape'} {shapes}: {_accepted(reads)}")
    if len(rows := {len(array): None for array in arrays}) > 1 or 0 in rows:
        raise OptionError(f"the data has {' and '.join(map(str, rows))} rows: give as many for each input, one or more")
    return tuple(_numbers(array, name, network) for array, name in zip(arrays, network.inputs, strict=True))


def _one_each(data: Any, reads: Reads) -> Sequence[Any]:
    """What was given, in the order of the inputs."""
    if isinstance(data, Mapping):
        if absent := [name for name, _ in reads if name not in data]:
            names = ", ".join(map(str, islice(data, MOST_NAMED))) or "nothing"
            raise OptionError(f"the data names {names} and not {', '.join(absent)}: {_accepted(reads)}")
        return [data[name] for name, _ in reads]
    return data if isinstance(data, tuple | list) else (data,)


def _array(given: Any, reads: Reads) -> Array:
    if isinstance(given, str | PathLike):
        raise OptionError(f"data={str(given)!r} is a path: read it with numpy.load; {_accepted(reads)}")
    try:
        array = np.asarray(given)
    except ValueError:
        raise OptionError(f"the data has rows of different lengths: {_accepted(reads)}") from None
    if array.dtype.kind == "O" and not array.shape:  # NumPy makes that of whatever it does not know
        raise OptionError(f"data is a {type(given).__name__}, and no array: {_accepted(reads)}")
    return array


def _accepted(reads: Reads) -> str:
    """What data may be, for a model with those inputs."""
    (first, *others), dictionary = [name for name, _ in reads], "or a dict by input name"
    form = "a tuple of arrays in this order" if others else f"an array for {first}"
    return f"the model reads {wanted(reads)}: give {form}, {dictionary}"


def _numbers(array: Array, name: str, network: Network) -> Array:
    """The data of one input, as numbers; text where it reads text."""
    if network[name].config["dtype"] == "string":
        return array
    if array.dtype.kind in "biu":
        _check_looked_up(array, name, network)
        return array
    try:
        # Python's own numbers, and types that NumPy does not know, such as bfloat16.
        numbers = array.astype(np.float32) if array.dtype.kind in "OV" else array
    except (TypeError, ValueError):
        numbers = array
    if numbers.dtype.kind != "f":
        raise OptionError(f"the data of input '{name}' holds {array.dtype}, which are no real numbers: convert it")
    if not np.all(np.isfinite(numbers)):
        raise OptionError(f"the data of input '{name}' holds numbers that are NaN or infinite: leave those rows out")
    _check_looked_up(numbers, name, network)
    return numbers


def _check_looked_up(array: Array, name: str, network: Network) -> None:
    """Refuses what is beyond the end of a table in which it is looked up: frameworks crash there, or give zeros."""
    least, most = int(array.min(initial=0)), int(array.max(initial=0))
    for node in network:
        if node.kind == "embedding" and name in node.inputs:
            rows = len(node.weights["embeddings"])
            if least < 0 or most >= rows:
                raise OptionError(
                    f"the data of input '{name}' holds {least if least < 0 else most}, and layer '{node.layer}' knows 0"
                    f" to {rows - 1}: leave such rows out, or map them to numbers that it knows"
                )


def _fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    same = array.ndim == len(shape) + 1
    return same and all(want in (None, has) for want, has in zip(shape, array.shape[1:], strict=True))
