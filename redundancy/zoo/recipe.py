"""A recipe: everything that defines a trained network but its seed, as frozen, hashable data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from redundancy.errors import RecipeError
from redundancy.zoo import serialization
from redundancy.zoo.choices import Initializer, Optimizer
from redundancy.zoo.fields import checked, choice, flag, number, text, whole
from redundancy.zoo.layer import INPUT, Layer

DTYPES = ("float16", "bfloat16", "float32", "float64")
"""The dtypes that a network may be trained in: its weights, its arithmetic and its optimiser's state."""

_MAKERS = ("conv", "dense")
_NO_LOGITS = ("log_softmax", "softmax", "sigmoid", "log_sigmoid")


@dataclass(frozen=True, slots=True)
class Twins:
    """Two units of one layer that start equal. Later twins see what earlier ones have set.

    Attributes:
        layer: The name of a conv or dense layer.
        units: (i, j): unit j is set from unit i.
        factor: Unit j's kernel and bias are `factor` times those of i.
        outgoing: Every consumer's weights for j are set equal to those for i: equal whatever the factor, so that
            twins that see the same gradient are those with a factor of 1. The consumers may lie behind
            activations, BatchNormalization, Dropout, pooling, Flatten, Add and Concatenate. Behind an Add they
            are twins only if the units of the other branches are twins too, which is for the recipe to say.

    Raises:
        RecipeError: A value is not what it has to be.
    """

    layer: str
    units: tuple[int, int]
    factor: float = 1.0
    outgoing: bool = True

    def __post_init__(self) -> None:
        what = f"twins in {self.layer!r}"
        checked("the layer of twins", self.layer, text)
        object.__setattr__(self, "units", checked(f"the units of {what}", self.units, _two_units))
        object.__setattr__(self, "factor", checked(f"the factor of {what}", self.factor, number()))
        checked(f"outgoing of {what}", self.outgoing, flag)
        if self.factor == 0.0:
            raise RecipeError(f"the factor of {what} is 0, which makes unit {self.units[1]} constant; give another one")

    def __str__(self) -> str:
        factor = "" if self.factor == 1.0 else f" times {self.factor:g}"
        return f"{self.layer}[{self.units[0]}, {self.units[1]}]{factor}{'' if self.outgoing else ' incoming only'}"


def _two_units(given: Iterable[object]) -> tuple[int, int]:
    try:
        first, second = (whole(0)(unit) for unit in given)
    except (TypeError, ValueError):
        raise ValueError("two whole numbers from 0 up") from None
    if first == second:
        raise ValueError("two different units")
    return first, second


