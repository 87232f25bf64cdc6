"""A model, called in inference; compiled where this machine has no kernels that run it step by step."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from redundancy.frameworks.keras.precision import float64_kept

MISSING = ("NotFoundError", "UnimplementedError")
"""What TensorFlow raises where it has no kernel."""


class Running:
    """Calls one model.

    TensorFlow has no CPU kernels for some convolutions whose channels come first. Its compiler lays them out itself.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._compiled: Any = None
        self._precise = any(layer.compute_dtype == "float64" for layer in model._flatten_layers())

    def __call__(self, inputs: Any) -> list[Any]:
        """The outputs, flat.

        Args:
            inputs: Nested as the model takes them.
        """
        with float64_kept() if self._precise else nullcontext(), _without_gradients():
            return self._called(inputs)

    def _called(self, inputs: Any) -> list[Any]:
        import keras

        if self._compiled is not None:
            return list(self._compiled(inputs))
        try:
            return list(keras.tree.flatten(self._model(inputs, training=False)))
        except Exception as error:  # a framework has many ways to say that it has no such kernel
            if type(error).__name__ not in MISSING and not _channels_first(self._model):
                raise
            return self._compiled_after(error, inputs)

    def _compiled_after(self, error: Exception, inputs: Any) -> list[Any]:
        found = compiled(self._model)
        try:
            outputs = list(found(inputs))
        except Exception:  # what was wrong in the first place says more
            raise error from None
        self._compiled = found
        return outputs


def _without_gradients() -> AbstractContextManager[Any]:
    """PyTorch would keep every value on the way for gradients that nobody asks for."""
    import keras

    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    gradients: AbstractContextManager[Any] = torch.no_grad()
    return gradients


def compiled(model: Any) -> Any:
    """The model in inference, compiled: a function of nested inputs, whose outputs are flat."""
    import keras
    import tensorflow as tf

    def called(inputs: Any) -> list[Any]:
        return list(keras.tree.flatten(model(inputs, training=False)))

    return tf.function(called, jit_compile=True)


def _channels_first(model: Any) -> bool:
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    layers = model._flatten_layers() if on_tensorflow else ()
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in layers)
