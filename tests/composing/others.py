"""Functions as layers, numbers, what does nothing in inference, what the package does not know, and sharing."""

from __future__ import annotations

import keras
from keras import layers

from composing.makers import dense
from composing.truth import Form
from composing.workshop import FUNCTIONS, operation


@keras.saving.register_keras_serializable("composing")
class Twice(layers.Layer):
    """A layer of somebody's own."""

    def call(self, inputs):
        return inputs * 2.0 + 0.1


@operation
def activation(w, x, step, dial):
    function = dial(*FUNCTIONS)
    own = {"relu": layers.ReLU, "leaky_relu": layers.LeakyReLU, "elu": layers.ELU}
    name = w.name("activation")
    as_own = dial(True, False) and function in own
    # Slopes of a layer are others than those of the function.
    layer = own[function](**w.options(name)) if as_own else layers.Activation(function, **w.options(name))
    value = w.made(layer, x.value, [x], function)
    if function == "linear":
        return x.now(value)
    forms = w.account.bent(x.forms, function)
    if as_own and function == "leaky_relu":
        forms = tuple(
            Form((), float(layers.LeakyReLU()([f.const])[0])) if not f.terms else g
            for f, g in zip(x.forms, forms, strict=True)
        )
    return x.now(value, forms=forms)


@operation
def number(w, x, step, dial):
    """Arithmetic with a number."""
    how = dial("2 * x", "1 - x", "-x", "x / 4", "x + 0.5")
    gain, offset = {"2 * x": (2, 0), "1 - x": (-1, 1), "-x": (-1, 0), "x / 4": (0.25, 0), "x + 0.5": (1, 0.5)}[how]
    value = eval(how, {"x": x.value})
    w.layers["operator with a number"] += 1
    w.log.append(f"{value.name} = {how} of {x.value.name}")
    return x.now(value, forms=tuple(form.scaled(float(gain), float(offset)) for form in x.forms))


@operation
def nothing(w, x, step, dial):
    """Dropout."""
    return x.now(w.made(layers.Dropout(0.3, **w.options(w.name("dropout"))), x.value, [x]))


@operation
def unknown(w, x, step, dial):
    """A layer that ties units, or that nobody knows."""
    cls = dial(layers.LayerNormalization, layers.Softmax, Twice, layers.UnitNormalization)
    return w.opaque(x, w.made(cls(**w.options(w.name("unknown"))), x.value, [x]))


@operation
def output(w, x, step, dial):
    """An inner tensor is an output as well."""
    w.outputs.append(x)
    w.account.pin(x)
    w.read.add(id(x.value))


@operation
def shared(w, x, step, dial):
    """A layer, or a model of one or two layers, that is called twice."""
    if not x.last or len(x.shape) > 3:
        return None
    fit = [t for t in w.tensors if t.shape == x.shape and t.axis == x.axis and t.value.dtype == x.value.dtype]
    y = fit[-1 - step.other % len(fit)]
    nested, again = dial("layer", "sequential", "functional"), dial(True, True, False)
    inner, call = stack(w, x, step, dial, nested)
    w.read.add(id(y.value))
    taps = w.account.taps[inner["tap"] :]
    value = w.made(call, x.value, [x])
    first = inner["tensor"].now(value, axis=len(value.shape) - 2)
    if not again:
        return first
    if step.style % 3 == 0 and first.shape == x.shape and first.value.dtype == x.value.dtype:
        y = first
    second = w.made(call, y.value, [y])
    w.account.tie(x, y)
    if x.places != y.places:
        w.account.pin(x)
    for tap in taps:
        tap[3] = True
    w.account.taps.append([y.ids, y.places, y.forms, True])
    tag = ("again", first.value.name)
    w.tensors.append(first)
    return first.now(second, forms=tuple(f.renamed(tag) for f in first.forms))


def stack(w, x, step, dial, nested):
    """One or two Dense layers that are not called yet on x: (what they make, what to call)."""
    start = len(w.account.taps)
    prefix, before = w.name(nested), dict(w.account.makers)
    inlet = keras.Input(x.shape, dtype=x.value.dtype, name=f"{prefix}_input")
    tensor = dense(w, x.now(inlet), step, dial)
    if nested != "layer" and dial(True, False):
        tensor = dense(w, tensor, step, dial)
    made = [name for name in w.account.makers if name not in before]
    if nested == "layer":
        call = keras.Model(inlet, tensor.value).get_layer(made[0])
    else:
        call = keras.Model(inlet, tensor.value, name=prefix)
        if nested == "sequential":
            call = keras.Sequential([inlet, *(call.get_layer(name) for name in made)], name=prefix)

    return {"tap": start, "tensor": tensor}, call
