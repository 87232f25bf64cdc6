"""Operations that join tensors."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from composing.carriers import Shared
from composing.makers import conv, dense, spatial
from composing.movers import pooled
from composing.truth import Form
from composing.workshop import FUNCTIONS, Dial, operation

JOINS = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
OPERATORS = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
    "Maximum": keras.ops.maximum,
    "Minimum": keras.ops.minimum,
}


def joined(w, x, y, how, operator=False):
    """A tensor of two of equal shapes."""
    if operator and how in OPERATORS:
        w.layers[f"operator {how}"] += 1
        value = OPERATORS[how](x.value, y.value)
        w.log.append(f"{value.name} = operator {how}({x.value.name}, {y.value.name})")
    else:
        value = w.made(getattr(layers, how)(**w.options(w.name(how.lower()))), [x.value, y.value], [x, y])
    w.account.tie(x, y)
    if x.places != y.places:
        w.account.pin(x)
    known = Shared(w.account.label)
    forms = [_joined(how, a, b, known) for a, b in zip(x.forms, y.forms, strict=True)]
    return x.now(value, forms=tuple(forms))


def _joined(how, a, b, known):
    if how == "Add":
        return a.plus(b)
    if how == "Subtract":
        return a.plus(b.scaled(-1.0))
    if how == "Average":
        return a.plus(b).scaled(0.5)
    if how == "Multiply" and any(not f.terms and f.const == 0 for f in (a, b)):
        return Form()
    if a.terms and b.terms and a.const == b.const == 0:
        (first, s), (second, t) = a.direction, b.direction
        if how == "Multiply":
            return Form(((known[first, second], s * t),))
        return Form(((known[first, second, t / s, np.sign(s)], abs(s)),))
    return Form(((known[repr(a), repr(b)], 1.0),))


def partner(w, x, step):
    """Another tensor of the same shape, or the same one."""
    fit = [t for t in w.tensors if t.shape == x.shape and t.axis == x.axis and t.value.dtype == x.value.dtype]
    return fit[-1 - step.other % len(fit)]


@operation
def join(w, x, step, dial):
    y = partner(w, x, step)
    w.read.add(id(y.value))
    return joined(w, x, y, dial(*JOINS), operator=dial(False, True))


@operation
def residual(w, x, step, dial):
    """x and what a layer makes of it, joined."""
    how, operator = dial(*JOINS), dial(False, True)
    wide = _Like(step, x.shape[x.axis])
    flat = len(x.shape) == 1
    if not flat and not x.plain:
        return None
    y = dense(w, x, wide, dial) if flat else conv(w, x, wide, dial, same=True)
    if y is None or y.shape != x.shape or y.value.dtype != x.value.dtype:
        return y
    return joined(w, x, y, how, operator)


class _Like:
    def __init__(self, step, units):
        self.units, self.plants, self.style, self.other = units, step.plants, step.style, step.other


@operation
def densely(w, x, step, dial):
    """x, and beside it what a layer makes of it."""
    operator = dial(False, True)
    y = dense(w, x, step, dial) if len(x.shape) == 1 else conv(w, x, step, dial, same=True)
    if y is None or y.axis != x.axis:
        return y
    return beside(w, x, y, operator)


def beside(w, x, y, operator=False):
    values = [x.value, y.value]
    if operator:
        value = keras.ops.concatenate(values, axis=x.axis + 1)
        w.layers["operator Concatenate"] += 1
        w.log.append(f"{value.name} = concatenate({x.value.name}, {y.value.name})")
    else:
        value = w.made(layers.Concatenate(axis=x.axis + 1, **w.options(w.name("concatenate"))), values, [x, y])
    forms = x.forms + y.forms
    return x.now(value, forms=forms).__class__(value, x.axis, x.ids + y.ids, x.places + y.places, forms)


@operation
def concatenate(w, x, step, dial):
    def fits(t):
        alike = len(t.shape) == len(x.shape) and t.axis == x.axis and t.value.dtype == x.value.dtype
        return alike and all(a == b for k, (a, b) in enumerate(zip(t.shape, x.shape, strict=True)) if k != x.axis)

    fit = [t for t in w.tensors if fits(t)]
    y = fit[-1 - step.other % len(fit)]
    if len(x.ids) + len(y.ids) > 200:
        return None
    w.read.add(id(y.value))
    return beside(w, x, y, dial(False, True))


@operation
def below(w, x, step, dial):
    """Two maps, one behind the other along a spatial axis."""
    y = partner(w, x, step)
    axes = [axis for axis in range(len(x.shape)) if axis != x.axis]
    if not axes or x.shape[axes[0]] > 20:
        return None
    w.read.add(id(y.value))
    axis = dial(*axes)
    layer = layers.Concatenate(axis=axis + 1, **w.options(w.name("below")))
    value = w.made(layer, [x.value, y.value], [x, y])
    w.account.tie(x, y)
    if x.places != y.places:
        w.account.pin(x)
    return x.now(value, forms=tuple(_both(a, b, value.name) for a, b in zip(x.forms, y.forms, strict=True)))


def _both(a, b, tag):
    first, second = a.renamed((tag, 0)), b.renamed((tag, 1))
    if a.const == b.const:
        return Form(first.terms + second.terms, a.const)
    consts = tuple(((tag, place), const) for place, const in (("first", a.const), ("second", b.const)) if const)
    return Form((*first.terms, *second.terms, *consts))


@operation
def excite(w, x, step, dial):
    """Squeeze and excite."""
    if len(spatial(x)) != 2 or not x.plain:
        return None
    small = pooled(w, x, average=True, whole=True, keep=True)
    less = conv(w, small, _Less, Dial(0), window=1)
    if less is None:
        return small
    more = conv(w, less, _Like(step, x.shape[x.axis]), Dial(FUNCTIONS.index("sigmoid")), window=1)
    if more is None or more.value.dtype != x.value.dtype:
        return None
    value = w.made(layers.Multiply(**w.options(w.name("multiply"))), [x.value, more.value], [x, more])
    w.account.tie(x, more)
    known = Shared(w.account.label)
    forms = tuple(_joined("Multiply", a, b, known) for a, b in zip(x.forms, more.forms, strict=True))
    return x.now(value, forms=forms)


class _Less:
    units, plants, style, other = 3, ("duplicate",), 0, 0
