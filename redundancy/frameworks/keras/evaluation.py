"""A network's outputs, computed by Keras."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.errors import NetworkError, UnsupportedError
from redundancy.frameworks.keras.recording import stored
from redundancy.frameworks.keras.running import Running
from redundancy.frameworks.keras.writing import write
from redundancy.network import Array, Network

if TYPE_CHECKING:
    import keras

UNKNOWN = 64
"""An extent that only the inputs say is taken for this one."""

AT_ONCE = 2**22
"""Numbers of one batch at the layer that gives most, at most: calls are few, and memory stays small."""


def evaluate(
    network: Network, x: Array | tuple[Array, ...], *, dtype: str | None = None, batch_size: int | None = None
) -> Array | tuple[Array, ...]:
    """The network's outputs in inference.

    A Keras model is built for it, which takes some 30 ms and memory that is not given back: to evaluate a network
    often, `write` it once and call the model.

    Args:
        network: To evaluate.
        x: Its input, of shape (n, *shape); for several inputs a tuple, in the order of `network.inputs`.
        dtype: To compute in; as the layers have it if not given. TensorFlow keeps some constants in float32 even
            under "float64": the slope of leaky_relu and a factor of gelu, which are then right to about 1e-8.
        batch_size: Rows that are computed at once; if not given as many as keep every layer's outputs below some
            four million numbers.

    Returns:
        The output, of shape (n, *shape); for several outputs a tuple, in the order of `network.outputs`.

    Raises:
        NetworkError: The inputs are not as many as the network's, or of other shapes.
        UnsupportedError: The network cannot be written, or its layers do not run on this machine.
    """
    inputs = _inputs(network, x)
    model = write(network, dtype=dtype)
    rows = batch_size or _rows_at_once(network)
    starts = range(0, max(len(inputs[0]), 1), rows)
    run = Running(model)
    pieces = [_outputs(model, run, [array[start : start + rows] for array in inputs]) for start in starts]
    outputs = tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return outputs if len(outputs) > 1 else outputs[0]


def _rows_at_once(network: Network) -> int:
    largest = max(math.prod(UNKNOWN if extent is None else extent for extent in node.shape) for node in network)
    return max(1, AT_ONCE // max(largest, 1))


def _inputs(network: Network, x: Array | tuple[Array, ...]) -> list[Array]:
    arrays = [np.asarray(array) for array in (x if isinstance(x, tuple) else (x,))]
    shapes = [network[name].shape for name in network.inputs]
    if len(arrays) != len(shapes) or not all(_fits(a, shape) for a, shape in zip(arrays, shapes, strict=True)):
        given = ", ".join(str(array.shape) for array in arrays)
        wanted = ", ".join(str(("n", *shape)) for shape in shapes)
        raise NetworkError(f"the inputs have shapes {given}, but the network reads {wanted}")
    if len({len(array) for array in arrays}) > 1:
        raise NetworkError(f"the inputs have {[len(array) for array in arrays]} rows; give as many of each")
    return arrays


def _fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    same = len(array.shape) == len(shape) + 1
    return same and all(mine in (None, has) for mine, has in zip(shape, array.shape[1:], strict=True))


def _outputs(model: keras.Model, run: Running, inputs: list[Array]) -> list[Array]:
    """The outputs of one batch, flat."""
    import keras

    structure: Any = 0 if isinstance(model, keras.Sequential) else model.input
    nested = keras.tree.pack_sequence_as(structure, inputs)
    try:
        # Not `predict`: it traces a graph for each model, and keeps it.
        outputs = run(nested)
    except Exception as error:
        if type(error).__name__ != "UnimplementedError":
            raise
        said = next((line for line in str(error).splitlines() if "{{" in line), "an operation is not implemented")
        reason = said.split("}}", 1)[-1].split(" [Op:", 1)[0].strip()
        raise UnsupportedError(f"model '{model.name}' does not run on this machine: {reason}") from error
    return [stored(output) for output in outputs]
