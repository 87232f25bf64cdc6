"""Products of a model's output with its Jacobian, on whatever backend Keras computes with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.precision import float64_kept
from redundancy.frameworks.keras.recording import stored
from redundancy.frameworks.keras.running import MISSING
from redundancy.network import Array

Weigh = Callable[[list[Array]], Array]
"""From the outputs of a model, flat, to what the first of them is multiplied with."""


class Differentiated:
    """A model in inference, differentiated with respect to its last inputs.

    Args:
        model: Functional, of several inputs in a list.
        last: How many of the inputs, the last ones, it is differentiated for.

    Raises:
        UnsupportedError: Keras computes with something else than TensorFlow, JAX or PyTorch.
    """

    def __init__(self, model: Any, last: int) -> None:
        import keras

        backend = keras.backend.backend()
        if backend not in _PULLED:
            raise UnsupportedError(f"no gradients with Keras on {backend}: set KERAS_BACKEND=tensorflow, jax or torch")
        self._last, self._pulled = last, _PULLED[backend](model)
        self._precise = any(layer.compute_dtype == "float64" for layer in model._flatten_layers())

    def __call__(self, inputs: Sequence[Array], weigh: Weigh) -> tuple[list[Array], list[Array]]:
        """The outputs, and the gradient of sum(output * weigh(outputs)), for the first output.

        Args:
            inputs: One array each.
            weigh: Called once; its result counts as constant.

        Returns:
            The outputs, flat, and one gradient for each of the last inputs, of that input's shape. As computed.
        """
        import keras

        with float64_kept() if self._precise else nullcontext():
            # Keras takes tensors or arrays, not both at once.
            tensors = [keras.ops.convert_to_tensor(array) for array in inputs]
            own, given = tensors[: -self._last], tensors[-self._last :]
            outputs, gradients = self._pulled(own, given, weigh)
        pairs = zip(gradients, inputs[-self._last :], strict=True)
        return outputs, [np.zeros_like(array) if found is None else stored(found) for found, array in pairs]


Pulled = tuple[list[Array], list[Any]]

Pull = Callable[[list[Any], list[Any], Weigh], Pulled]
"""From the other inputs, and those that it is differentiated for, to outputs and gradients."""


def _flat(model: Any, inputs: list[Any]) -> list[Any]:
    import keras

    return list(keras.tree.flatten(model(inputs, training=False)))


def _tensorflow(model: Any) -> Pull:
    import tensorflow as tf

    # TensorFlow has no kernels for some convolutions and gradients on CPUs; its compiler lays them out itself.
    outputs_of = tf.function(lambda inputs: _flat(model, inputs), jit_compile=True, reduce_retracing=True)

    def differentiated(own: list[Any], given: list[Any], weights: Any) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(given)
            output = _flat(model, [*own, *given])[0]
        return list(tape.gradient(output, given, output_gradients=weights, unconnected_gradients="zero"))

    gradients_of = tf.function(differentiated, jit_compile=True, reduce_retracing=True)

    def pulled(own: list[Any], given: list[Any], weigh: Weigh) -> Pulled:
        weights = None
        try:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(given)
                outputs = _flat(model, [*own, *given])
            arrays = [stored(output) for output in outputs]
            weights = tf.constant(weigh(arrays), outputs[0].dtype)
            return arrays, list(tape.gradient(outputs[0], given, output_gradients=weights))
        except Exception as error:
            if type(error).__name__ not in MISSING:
                raise
        if weights is None:
            outputs = outputs_of([*own, *given])
            arrays = [stored(output) for output in outputs]
            weights = tf.constant(weigh(arrays), outputs[0].dtype)
        return arrays, list(gradients_of(own, given, weights))

    return pulled


def _jax(model: Any) -> Pull:
    import jax
    import keras

    state = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    def pulled(own: list[Any], given: list[Any], weigh: Weigh) -> Pulled:
        def called(last: list[Any]) -> list[Any]:
            return list(keras.tree.flatten(model.stateless_call(*state, [*own, *last], training=False)[0]))

        outputs, pull = jax.vjp(called, given)
        arrays = [stored(output) for output in outputs]
        weights = [jax.numpy.zeros_like(output) for output in outputs]
        weights[0] = jax.numpy.asarray(weigh(arrays), outputs[0].dtype)
        return arrays, list(pull(weights)[0])

    return pulled


def _torch(model: Any) -> Pull:
    import torch

    def pulled(own: list[Any], given: list[Any], weigh: Weigh) -> Pulled:
        watched = [tensor.detach().requires_grad_() for tensor in given]
        outputs = _flat(model, [*own, *watched])
        arrays = [stored(output) for output in outputs]
        weights = torch.as_tensor(weigh(arrays), dtype=outputs[0].dtype, device=outputs[0].device)
        if not outputs[0].requires_grad:
            return arrays, [None] * len(watched)
        return arrays, list(torch.autograd.grad(outputs[0], watched, weights, allow_unused=True))

    return pulled


_PULLED = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
