"""Steps of training by JAX: one compiled function a model, of all that changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from redundancy.network import Array
from redundancy.zoo.backends import Inputs, Logits, Step

if TYPE_CHECKING:
    import keras

Values = list[Any]


def step_of(model: keras.Model, optimizer: Any) -> Step:
    """See `redundancy.zoo.backends`."""
    changing = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)

    def loss_of(weights: Values, moving: Values, inputs: Any, labels: Any) -> tuple[Any, Values]:
        logits, moved, penalties = model.stateless_call(weights, moving, inputs, training=True, return_losses=True)
        exact = logits if logits.dtype == jnp.float64 else logits.astype(jnp.float32)
        own = jnp.take_along_axis(jax.nn.log_softmax(exact), labels[:, None], axis=1)
        return sum((penalty.astype(exact.dtype) for penalty in penalties), -own.mean()), moved

    @jax.jit  # type: ignore[untyped-decorator]
    def step(state: tuple[Values, Values, Values], inputs: Any, labels: Any) -> tuple[Any, Any]:
        weights, moving, slots = state
        (loss, moved), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, moving, inputs, labels)
        new_weights, new_slots = optimizer.stateless_apply(slots, gradients, weights)
        sound = jnp.isfinite(loss)
        after = (list(new_weights), list(moved), list(new_slots))
        return sound, jax.tree.map(lambda new, old: jnp.where(sound, new, old), after, state)

    def take(inputs: Inputs, labels: Array) -> bool:
        sound, after = step(tuple(map(_values, changing)), inputs, labels)
        for variables, values in zip(changing, after, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return bool(sound)

    return take


def logits_of(model: keras.Model) -> Logits:
    """See `redundancy.zoo.backends`."""

    @jax.jit  # type: ignore[untyped-decorator]
    def logits(weights: Values, moving: Values, inputs: Any) -> Any:
        return model.stateless_call(weights, moving, inputs, training=False)[0]

    def computed(inputs: Inputs) -> Array:
        values = map(_values, (model.trainable_variables, model.non_trainable_variables))
        return np.asarray(logits(*values, inputs))

    return computed


def _values(variables: Sequence[Any]) -> Values:
    return [variable.value for variable in variables]
