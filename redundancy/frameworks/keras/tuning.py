"""Training a network on: with its own compile settings where it has them, to its labels or to what another one says."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax

from redundancy.errors import OptionError
from redundancy.frameworks.keras.compiling import compiled_like
from redundancy.frameworks.keras.exchange import pull
from redundancy.frameworks.keras.likelihood import BERNOULLI, CATEGORICAL, Head
from redundancy.frameworks.keras.writing import write
from redundancy.network import Array, Network

RATE, BATCH = 1e-3, 64
"""The learning rate of Adam, where the model has no compile settings; and rows of a batch."""


def tuned(
    network: Network,
    like: Any,
    inputs: tuple[Array, ...],
    labels: Array | None,
    head: Head,
    *,
    teacher: Array | None = None,
    epochs: int = 1,
    seed: int = 0,
) -> Network:
    """The same network, trained on.

    Args:
        network: To begin with; of one output.
        like: A Keras model whose compile settings are taken: optimizer, loss and the rest; None for Adam, and the loss
            that the output is read by.
        inputs: One array for each input, in order, of n rows.
        labels: Of the rows. Shape (n,), integers.
        head: How the output is read.
        teacher: Outputs of another model, which are to be matched instead of the labels (G. Hinton, O. Vinyals,
            J. Dean, Distilling the Knowledge in a Neural Network, 2015, at temperature 1). Shape (n, ...), float64.
        epochs: How often each row is seen.
        seed: Of the order of the rows.

    Raises:
        OptionError: It cannot be trained as it is compiled.
    """
    import keras

    model = write(network)
    if like is not None:
        compiled_like(like, model)
        if isinstance(model.loss, list | tuple | dict):  # of one output, named or in a list
            model.compile(model.optimizer, next(iter(_losses(model.loss)), None))
    logits = head.node == network.outputs[0]
    if teacher is not None or not getattr(model, "compiled", False):
        optimizer = model.optimizer if getattr(model, "compiled", False) else keras.optimizers.Adam(RATE)
        model.compile(optimizer, _loss(head, logits, matching=teacher is not None))
    targets = _targets(head, logits, teacher) if teacher is not None else _wanted(model, labels, network)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(inputs[0]))
        arrays = [array[order] for array in inputs]
        given = arrays[0] if len(arrays) == 1 else arrays
        try:
            model.fit(given, targets[order], batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
        except Exception as error:  # losses and layers of the user's own may raise anything here
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise OptionError(f"the model cannot be trained as it is compiled ({why}): compile it anew") from error
    return pull(model, network)


def _loss(head: Head, logits: bool, *, matching: bool) -> Any:
    import keras

    if head.likelihood == CATEGORICAL:
        kind = keras.losses.CategoricalCrossentropy if matching else keras.losses.SparseCategoricalCrossentropy
        return kind(from_logits=logits)
    if head.likelihood == BERNOULLI:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.MeanSquaredError()


def _targets(head: Head, logits: bool, teacher: Array) -> Array:
    """What the other model says, as probabilities where it says that."""
    if logits and head.likelihood == CATEGORICAL:
        return np.asarray(softmax(teacher, axis=head.axis))
    return np.asarray(expit(teacher)) if logits and head.likelihood == BERNOULLI else teacher


def _losses(given: Any) -> list[Any]:
    """Those of each output, without those of none."""
    return [each for each in (given.values() if isinstance(given, dict) else given) if each is not None]


def _wanted(model: Any, labels: Array | None, network: Network) -> Array:
    """Labels in the form that the loss of the model takes."""
    assert labels is not None
    loss = model.loss
    # A loss may be a name, a function or an object, which may be called as its user likes and wrap a function.
    called = [loss if isinstance(loss, str) else type(loss).__name__]
    called += [str(getattr(each, "__name__", "")) for each in (loss, getattr(loss, "fn", None))]
    name = " ".join(called).replace("_", "").lower()
    classes = network[network.outputs[0]].shape[-1]
    one_hot = classes is not None and classes > 1 and "sparse" not in name
    return np.eye(classes or 1, dtype="float32")[labels] if one_hot else labels
