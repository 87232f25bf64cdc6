"""TensorFlow, training a group: one graph a structure and a number of runs, started anew for each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from redundancy.network import Array
from redundancy.zoo.choices import Optimizer
from redundancy.zoo.fused.forms import FORMS, Pass
from redundancy.zoo.fused.optimizers import METHODS, Cell
from redundancy.zoo.fused.plan import Plan

NOT_YET = 0
"""The step at which a run diverged, for one that has not."""

_PENALTIES = {"l1": tf.abs, "l2": tf.square}


@dataclass(frozen=True, slots=True)
class State:
    """What a group remembers between steps.

    Attributes:
        weights: One variable a weight of the plan, (k, ...).
        slots: What the optimiser remembers of each; {} for weights that no gradient changes.
        rates: Learning rates, (k,), float32 whatever the weights are: Keras rounds them so.
        draws: By dropout, the words that its draws start from: (k, 2), int64.
        step: How many steps were taken.
        diverged: The step, from 1, whose loss was NaN or infinite; NOT_YET for a run that goes on. (k,), int64.
    """

    weights: tuple[tf.Variable, ...]
    slots: tuple[Mapping[str, tf.Variable], ...]
    rates: tf.Variable
    draws: Mapping[str, tf.Variable]
    step: tf.Variable
    diverged: tf.Variable


class Engine:
    """Trains groups of `size` runs. Everything is computed on the processor.

    Args:
        plan: What a step computes.
        optimizer: With a method in METHODS.
        size: Runs in a group.
        batch_size: Images of a run in a step.
        dtype: Of weights and arithmetic: "float32" or "float64".
    """

    def __init__(self, plan: Plan, optimizer: Optimizer, size: int, batch_size: int, dtype: str) -> None:
        self.plan, self.size, self.batch_size, self.dtype = plan, size, batch_size, dtype
        self._options, self._method = optimizer.options, METHODS[optimizer.name]
        with tf.device("/CPU:0"):
            self._state = self._made()
        # Every size but that of the data set and the number of steps is known to the graph.
        pixels, order = prod(plan.parts[0].shape), tf.TensorSpec((None, size, batch_size), tf.int32)
        images, labels = tf.TensorSpec((None, pixels), dtype), tf.TensorSpec((None,), tf.int64)
        shown = tf.TensorSpec((batch_size, pixels), dtype)
        # No XLA: on a processor it is slower in all of this, and takes longer to compile than most networks to train.
        compiled = {"autograph": False, "jit_compile": False}
        self._advance = tf.function(self._steps, input_signature=[images, labels, order], **compiled)
        self._logits = tf.function(self._outputs, input_signature=[shown], **compiled)

    def start(self, weights: Sequence[Sequence[Array]], rates: Sequence[float], draws: Mapping[str, Array]) -> None:
        """Puts a group in the place of the last one.

        Args:
            weights: Of each run, laid by the plan.
            rates: Of each run.
            draws: By dropout, two words a run: (k, 2).
        """
        for variable, arrays in zip(self._state.weights, zip(*weights, strict=True), strict=True):
            variable.assign(np.stack(arrays))
        for slots in self._state.slots:
            for name, slot in slots.items():
                slot.assign(tf.fill(slot.shape, tf.cast(self._starts[name], slot.dtype)))
        self._state.rates.assign(np.asarray(rates, np.float32))
        for name, variable in self._state.draws.items():
            variable.assign(draws[name])
        self._state.step.assign(0)
        self._state.diverged.assign(np.full(self.size, NOT_YET))

    def advance(self, images: tf.Tensor, labels: tf.Tensor, order: Array) -> None:
        """Takes steps: (steps, k, n) indices of images, which are (all, pixels), and of labels, (all,)."""
        self._advance(images, labels, tf.constant(order, tf.int32))

    def weights(self, run: int) -> list[Array]:
        """The weights of a run, as the plan lays them."""
        return [variable[run].numpy() for variable in self._state.weights]

    def diverged(self, run: int) -> int | None:
        """The step whose loss was not finite, after which a run was left as it was; None for one that went on."""
        step = int(self._state.diverged[run])
        return None if step == NOT_YET else step

    def logits(self, images: tf.Tensor) -> Array:
        """What every run makes of the same images, as many as in a batch: (n, pixels) -> (k, n, classes)."""
        values: Array = self._logits(images).numpy()
        return values

    @property
    def _starts(self) -> Mapping[str, float]:
        return self._method.slots(self._options)

    def _made(self) -> State:
        def zeros(shape: Sequence[int], dtype: Any, *, trainable: bool = False) -> tf.Variable:
            return tf.Variable(tf.zeros(shape, dtype), trainable=trainable)

        plan, size = self.plan, self.size
        shapes = [(size, *weight.shape) for weight in plan.weights]
        weights = tuple(
            zeros(shape, self.dtype, trainable=weight.trainable)
            for shape, weight in zip(shapes, plan.weights, strict=True)
        )
        slots = tuple(
            {name: zeros(shape, self.dtype) for name in self._starts} if weight.trainable else {}
            for shape, weight in zip(shapes, plan.weights, strict=True)
        )
        draws = {name: zeros((size, 2), tf.int64) for name in plan.dropouts}
        return State(weights, slots, zeros((size,), tf.float32), draws, zeros((), tf.int64), zeros((size,), tf.int64))

    def _steps(self, images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor) -> None:
        count = tf.shape(order)[0]

        def goes_on(place: tf.Tensor) -> tf.Tensor:
            return (place < count) & tf.reduce_any(self._state.diverged == NOT_YET)

        def body(place: tf.Tensor) -> tuple[tf.Tensor]:
            self._step(images, labels, order[place])
            return (place + 1,)

        tf.while_loop(goes_on, body, [tf.constant(0)], parallel_iterations=1)

    def _step(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> None:
        state = self._state
        moved: dict[int, tf.Tensor] = {}
        trained = [variable for variable in state.weights if variable.trainable]
        with tf.GradientTape() as tape:
            weights = [tf.convert_to_tensor(variable) for variable in state.weights]
            logits = self._forward(tf.gather(images, rows), weights, Pass(True, self._draws(), moved))
            wrong = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, rows), logits)
            losses = tf.reduce_mean(wrong, axis=1) + self._penalties(weights)
        # The gradient of the sum: each run's loss depends on its own weights only.
        gradients = tape.gradient(losses, trained)
        step = state.step.assign_add(1)
        bad = ~tf.math.is_finite(losses) & (state.diverged == NOT_YET)
        state.diverged.assign(tf.where(bad, step, state.diverged))
        ended = state.diverged != NOT_YET

        def update() -> None:
            self._update(gradients, moved, step)

        def update_the_others() -> None:
            before = [tf.identity(variable) for variable in state.weights]
            with tf.control_dependencies(before):
                update()
            for variable, old in zip(state.weights, before, strict=True):
                variable.assign(tf.where(_over(ended, variable), old, variable))

        tf.cond(tf.reduce_any(ended), update_the_others, update)

    def _update(self, gradients: list[tf.Tensor], moved: Mapping[int, tf.Tensor], step: tf.Tensor) -> None:
        state, number = self._state, tf.cast(step, self.dtype)
        rates = tf.cast(state.rates, self.dtype)
        changing = [(v, slots) for v, slots in zip(state.weights, state.slots, strict=True) if v.trainable]
        for (variable, slots), gradient in zip(changing, gradients, strict=True):
            self._method.update(Cell(variable, slots, gradient, _over(rates, variable), number, self._options))
        for place, value in moved.items():
            state.weights[place].assign(value)

    def _draws(self) -> dict[str, tf.Tensor]:
        """The seeds of this step's draws: what Keras's SeedGenerator gives that was started with the same words."""
        step = tf.stack([tf.zeros((), tf.int64), tf.convert_to_tensor(self._state.step)])
        return {
            name: tf.cast(tf.math.floormod(words + step, tf.int32.max - 1), tf.int32)
            for name, words in self._state.draws.items()
        }

    def _penalties(self, weights: list[tf.Tensor]) -> tf.Tensor:
        total = tf.zeros((self.size,), self.dtype)
        for weight, values in zip(self.plan.weights, weights, strict=True):
            if weight.regularizer:
                name, factor = weight.regularizer
                total += factor * tf.reduce_sum(tf.reshape(_PENALTIES[name](values), (self.size, -1)), axis=1)
        return total

    def _outputs(self, images: tf.Tensor) -> tf.Tensor:
        shared = tf.broadcast_to(images, (self.size, *images.shape))
        return self._forward(shared, [tf.convert_to_tensor(variable) for variable in self._state.weights], Pass(False))

    def _forward(self, images: tf.Tensor, weights: list[tf.Tensor], way: Pass) -> tf.Tensor:
        first, *rest = self.plan.parts
        values = {first.name: tf.reshape(images, (images.shape[0], -1, *first.shape))}
        for part in rest:
            own = {name: weights[place] for name, place in part.weights.items()}
            values[part.name] = FORMS[part.kind](part, [values[name] for name in part.inputs], own, way)
        return values[self.plan.parts[-1].name]


def _over(values: tf.Tensor, like: tf.Variable) -> tf.Tensor:
    """One value a run, (k,), as (k, 1, ...) of as many axes as another."""
    return tf.reshape(values, (-1, *[1] * (len(like.shape) - 1)))