# No slots: the cached digest needs an instance dictionary.
@dataclass(frozen=True)
class Recipe:
    """Everything that defines a trained network but its seed. The loss is cross-entropy, from logits.

    Attributes:
        architecture: The layers in order; each has its name and what it reads filled in. The last one gives the
            logits, so its output is one number a class and has no softmax.
        initializer: Of every kernel; biases start at zero. A name stands for one with Keras's defaults.
        optimizer: A name stands for one with Keras's defaults.
        learning_rate: Above 0.
        steps: Batches to train on; 0 for an untrained network.
        batch_size: Images in a batch; batches run on across the ends of epochs, so all have this size.
        regularizer: ("l1" or "l2", factor) on every kernel, or None.
        twins: Units that start equal.
        data: The name of the data set.
        dtype: One of `DTYPES`.

    Raises:
        RecipeError: Nothing can be trained from it, and why.
    """

    architecture: tuple[Layer, ...]
    initializer: Initializer | str = "glorot_uniform"
    optimizer: Optimizer | str = "adam"
    learning_rate: float = 1e-3
    steps: int = 200
    batch_size: int = 128
    regularizer: tuple[str, float] | None = None
    twins: tuple[Twins, ...] = ()
    data: str = "mnist-5k"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        canonical = {
            "architecture": _placed(_all("architecture", self.architecture, Layer)),
            "initializer": Initializer.of(self.initializer),
            "optimizer": Optimizer.of(self.optimizer),
            "learning_rate": checked("the learning rate", self.learning_rate, number(0.0, above=True)),
            "steps": checked("steps", self.steps, whole(0)),
            "batch_size": checked("the batch size", self.batch_size, whole(1)),
            "regularizer": checked("the regularizer", self.regularizer, _regularizer),
            "twins": _all("twins", self.twins, Twins),
            "data": checked("data", self.data, _data),
            "dtype": checked("dtype", self.dtype, choice(*DTYPES)),
        }
        for name, value in canonical.items():
            object.__setattr__(self, name, value)
        _check_end(self.architecture[-1])
        for twins in self.twins:
            _check_twins(twins, self.architecture)

    def to_json(self) -> str:
        """The recipe as one line of JSON; equal recipes give equal text."""
        return serialization.dumps({field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_json(cls, source: str) -> Recipe:
        """The recipe that `to_json` wrote, or that somebody wrote by hand: what has a default may be left out.

        Raises:
            RecipeError: It is not JSON, has unknown keys or lacks some, or has values that no recipe has.
        """
        return cls(**serialization.loads(source, cls, _CLASSES))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def outline(self) -> str:
        """The layers in order, as one line."""
        return " -> ".join(_told(self.architecture))

    def __str__(self) -> str:
        parts = [
            self.outline,
            str(self.initializer),
            f"{self.optimizer} at {self.learning_rate:g}",
            f"{self.steps} steps of {self.batch_size}" if self.steps else "untrained",
            f"{self.regularizer[0]} {self.regularizer[1]:g}" if self.regularizer else "",
            f"twins {', '.join(map(str, self.twins))}" if self.twins else "",
            ascii(self.data)[1:-1],
            self.dtype,
        ]
        return "; ".join(part for part in parts if part)


_CLASSES: dict[str, serialization.Kind | list[serialization.Kind]] = {
    "architecture": [Layer],
    "initializer": Initializer,
    "optimizer": Optimizer,
    "twins": [Twins],
}


def _all(what: str, given: object, kind: type) -> tuple[Any, ...]:
    items = tuple(given) if isinstance(given, Iterable) else (given,)
    for item in items:
        if not isinstance(item, kind):
            raise RecipeError(f"{what} must hold only {kind.__name__} values, not {item!r}")
    return items


def _told(layers: tuple[Layer, ...]) -> list[str]:
    """Each layer, with its name and what it reads where these are not the usual ones."""
    usual = _names(tuple(replace(layer, name="") for layer in layers))
    told = []
    for place, layer in enumerate(layers):
        before = layers[place - 1].name if place else INPUT
        name = "" if layer.name == usual[place] else f"{layer.name}: "
        reads = "" if layer.inputs == (before,) else f" of {', '.join(layer.inputs)}"
        told.append(f"{name}{layer}{reads}")
    return told


def _data(given: object) -> str:
    # The path of a file is a name too.
    if not isinstance(given, str) or not given:
        raise ValueError("the name of a data set")
    return given


def _regularizer(given: Iterable[object] | None) -> tuple[str, float] | None:
    if given is None:
        return None
    try:
        name, factor = given
        return choice("l1", "l2")(name), number(0.0)(factor)
    except (TypeError, ValueError):
        raise ValueError("None, ('l1', factor) or ('l2', factor) with a factor from 0 up") from None


def _placed(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers with their names and what they read."""
    if not layers:
        raise RecipeError("the architecture has no layers; give at least one")
    names = _names(layers)
    before = INPUT
    read: set[str] = set()
    known = {INPUT}
    placed: list[Layer] = []
    for layer, name in zip(layers, names, strict=True):
        inputs = layer.inputs or (before,)
        for source in inputs:
            if source not in known:
                raise RecipeError(f"layer {name!r} reads {source!r}, which is no layer before it; name one that is")
        read.update(inputs)
        known.add(name)
        placed.append(layer.placed(name, inputs))
        before = name
    unread = [name for name in names[:-1] if name not in read]
    if unread:
        raise RecipeError(f"no layer reads {unread[0]!r}, so it would not be trained; read it or leave it out")
    return tuple(placed)


def _names(layers: tuple[Layer, ...]) -> list[str]:
    numbers: dict[str, int] = {}
    names = []
    for layer in layers:
        numbers[layer.kind] = numbers.get(layer.kind, 0) + 1
        names.append(layer.name or f"{layer.kind}_{numbers[layer.kind]}")
    taken = {INPUT}
    for name in names:
        if name in taken:
            raise RecipeError(f"the name {name!r} is taken; give every layer a name of its own")
        taken.add(name)
    return names


def _check_end(last: Layer) -> None:
    function = last.options.get("activation") or last.options.get("function")
    if function in _NO_LOGITS:
        raise RecipeError(f"the last layer ends in {function}, but the loss takes logits; leave the activation out")


def _check_twins(twins: Twins, layers: tuple[Layer, ...]) -> None:
    makers = {layer.name: layer.options["units"] for layer in layers if layer.kind in _MAKERS}
    if twins.layer not in makers:
        raise RecipeError(f"twins in {twins.layer!r}: no conv or dense layer has that name; there are {list(makers)}")
    units = makers[twins.layer]
    if isinstance(units, int) and max(twins.units) >= units:
        raise RecipeError(f"twins in {twins.layer!r}: it has no unit {max(twins.units)}, only {units} of them from 0")
