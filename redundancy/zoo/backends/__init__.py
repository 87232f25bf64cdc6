"""How a Keras model takes one step of training, and what it computes, on each backend of Keras: one file a backend.

Each file has `step_of(model, optimizer)`, a function of (inputs, labels) that takes one step and says whether its loss
was finite (where it was not, the model and the optimiser stay as they were), and `logits_of(model)`, a function of
inputs. Inputs are an array of the model's dtype, or a list of them where it has several inputs; labels are whole
numbers, (n,).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from redundancy.errors import UnsupportedError
from redundancy.network import Array
from redundancy.zoo.versions import library

if TYPE_CHECKING:
    import keras

TRAIN = ("tensorflow", "jax", "torch")
"""The backends that compute gradients."""

Inputs = Array | list[Array]
Step = Callable[[Inputs, Array], bool]
Logits = Callable[[Inputs], Array]


def step_of(model: keras.Model, optimizer: Any) -> Step:
    """What trains a model, one step a call.

    Raises:
        UnsupportedError: The backend computes no gradients.
    """
    step: Step = _backend().step_of(model, optimizer)
    return step


def logits_of(model: keras.Model) -> Logits:
    """What computes a model's outputs in inference.

    Raises:
        UnsupportedError: The backend computes no gradients, so that there is nothing to ask of what it trains.
    """
    logits: Logits = _backend().logits_of(model)
    return logits


def _backend() -> Any:
    if (name := library()) not in TRAIN:
        raise UnsupportedError(
            f"Keras computes with {name}, which trains nothing here: set KERAS_BACKEND to {', '.join(TRAIN[:-1])}"
            f" or {TRAIN[-1]}"
        )
    return import_module(f"{__name__}.{name}")
