"""Builds the Keras model of a sketch, and keeps account of what is true of its units."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import keras
import numpy as np

from composing.truth import Account, Tensor

OPERATIONS = {}
"""Every operation of a sketch, by name: (workshop, the tensor it reads, step, dial) -> a tensor, or None if unfit."""

MIXED = ("float32", "float16", "bfloat16", "float64")
SHAPES = {"vector": (5,), "map": (6, 5, 2), "sequence": (8, 3), "volume": (4, 4, 3, 1), "tokens": (6,)}
ENTRIES = 300
"""Along the unit axis, at most: a flattened map that is larger is not made."""

FUNCTIONS = (
    *("relu", "linear", "tanh", "sigmoid", "leaky_relu", "relu6", "elu", "gelu", "softplus", "silu"),
    *("hard_sigmoid", "hard_tanh", "softsign", "selu", "mish", "celu", "hard_silu", "log_sigmoid", "squareplus"),
    *("tanh_shrink", "soft_shrink", "hard_shrink", "sparse_plus", "sparse_sigmoid"),
)


def operation(function):
    OPERATIONS[function.__name__.rstrip("_")] = function
    return function


class Dial:
    """Takes choices out of one number; the first option of each for 0."""

    def __init__(self, number):
        self.number = number

    def __call__(self, *options):
        self.number, chosen = divmod(self.number, len(options))
        return options[chosen]


@dataclass
class Workshop:
    """A model that is being built.

    Attributes:
        log: One line for every layer.
        decoys: (layer, unit, the unit that it looks like, what it is).
        planted: How often each relation was planted.
        varied: No layer read constants alone, so that what is unequal in weights is so in value.
        sizes: How many units a layer makes, from its weights: (attribute, axis, divisor).
    """

    dtype: str
    first: bool
    rng: np.random.Generator
    account: Account = field(default_factory=Account)
    tensors: list = field(default_factory=list)
    read: set = field(default_factory=set)
    outputs: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    log: list = field(default_factory=list)
    decoys: list = field(default_factory=list)
    planted: Counter = field(default_factory=Counter)
    layers: Counter = field(default_factory=Counter)
    sizes: dict = field(default_factory=dict)
    names: Counter = field(default_factory=Counter)
    varied: bool = True

    def name(self, op):
        self.names[op] += 1
        return f"{op}{self.names[op]}"  # Keras names operators with underscores

    def options(self, name):
        dtype = str(self.rng.choice(MIXED)) if self.dtype == "mixed" else self.dtype
        return {"name": name, "dtype": dtype}

    def normal(self, *shape, scale=1.0):
        return scale * self.rng.standard_normal(shape)

    def made(self, layer, values, x, note="", call=None):
        """The output of a layer on tensors, and a line in the log."""
        self.layers[type(layer).__name__ if isinstance(layer, keras.layers.Layer) else "operator"] += 1
        label = getattr(layer, "name", None) or getattr(layer, "__name__", "operator")
        given = ", ".join(t.value.name if isinstance(t, Tensor) else str(t) for t in x)
        result = (call or layer)(values)
        self.log.append(f"{result.name} = {type(layer).__name__} {label}({given}) -> {tuple(result.shape[1:])} {note}")
        return result

    def input(self, kind):
        shape = SHAPES[kind]
        if self.first and len(shape) > 1:
            shape = (shape[-1], *shape[:-1])
        dtype = "int32" if kind == "tokens" else ("float32" if self.dtype == "mixed" else self.dtype)
        name = self.name(kind)
        value = keras.Input(shape, dtype=dtype, name=name)
        self.inputs.append(value)
        axis = 0 if self.first else len(shape) - 1
        ids = self.account.make(name, shape[axis])
        tensor = Tensor(value, axis, ids, (0,) * len(ids), self.account.fresh(len(ids)))
        self.account.pin(tensor)
        self.tensors.append(tensor)
        self.log.append(f"{value.name} = Input {shape} {dtype}")

    def opaque(self, x, value):
        """What a layer gives that nothing is known about; what it reads stays as it is."""
        self.account.pin(x)
        axis = len(value.shape) - 2
        ids = self.account.make(self.name("opaque"), value.shape[-1])
        tensor = Tensor(value, axis, ids, (0,) * len(ids), self.account.fresh(len(ids)))
        self.account.pin(tensor)
        return tensor

    def step(self, step):
        tensors = [t for t in self.tensors if "int" not in str(t.value.dtype) or step.op == "embedding"]
        if not tensors or step.op not in OPERATIONS:
            return
        x = tensors[-1 - step.at % len(tensors)]
        made = OPERATIONS[step.op](self, x, step, Dial(step.style))
        if made is not None:
            self.read.add(id(x.value))
            self.tensors.append(made)

    def finish(self):
        """Ends every branch in an output."""
        from composing.makers import head

        for tensor in list(self.tensors):
            integer = "int" in str(tensor.value.dtype)
            if id(tensor.value) not in self.read or (integer and id(tensor.value) not in self.read):
                if integer:
                    tensor = OPERATIONS["embedding"](self, tensor, _PLAIN, Dial(0))
                self.outputs.append(head(self, tensor))
        outputs = [tensor.value for tensor in self.outputs]
        for tensor in self.outputs:
            self.account.pin(tensor)
        return keras.Model(self.inputs, outputs if len(outputs) > 1 else outputs[0])


class _Plain:
    units, plants, style, other = 3, (), 0, 0


_PLAIN = _Plain()


def assigned(variable, array):
    variable.assign(np.asarray(array, np.float64).astype("float64"))


def compose(sketch):
    """The workshop and the model of a sketch."""
    workshop = Workshop(sketch.dtype, sketch.first, np.random.default_rng(sketch.seed))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if sketch.dtype == "mixed" else sketch.dtype)
    try:
        for kind in sketch.inputs:
            workshop.input(kind)
        for number, step in enumerate(sketch.steps):
            workshop.rng = np.random.default_rng([sketch.seed, number])
            workshop.step(step)
        workshop.rng = np.random.default_rng([sketch.seed, 10**6])
        return workshop, workshop.finish()
    finally:
        keras.config.set_dtype_policy(before)
