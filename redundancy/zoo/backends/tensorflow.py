"""Steps of training by TensorFlow: one graph a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from redundancy.zoo.backends import Inputs, Logits, Step

if TYPE_CHECKING:
    import keras

# No XLA: it takes longer to compile than most of these networks to train.
_GRAPH = {"autograph": False, "jit_compile": False, "reduce_retracing": True}


def step_of(model: keras.Model, optimizer: Any) -> Step:
    """See `redundancy.zoo.backends`."""
    variables = model.trainable_variables
    moving = [variable for variable in model.non_trainable_variables if variable.dtype.startswith(("float", "bfloat"))]

    @tf.function(**_GRAPH)  # type: ignore[untyped-decorator]
    def step(inputs: Any, labels: tf.Tensor) -> tf.Tensor:
        before = [tf.identity(variable.value) for variable in moving]
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            exact = logits if logits.dtype == tf.float64 else tf.cast(logits, tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, exact))
            penalties = [tf.cast(penalty, loss.dtype) for penalty in model.losses]
            loss = tf.add_n([loss, *penalties])
        gradients = tape.gradient(loss, variables)

        def take() -> None:
            optimizer.apply(gradients, variables)

        def end() -> None:
            for variable, old in zip(moving, before, strict=True):
                variable.assign(old)

        sound = tf.math.is_finite(loss)
        tf.cond(sound, take, end)
        return sound

    return lambda inputs, labels: bool(step(_tensors(inputs), tf.constant(labels)))


def logits_of(model: keras.Model) -> Logits:
    """See `redundancy.zoo.backends`."""

    @tf.function(**_GRAPH)  # type: ignore[untyped-decorator]
    def logits(inputs: Any) -> tf.Tensor:
        return model(inputs, training=False)

    return lambda inputs: np.asarray(logits(_tensors(inputs)))


def _tensors(inputs: Inputs) -> Any:
    return tf.nest.map_structure(tf.constant, inputs)
