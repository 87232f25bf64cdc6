"""Training a network on: with its own compile settings where it has them, to its labels or to what another one says."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax

from redundancy.errors import OptionError
from redundancy.frameworks.keras.compiling import compiled_like
from redundancy.frameworks.keras.evaluation import evaluate
from redundancy.frameworks.keras.exchange import pull
from redundancy.frameworks.keras.likelihood import BERNOULLI, CATEGORICAL, Head
from redundancy.frameworks.keras.probes import MOVERS, nested
from redundancy.frameworks.keras.wanting import takes_numbers
from redundancy.frameworks.keras.writing import write
from redundancy.layers import RULES
from redundancy.network import Array, Network

RATE, BATCH = 1e-3, 64
"""The learning rate of Adam, where the model has no compile settings; and rows of a batch."""

TINY = 1e-30
"""The least probability that a logarithm is taken of."""


def tuned(
    network: Network,
    like: Any,
    inputs: tuple[Array, ...],
    labels: Array | None,
    head: Head,
    *,
    teacher: Network | None = None,
    temperature: float = 1.0,
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
        teacher: Another network, whose outputs are to be matched instead of the labels (G. Hinton, O. Vinyals,
            J. Dean, Distilling the Knowledge in a Neural Network, 2015). It is asked about mixtures of two rows each,
            in shares drawn anew for each epoch, so that both agree between the rows as well (L. Beyer et al., Knowledge
            Distillation: A Good Teacher Is Patient and Consistent, 2022); about the rows themselves where inputs are
            whole numbers, places in tables, which have no mixtures, or what a layer without a rule reads.
        temperature: By which the scores of classes are divided before they are matched: above 1, classes that the
            teacher finds unlikely count for more.
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
        model.compile(optimizer, _loss(head, logits, None if teacher is None else temperature))
    wanted = None if teacher is not None else _wanted(model, labels, network)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        if teacher is None:
            arrays, targets = _shuffled(inputs, wanted, rng)
        else:
            arrays, said = _taught(inputs, teacher, rng)
            targets = _targets(head, logits, said, temperature)
        try:
            model.fit(nested(model, arrays), targets, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
        except Exception as error:  # losses and layers of the user's own may raise anything here
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise OptionError(f"the model cannot be trained as it is compiled ({why}): compile it anew") from error
    return pull(model, network)


def _loss(head: Head, logits: bool, temperature: float | None) -> Any:
    """The loss that an output is read by; with a temperature, of matching what another network says."""
    import keras

    matching = temperature is not None
    if temperature is not None and temperature != 1:
        check_temperature(head, temperature)
        square = temperature**2

        def matched(wanted: Any, given: Any) -> Any:
            scores = given if logits else keras.ops.log(keras.ops.maximum(given, TINY))
            loss = keras.ops.categorical_crossentropy(wanted, scores / temperature, from_logits=True, axis=head.axis)
            return square * loss  # gradients are as large as at 1

        return matched
    if head.likelihood == CATEGORICAL:
        kind = keras.losses.CategoricalCrossentropy if matching else keras.losses.SparseCategoricalCrossentropy
        return kind(from_logits=logits)
    if head.likelihood == BERNOULLI:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.MeanSquaredError()


def _shuffled(inputs: tuple[Array, ...], wanted: Any, rng: np.random.Generator) -> tuple[list[Array], Array]:
    order = rng.permutation(len(inputs[0]))
    return [array[order] for array in inputs], wanted[order]


def check_temperature(head: Head, temperature: float) -> None:
    """Refuses to match at another temperature than 1 what are no scores of classes.

    Raises:
        OptionError: That is so.
    """
    if temperature != 1 and head.likelihood != CATEGORICAL:
        raise OptionError(
            f"distil={temperature:g} is a temperature, which only scores of several classes have: give distil=True, or"
            " the labels of a model that says logits"
        )


def _taught(inputs: tuple[Array, ...], teacher: Network, rng: np.random.Generator) -> tuple[list[Array], Array]:
    """Rows, or mixtures of them, in an order that is drawn; and what the teacher says of each."""
    order = rng.permutation(len(inputs[0]))
    arrays = [array[order] for array in inputs]
    if all(_mixes(teacher, name) for name in teacher.inputs):
        partners, shares = rng.permutation(len(order)), rng.random(len(order))
        arrays = [_mixed(mine, array[partners], shares) for mine, array in zip(arrays, inputs, strict=True)]
    said = evaluate(teacher, tuple(arrays))
    assert not isinstance(said, tuple)
    return arrays, np.asarray(said, np.float64)


def _mixes(network: Network, name: str) -> bool:
    """Whether an input is of numbers that mean something in between: what reads them is known, and is no table."""
    if not str(network[name].config["dtype"]).startswith(("float", "bfloat")):
        return False
    values = {name}
    for node in network:
        if values.isdisjoint(node.inputs):
            continue
        if node.kind == "embedding" or node.kind not in RULES:
            return False
        if node.kind in MOVERS:
            values.add(node.name)
    return True


def _mixed(first: Array, second: Array, shares: Array) -> Array:
    by = shares.reshape(-1, *[1] * (first.ndim - 1)).astype(np.float32)
    return np.asarray(by * first + (1 - by) * second)


def _targets(head: Head, logits: bool, said: Array, temperature: float) -> Array:
    """What the other network says, as probabilities where it says that."""
    if head.likelihood == CATEGORICAL and (logits or temperature != 1):
        scores = said if logits else np.log(np.maximum(said, TINY))
        return np.asarray(softmax(scores / temperature, axis=head.axis))
    return np.asarray(expit(said)) if logits and head.likelihood == BERNOULLI else said


def _losses(given: Any) -> list[Any]:
    """Those of each output, without those of none."""
    return [each for each in (given.values() if isinstance(given, dict) else given) if each is not None]


def _wanted(model: Any, labels: Array | None, network: Network) -> Array:
    """Labels in the form that the loss of the model takes."""
    assert labels is not None
    shape = tuple(extent or 1 for extent in network[network.outputs[0]].shape)
    one_hot = bool(shape) and shape[-1] > 1 and not takes_numbers(model.loss, shape)
    return np.eye(shape[-1], dtype="float32")[labels] if one_hot else labels
