"""Functions as layers, numbers, what does nothing in inference, what the package does not know, and sharing."""

from __future__ import annotations

import keras
from keras import layers

from composing.carriers import Shared, kin
from composing.makers import dense
from composing.truth import Form
from composing.workshop import FUNCTIONS, assigned, operation


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
            Form((), f.const if f.const > 0 else layer.negative_slope * f.const) if not f.terms else g
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
    """A layer that does nothing in inference."""
    spread = {2: layers.SpatialDropout1D, 3: layers.SpatialDropout2D}.get(len(x.shape), layers.Dropout)
    cls = dial(layers.Dropout, layers.GaussianNoise, layers.GaussianDropout, layers.AlphaDropout, spread)
    spatial_first = {"data_format": "channels_first"} if cls is layers.SpatialDropout2D and not x.last else {}
    return x.now(w.made(cls(0.3, **spatial_first, **w.options(w.name("nothing"))), x.value, [x]))


@operation
def rescaled(w, x, step, dial):
    """A scale and a shift, the same for all units."""
    gain, offset = dial(2.0, 0.5, -1.0), dial(0.0, 0.25)
    layer = layers.Rescaling(gain, offset=offset, **w.options(w.name("rescaled")))
    value = w.made(layer, x.value, [x])
    return x.now(value, forms=tuple(form.scaled(gain, offset) for form in x.forms))


@operation
def prelu(w, x, step, dial):
    """Slopes of units, alike for those that are related or each its own."""
    alike, name = dial(True, True, False), w.name("prelu")
    slopes = w.rng.choice([0.25, 0.5, -0.5], len(x.ids)) * w.rng.uniform(0.5, 1.5, len(x.ids))
    kinds, first = [kin(form) for form in x.forms], {}
    for j, (key, _) in enumerate(kinds if alike else ()):
        slopes[j] = slopes[first.setdefault(key, j)]
    others = [axis + 1 for axis in range(len(x.shape)) if axis != x.axis]
    layer = layers.PReLU(shared_axes=others or None, **w.options(name))
    value = w.made(layer, x.value, [x], "alike" if alike else "")
    assigned(layer.alpha, slopes.reshape(layer.alpha.shape))
    known, forms = Shared(w.account.label), []
    for form, (key, factor), slope in zip(x.forms, kinds, slopes, strict=True):
        if not form.terms:
            forms.append(Form((), max(form.const, 0.0) + slope * min(form.const, 0.0)))
        elif alike:
            forms.append(Form(((known[key, factor > 0], abs(factor)),)))
        else:
            forms.append(w.account.fresh(1)[0])
    return x.now(value, forms=tuple(forms))


@operation
def recurrent(w, x, step, dial):
    """A recurrent layer, of whose own units nothing is required."""
    if len(x.shape) != 2 or not x.last or w.dtype == "mixed":  # its initialiser knows no bfloat16
        return None
    name, cls = w.name("recurrent"), dial(layers.SimpleRNN, layers.LSTM, layers.GRU)
    sequences, both = dial(True, False), dial(False, True)
    layer = cls(step.units, return_sequences=sequences, **w.options(name))
    if both:
        layer = layers.Bidirectional(layer, **w.options(w.name("both")))
    value = w.made(layer, x.value, [x])
    for variable in layer.weights:
        assigned(variable, w.normal(*variable.shape, scale=0.4))
    return w.opaque(x, value)


@operation
def attention(w, x, step, dial):
    """Attention of a sequence to itself, or to another one; nothing is required of it."""
    if len(x.shape) != 2 or not x.last:
        return None
    fit = [t for t in w.tensors if len(t.shape) == 2 and t.last and t.value.dtype == x.value.dtype]
    y = fit[-1 - step.other % len(fit)]
    layer = layers.MultiHeadAttention(dial(1, 2), dial(2, 3), value_dim=dial(None, 2), **w.options(w.name("attention")))
    w.read.add(id(y.value))
    value = w.made(layer, [x.value, y.value], [x, y], call=lambda values: layer(*values))
    for variable in layer.weights:
        assigned(variable, w.normal(*variable.shape, scale=0.4))
    w.account.pin(y)
    return w.opaque(x, value)


@operation
def unknown(w, x, step, dial):
    """A layer that ties units, or that nobody knows."""
    cls = dial(
        *(layers.LayerNormalization, layers.Softmax, Twice, layers.UnitNormalization),
        *(layers.RMSNormalization, layers.GroupNormalization),
    )
    groups = {"groups": 1} if cls is layers.GroupNormalization else {}
    return w.opaque(x, w.made(cls(**groups, **w.options(w.name("unknown"))), x.value, [x]))


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
