"""The optimisers, as Keras defines them, on the weights of a whole group; the learning rate is each run's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Cell:
    """One weight of all runs of a group, at one step.

    Attributes:
        variable: Shape (k, ...).
        slots: What the optimiser remembers of it, by name; of the same shape.
        gradient: Of the same shape.
        rate: The learning rate of each run, (k, 1, ...).
        step: Which step this is, from 1 on, as a number of the weight's dtype.
        options: The optimiser's parameters.
    """

    variable: tf.Variable
    slots: Mapping[str, tf.Variable]
    gradient: tf.Tensor
    rate: tf.Tensor
    step: tf.Tensor
    options: Mapping[str, Any]

    def rounded(self, name: str) -> tf.Tensor:
        """The parameter, rounded to float32 and then cast: so Keras takes some of them, whatever the weights are."""
        return tf.cast(tf.constant(self.options[name], tf.float32), self.step.dtype)

    def power(self, name: str) -> tf.Tensor:
        """The rounded parameter to the power of the step."""
        return tf.pow(self.rounded(name), self.step)


@dataclass(frozen=True, slots=True)
class Method:
    """How an optimiser changes a weight.

    Attributes:
        slots: The options it was given -> what it remembers: names, and the value each starts with.
        update: Changes the variable and the slots.
    """

    slots: Callable[[Mapping[str, Any]], Mapping[str, float]]
    update: Callable[[Cell], None]


def _toward(slot: tf.Variable, value: tf.Tensor, share: float) -> None:
    """Moves a slot by a share of the way to a value, in one go over the memory besides the difference."""
    share = tf.constant(share, slot.dtype)
    tf.raw_ops.ResourceApplyGradientDescent(var=slot.handle, alpha=share, delta=slot - value)


def _sgd(cell: Cell) -> None:
    if not cell.options["momentum"]:
        cell.variable.assign_sub(cell.gradient * cell.rate)
        return
    momentum, pull = cell.rounded("momentum"), cell.gradient * cell.rate
    moved = cell.slots["momentum"].assign(cell.slots["momentum"] * momentum - pull)
    cell.variable.assign_add(moved * momentum - pull if cell.options["nesterov"] else moved)


def _adam(cell: Cell) -> None:
    options, slots = cell.options, cell.slots
    _toward(slots["mean"], cell.gradient, 1 - options["beta_1"])
    _toward(slots["square"], tf.square(cell.gradient), 1 - options["beta_2"])
    square = slots["square"]
    if options["amsgrad"]:
        square = slots["largest"]
        square.assign(tf.maximum(square, slots["square"]))
    rate = cell.rate * tf.sqrt(1 - cell.power("beta_2")) / (1 - cell.power("beta_1"))
    # variable -= grad * lr / (sqrt(accum) + epsilon), in one go: it is memory that an optimiser waits for.
    one, epsilon = tf.ones((), cell.step.dtype), tf.constant(options["epsilon"], cell.step.dtype)
    tf.raw_ops.ResourceApplyAdagradV2(
        var=cell.variable.handle, accum=square.handle, lr=one, epsilon=epsilon, grad=slots["mean"] * rate,
        update_slots=False,
    )  # fmt: skip


def _adamw(cell: Cell) -> None:
    cell.variable.assign_sub(cell.variable * (cell.rounded("weight_decay") * cell.rate))
    _adam(cell)


def _rmsprop(cell: Cell) -> None:
    options, slots, rho = cell.options, cell.slots, cell.options["rho"]
    square = slots["square"].assign(rho * slots["square"] + (1 - rho) * tf.square(cell.gradient))
    if options["centered"]:
        mean = slots["mean"].assign(rho * slots["mean"] + (1 - rho) * cell.gradient)
        square = square - tf.square(mean)
    step = cell.rate * cell.gradient / tf.sqrt(square + options["epsilon"])
    if options["momentum"]:
        step = slots["momentum"].assign(options["momentum"] * slots["momentum"] + step)
    cell.variable.assign_sub(step)


def _adamax(cell: Cell) -> None:
    options, slots = cell.options, cell.slots
    _toward(slots["mean"], cell.gradient, 1 - options["beta_1"])
    largest = slots["largest"].assign(tf.maximum(options["beta_2"] * slots["largest"], tf.abs(cell.gradient)))
    cell.variable.assign_sub(cell.rate * slots["mean"] / ((1 - cell.power("beta_1")) * (largest + options["epsilon"])))


def _adagrad(cell: Cell) -> None:
    total = cell.slots["total"].assign_add(tf.square(cell.gradient))
    cell.variable.assign_sub(cell.rate * cell.gradient / tf.sqrt(total + cell.options["epsilon"]))


def _adadelta(cell: Cell) -> None:
    rho, epsilon, slots = cell.options["rho"], cell.options["epsilon"], cell.slots
    square = slots["square"].assign(rho * slots["square"] + (1 - rho) * tf.square(cell.gradient))
    step = tf.sqrt(slots["steps"] + epsilon) * cell.gradient / tf.sqrt(square + epsilon)
    slots["steps"].assign(rho * slots["steps"] + (1 - rho) * tf.square(step))
    cell.variable.assign_sub(cell.rate * step)


def _lion(cell: Cell) -> None:
    first, second, mean = cell.rounded("beta_1"), cell.rounded("beta_2"), cell.slots["mean"]
    cell.variable.assign_sub(cell.rate * tf.sign(mean * first + cell.gradient * (1.0 - first)))
    mean.assign(mean * second + cell.gradient * (1.0 - second))


def _zeros(*names: str, **where: str) -> Callable[[Mapping[str, Any]], Mapping[str, float]]:
    """Slots that start at zero: these, and one for each option that is on: `option="slot"`."""

    def slots(options: Mapping[str, Any]) -> Mapping[str, float]:
        return dict.fromkeys([*names, *(slot for option, slot in where.items() if options[option])], 0.0)

    return slots


METHODS: Mapping[str, Method] = {
    "sgd": Method(_zeros(momentum="momentum"), _sgd),
    "rmsprop": Method(_zeros("square", momentum="momentum", centered="mean"), _rmsprop),
    "adam": Method(_zeros("mean", "square", amsgrad="largest"), _adam),
    "adamw": Method(_zeros("mean", "square", amsgrad="largest"), _adamw),
    "adamax": Method(_zeros("mean", "largest"), _adamax),
    "adagrad": Method(lambda options: {"total": options["initial_accumulator_value"]}, _adagrad),
    "adadelta": Method(_zeros("square", "steps"), _adadelta),
    "lion": Method(_zeros("mean"), _lion),
}
"""One method an optimiser. One that is missing here is trained one run at a time."""
