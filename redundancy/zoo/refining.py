"""Training that goes on from given weights, some of which stay zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from redundancy.errors import NetworkError
from redundancy.frameworks.keras import pull, push, write
from redundancy.network import Array, Network
from redundancy.zoo.seeds import batches

Kept = Mapping[str, Mapping[str, Array]]
"""Which weights are there, by name of the node and of the weight: of its shape, bool."""


class Refinery:
    """Trains networks of one structure, one after the other, by one Keras model: cross-entropy, from logits, with Adam.

    Args:
        like: A network of that structure, with logits as its only output.
        learning_rate: Of Adam.
        batch_size: Images in a batch.
    """

    def __init__(self, like: Network, *, learning_rate: float = 1e-3, batch_size: int = 128) -> None:
        import keras

        self._like, self._batch_size = like, batch_size
        self._model = write(like)
        self._masks = _masked(self._model, like)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._model.compile(keras.optimizers.Adam(learning_rate), loss=loss, jit_compile=False)
        self._model.optimizer.build(self._model.trainable_variables)
        self._fresh = [(v, np.array(keras.ops.convert_to_numpy(v))) for v in self._model.optimizer.variables]

    def trained(self, network: Network, kept: Kept, x: Array, y: Array, *, steps: int, seed: int) -> Network:
        """The network after so many steps; weights that are not kept are zero after each of them.

        Args:
            network: Of the structure of this refinery.
            kept: Of the weights that may be gone; all others are there.
            x: Images. Shape (n, ...).
            y: Their classes. Shape (n,), int.
            steps: Batches to train on.
            seed: Of the order of the data.

        Raises:
            NetworkError: There is no such weight, or it has another shape.
        """
        push(network, self._model)
        for variable, value in self._fresh:
            variable.assign(value)
        _check(self._masks, kept)
        for name, masks in self._masks.items():
            for weight, (variable, mask) in masks.items():
                there = np.asarray(kept.get(name, {}).get(weight, np.ones(mask.shape)), mask.dtype)
                mask.assign(there)
                variable.assign(variable * mask)
        order = np.concatenate([np.empty(0, np.intp), *batches(seed, len(x), steps, self._batch_size)])
        if steps:
            self._model.fit(x[order], y[order], batch_size=self._batch_size, shuffle=False, verbose=0)
        return pull(self._model, network)

    def logits(self, network: Network, x: Array) -> Array:
        """What a network of this structure says of images. Shape (n, classes)."""
        push(network, self._model)
        return np.asarray(self._model.predict_on_batch(x))


def _masked(model: Any, network: Network) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By name of the node and of the weight, the variable and what it is multiplied by after every step."""
    import keras

    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for node in network:
        for name in node.weights:
            variable: Any = getattr(model.get_layer(node.layer), name, None)
            if getattr(variable, "trainable", False):
                mask = keras.Variable(np.ones(variable.shape), dtype=variable.dtype, trainable=False)
                variable.constraint = _Constraint(mask)
                found.setdefault(node.name, {})[name] = (variable, mask)
    return found


class _Constraint:
    """What an optimiser of Keras does to a variable after each step."""

    def __init__(self, mask: Any) -> None:
        self._mask = mask

    def __call__(self, values: Any) -> Any:
        return values * self._mask


def _check(masks: Mapping[str, Mapping[str, tuple[Any, Any]]], kept: Kept) -> None:
    for name, weights in kept.items():
        for weight, mask in weights.items():
            has = masks.get(name, {}).get(weight)
            if has is None or tuple(has[1].shape) != mask.shape:
                raise NetworkError(f"no trained weight '{weight}' of shape {mask.shape} in '{name}': leave it out")
