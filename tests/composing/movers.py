"""Layers that pool values, move them, or lay them out in another way."""

from __future__ import annotations

from math import prod

import numpy as np
from keras import layers, ops

from composing.carriers import Shared
from composing.makers import form_of, spatial
from composing.truth import Form, Tensor
from composing.workshop import ENTRIES, operation


def widest(w, x, tag):
    """Forms after a maximum over a window: an order, which positive factors and shifts leave as it is."""
    known, forms = Shared(w.account.label), []
    for form in x.forms:
        if not form.terms:
            forms.append(form)
            continue
        direction, factor = form.direction
        forms.append(Form(((known[direction, np.sign(factor)], abs(factor)),), form.const))
    return tuple(forms)


def pooled(w, x, average, whole, keep=False, dial=None):
    rank = len(spatial(x))
    kind = "Average" if average else "Max"
    if w.dtype != "float32" and rank == 3 and not whole:
        return None
    if whole:
        layer = getattr(layers, f"Global{kind}Pooling{rank}D")(
            keepdims=keep, data_format=form_of(x), **w.options(w.name("pool"))
        )
    else:
        size = tuple(min(dial(2, 3), n) for n in spatial(x))
        layer = getattr(layers, f"{kind}Pooling{rank}D")(
            size[0] if rank == 1 else size,
            strides=dial(None, 1, 2),
            padding=dial("valid", "same"),
            data_format=form_of(x),
            **w.options(w.name("pool")),
        )
    value = w.made(layer, x.value, [x])
    forms = tuple(f.renamed(layer.name) for f in x.forms) if average else widest(w, x, layer.name)
    return x.now(value, axis=0 if whole and not keep else x.axis, forms=forms)


@operation
def pool(w, x, step, dial):
    return pooled(w, x, dial(False, True), False, dial=dial) if 1 <= len(spatial(x)) <= 3 else None


@operation
def global_pool(w, x, step, dial):
    return pooled(w, x, dial(False, True), True, keep=dial(False, True)) if 1 <= len(spatial(x)) <= 3 else None


@operation
def pad(w, x, step, dial):
    rank = len(spatial(x))
    if not 1 <= rank <= 3 or max(spatial(x)) > 12:
        return None
    amount = tuple((dial(1, 0, 2), dial(0, 1)) for _ in range(rank))
    name = w.name("pad")
    cls = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)[rank - 1]
    layer = cls(amount[0] if rank == 1 else amount, data_format=form_of(x), **w.options(name))
    value = w.made(layer, x.value, [x])
    if not any(n for pair in amount for n in pair):
        return x.renamed(value, name)
    forms = [f.renamed(name) for f in x.forms]
    border = [Form((*f.terms, ((name, "border"), f.const)) if f.const else f.terms) for f in forms]
    return x.now(value, forms=tuple(border))


@operation
def crop(w, x, step, dial):
    rank = len(spatial(x))
    if not 1 <= rank <= 3:
        return None
    amount = tuple((min(dial(1, 0), n - 1), 0) for n in spatial(x))
    name = w.name("crop")
    cls = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)[rank - 1]
    if rank == 1 and not x.last:
        return None
    layout = {} if rank == 1 else {"data_format": form_of(x)}
    layer = cls(amount[0] if rank == 1 else amount, **layout, **w.options(name))
    return x.renamed(w.made(layer, x.value, [x]), name)


@operation
def grow(w, x, step, dial):
    rank = len(spatial(x))
    if not 1 <= rank <= 3 or prod(spatial(x)) > 40 or (rank == 1 and not x.last):
        return None
    name = w.name("grow")
    if rank == 1:
        layer = layers.UpSampling1D(2, **w.options(name))
    elif rank == 2:
        how = dial("nearest", "bilinear")
        layer = layers.UpSampling2D((2, 1), data_format=form_of(x), interpolation=how, **w.options(name))
    else:
        layer = layers.UpSampling3D((1, 2, 1), data_format=form_of(x), **w.options(name))
    return x.renamed(w.made(layer, x.value, [x]), name)


