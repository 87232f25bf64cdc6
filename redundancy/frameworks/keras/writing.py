"""From a network to a working Keras model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redundancy.frameworks.keras.assembling import ModelBuilder
from redundancy.frameworks.keras.exchange import push
from redundancy.frameworks.keras.precision import float64_kept
from redundancy.network import Network

if TYPE_CHECKING:
    import keras


def write(network: Network, *, dtype: str | None = None) -> keras.Model:
    """A new Keras model that computes what the network says.

    What was read from Keras keeps its names, trainable flags, regularizers and the rest of its configuration, with
    the sizes that the weights have now. A Sequential model stays Sequential. Compile settings and the optimizer's
    state are not there; seeds of layers such as Dropout are new where they were not given. Python's own source of
    randomness, from which Keras draws seeds, is left as it was.

    Args:
        network: Read from Keras, or built by hand.
        dtype: A floating dtype that every layer computes and stores in, instead of its own; "float64" to check
            mathematics.

    Raises:
        UnsupportedError: A layer cannot be made again.
        NetworkError: The network does not say one thing: a layer's nodes differ, say.
    """
    with python_randomness_kept(), float64_kept(), _policy_kept(network if dtype is None else None):
        builder = ModelBuilder(network, dtype)
        model = builder.model()
        push(network, model, builder.held)
    return model


@contextmanager
def _policy_kept(network: Network | None) -> Iterator[None]:
    """Models and inputs take the policy that is the default where they are made: let it be what theirs was."""
    import keras

    policy = getattr(getattr(network, "origin", None), "policy", None)
    default = keras.config.dtype_policy()
    keras.config.set_dtype_policy(default if policy is None else policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(default)


@contextmanager
def python_randomness_kept() -> Iterator[None]:
    """Keras draws seeds of initializers from Python's generator, even where all weights are then replaced."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
