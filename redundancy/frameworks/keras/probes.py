"""Inputs to try a model on: made for its inputs' shapes and dtypes, from a fixed seed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from redundancy.errors import OptionError, RedundancyError, UnsupportedError
from redundancy.frameworks.keras.biases import check_placed
from redundancy.frameworks.keras.running import Running
from redundancy.network import Array, Network, Node

FREE = (8, 16, 32, 64, 128, 11, 19, 37)
"""What is tried for extents that are not fixed, until the model can be run."""

ROWS = 8
WORDS = np.array(["", "a", "b", "the", "0", "[UNK]", "a b", "redundancy"])
"""What is tried as text, whatever words a layer knows."""

MOVERS = frozenset(
    {"concatenate", "cropping", "expand", "flatten", "gather", "identity", "permute", "repeat", "reshape", "slice",
     "squeeze", "stack", "zero_padding"}
)  # fmt: skip
"""The kinds that hand whole numbers on as they are."""

ARITHMETIC, SHADES = frozenset({"affine", "standardization"}), 128
"""The kinds that calculate with whole numbers; and how many are tried there: as many as any type holds."""

LARGEST = 2**24
"""Numbers of one batch of probes, at most: huge images are tried one at a time."""


def probes(network: Network, most: int = ROWS) -> Iterator[tuple[Array, ...]]:
    """Batches of inputs, each with another extent for what is not fixed; the first that runs will do.

    Half of the rows are normally distributed, the others uniform on [0, 1] but for one of zeros. Whole numbers are
    drawn from the whole of the table that they are looked up in, of several the least; where they are calculated with,
    below 128; where nothing says what reads them, they are 0 and 1. Every other row ends in zeros, where a table masks.

    Args:
        network: Whose inputs they are for.
        most: Rows of a batch, at most.
    """
    shapes = [network[name].shape for name in network.inputs]
    for free in FREE if any(None in shape for shape in shapes) else FREE[:1]:
        fixed = [tuple(free if extent is None else extent for extent in shape) for shape in shapes]
        size = max(int(np.prod(shape)) for shape in fixed)
        rows = max(1, min(most, LARGEST // max(size, 1)))
        rng = np.random.default_rng(0)
        yield tuple(
            _probe(network, name, (rows, *shape), rng) for name, shape in zip(network.inputs, fixed, strict=True)
        )


def _probe(network: Network, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    dtype = network[name].config["dtype"]
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if "int" in dtype:
        numbers = rng.integers(0, _vocabulary(network, name), shape)
        if any(table.config["mask_zero"] for table in _tables(network, {name})):
            # Of a large table, a chance draw hardly ever has the number that masks.
            numbers[1::2, ..., -max(1, shape[-1] // 3) :] = 0
        return np.asarray(numbers, dtype)
    if dtype == "string":
        return rng.choice(WORDS, shape)
    if not dtype.startswith(("float", "bfloat")):
        raise UnsupportedError(f"input '{name}' is of dtype {dtype}, for which no probes can be made: give data")
    values = rng.standard_normal(shape)
    half = len(values) // 2
    values[half:] = rng.random((len(values) - half, *shape[1:]))
    values[half + 1 : half + 2] = 0.0
    return values.astype("float32" if dtype == "bfloat16" else dtype)


def _vocabulary(network: Network, name: str) -> int:
    """Below which whole numbers are tried: those of the least table that looks them up, or those of a picture."""
    values, readers = {name}, []
    for node in network:
        if values & set(node.inputs):
            if node.kind in MOVERS:
                values.add(node.name)
            else:
                readers.append(node)
    tables = [len(node.weights["embeddings"]) for node in readers if node.kind == "embedding"]
    if all(node.kind == "embedding" or node.kind in ARITHMETIC for node in readers):
        return min(tables, default=SHADES if readers else 2)
    # What else reads them may hand them on to any table, or take them for a mask.
    counts = all(node.config.get("whole") or node.kind in ARITHMETIC for node in readers)
    lengths = (len(table.weights["embeddings"]) for table in _tables(network, values))
    return min(lengths, default=SHADES if counts else 2)


def _tables(network: Network, behind: set[str]) -> list[Node]:
    """The tables that anything leads to from some nodes."""
    reached = set(behind)
    for node in network:
        if reached & set(node.inputs):
            reached.add(node.name)
    return [node for node in network if node.kind == "embedding" and node.name in reached]


def runs(model: Any, network: Network, *others: Network, most: int = ROWS) -> tuple[Array, ...]:
    """The first batch of probes that a model can be run on.

    Args:
        model: To be run.
        network: The same, as it was read.
        others: That are to be run on it as well.
        most: Rows of the batch, at most.

    Raises:
        UnsupportedError: There is none.
    """
    problem: Exception | None = None
    for batch in probes(network, most):
        try:
            for each in (network, *others):
                check_placed(each, batch)
            outputs_of(model, batch)
        except Exception as error:  # what a framework raises for a map that is too small is its own affair
            problem = error
        else:
            return batch
    said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
    raise UnsupportedError(
        f"model '{model.name}' does not run on inputs made for it, so that no rewriting could be"
        f" checked: {said}; give data"
    ) from problem


def outputs_of(model: Any, inputs: tuple[Array, ...], batch: int = 256) -> list[Array]:
    """The outputs of a Keras model in inference, flat, in float64.

    Args:
        model: To run.
        inputs: One array for each of its inputs, in order.
        batch: Rows at a time, where the model does not fix how many it takes.
    """
    import keras

    run, pieces, fixed = Running(model), [], rows_of(model)
    with from_rest(model):
        for start in range(0, max(1, len(inputs[0])), fixed or batch):
            given = [array[start : start + (fixed or batch)] for array in inputs]
            missing = max(0, (fixed or 0) - len(given[0]))
            batch_of = nested(model, [filled(array, missing) for array in given])
            outputs = [np.asarray(keras.ops.convert_to_numpy(output), np.float64) for output in run(batch_of)]
            pieces.append([output[: len(given[0])] if missing else output for output in outputs])
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


def nested(model: Any, inputs: Sequence[Array]) -> Any:
    """One batch as a Keras model takes it: an array, or what its inputs are nested in.

    Args:
        model: To be called.
        inputs: One array for each of its inputs, in order.
    """
    import keras

    structure: Any = 0 if isinstance(model, keras.Sequential) else model.input
    return keras.tree.pack_sequence_as(structure, list(inputs))


def on_data(model: Any, inputs: tuple[Array, ...]) -> list[Array]:
    """The outputs on data that somebody gave.

    Raises:
        OptionError: The model does not run on it.
    """
    try:
        return outputs_of(model, inputs)
    except RedundancyError:
        raise
    except Exception as error:  # a framework has many ways to say that a word is beyond the end of a table
        raise OptionError(f"model '{model.name}' does not run on the data: {_plain(error)[:300]}") from error


_NOISE = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\}|\[Op:[^\]]*\]")
"""Colours, and what TensorFlow calls things by that nobody named."""


def _plain(error: Exception) -> str:
    """What a framework says, on one line."""
    return " ".join(_NOISE.sub("", str(error)).split()) or type(error).__name__


def rows_of(model: Any) -> int | None:
    """How many rows a model takes at a time; None where it takes any number."""
    return next((int(tensor.shape[0]) for tensor in model.inputs if tensor.shape[0] is not None), None)


def filled(array: Array, missing: int) -> Array:
    """The rows, and the last one again for each that is missing."""
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def keepers(model: Any) -> list[Any]:
    """Layers that keep their state from call to call."""
    return [layer for layer in model._flatten_layers() if getattr(layer, "stateful", False)]


@contextmanager
def from_rest(model: Any) -> Iterator[None]:
    """Layers that keep their state from call to call begin at zero, and have afterwards what they had."""
    import keras

    states = [state for layer in keepers(model) for state in keras.tree.flatten(getattr(layer, "states", None) or [])]
    before = [np.array(keras.ops.convert_to_numpy(state)) for state in states]
    for state in states:
        state.assign(keras.ops.zeros_like(state))
    try:
        yield
    finally:
        for state, values in zip(states, before, strict=True):
            state.assign(values)