@operation
def flatten(w, x, step, dial):
    if len(x.shape) < 2 or prod(x.shape) > ENTRIES:
        return None
    layout = form_of(x) if x.axis == 0 else "channels_last"
    name = w.name("flatten")
    value = w.made(layers.Flatten(data_format=layout, **w.options(name)), x.value, [x])
    if layout == "channels_first" and not x.last:
        index = np.moveaxis(np.arange(prod(x.shape)).reshape(*x.shape[1:], x.shape[0]), -1, 0)
    else:
        index = np.arange(prod(x.shape)).reshape(x.shape)
    by_unit = np.moveaxis(index, x.axis, -1).reshape(-1, len(x.ids))
    ids, places, forms = ([None] * prod(x.shape) for _ in range(3))
    for position, row in enumerate(by_unit):
        for unit, place in enumerate(row):
            ids[place], places[place] = x.ids[unit], position * 1000 + x.places[unit]
            forms[place] = x.forms[unit].renamed((name, position))
    return Tensor(value, 0, tuple(ids), tuple(places), tuple(forms))


@operation
def permute(w, x, step, dial):
    rank = len(x.shape)
    if rank < 2:
        return None
    orders = [(1, 0)] if rank == 2 else [(1, 0, 2), (2, 0, 1), (0, 2, 1)] if rank == 3 else [(1, 0, *range(2, rank))]
    dims = dial(*orders)
    name = w.name("permute")
    layer = layers.Permute(tuple(d + 1 for d in dims), **w.options(name))
    return x.renamed(w.made(layer, x.value, [x]), name, axis=dims.index(x.axis))


@operation
def merge_axes(w, x, step, dial):
    """A map as a sequence, or a sequence as a map."""
    if len(x.shape) < 2 or not x.last:
        return None
    target = (*((prod(x.shape[:-1]),) if len(x.shape) > 2 else (1, x.shape[0])), x.shape[-1])
    name = w.name("reshape")
    layer = layers.Reshape(target, **w.options(name))
    return x.renamed(w.made(layer, x.value, [x]), name, axis=len(target) - 1)


@operation
def repeat(w, x, step, dial):
    if len(x.shape) != 1 or not x.plain:
        return None
    name = w.name("repeat")
    return x.renamed(w.made(layers.RepeatVector(3, **w.options(name)), x.value, [x]), name, axis=1)


@operation
def split(w, x, step, dial):
    """A vector as a map of half as many channels: legal or not, nothing is required of it."""
    if len(x.shape) != 1 or len(x.ids) % 2:
        return None
    layer = layers.Reshape((2, len(x.ids) // 2), **w.options(w.name("split")))
    return w.opaque(x, w.made(layer, x.value, [x]))


@operation
def taken(w, x, step, dial):
    """Some entries of the last axis, by their places."""
    extent = x.shape[-1]
    if extent < 3:
        return None
    places = dial((0, 2, 1), (2, 0), tuple(range(extent)), (1, 1))
    value = ops.take(x.value, list(places), axis=-1)
    w.layers["operation Take"] += 1
    w.log.append(f"{value.name} = take({x.value.name}, {places})")
    return w.opaque(x, value)


@operation
def cut(w, x, step, dial):
    """A slice: of positions, or of units."""
    rank = len(x.shape)
    along = dial(*range(rank))
    if x.shape[along] < 3:
        return None
    keys = [slice(None)] * (rank + 1)
    keys[along + 1] = dial(slice(1, None), slice(None, -1), slice(None, None, 2))
    value = x.value[tuple(keys)]
    w.layers["operator GetItem"] += 1
    w.log.append(f"{value.name} = {x.value.name}[{keys}]")
    if along != x.axis:
        return x.renamed(value, value.name)
    return w.opaque(x, value)
