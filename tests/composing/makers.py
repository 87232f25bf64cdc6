"""Layers that make units, with what is planted among them."""

from __future__ import annotations

from math import prod

import numpy as np
from keras import layers

from composing.truth import ODD, POSITIVE, TURNED, Form, Tensor
from composing.workshop import ENTRIES, FUNCTIONS, Dial, assigned, operation

SYMMETRIC = (*ODD, *TURNED, "relu6", "sparse_sigmoid", "linear")


def plan(n, plants, rng):
    """(what, unit, the unit that it is made of, a third one): each unit is planted once, and out of plain ones."""
    order, found = rng.permutation(n).tolist(), []
    free = [*order]
    for k, what in enumerate(plants):
        if len(free) < 3:
            break
        unit = free.pop()
        found.append((what, unit, k))
    return [(what, unit, free[k % len(free)], free[(k + 1) % len(free)]) for what, unit, k in found]


def sure(w, x):
    """Whether what a kernel reads is unrelated, so that unequal kernels make unequal units."""
    labels = [form.terms[0][0] for form in x.forms if len(form.terms) == 1]
    w.varied = w.varied and any(form.terms for form in x.forms)
    return w.varied and len(set(labels)) == len(x.forms) and not w.account.unused & set(x.ids)


def planted(w, name, kernel, bias, function, plants, apart, groups=1):
    """Plants in weights whose last axis is that of the units; their forms after the function.

    Args:
        w: The workshop.
        name: Of the layer.
        kernel: Shape (..., units); changed in place.
        bias: Shape (..., units), or None; changed in place.
        function: That the layer applies.
        plants: What to plant, in each group alike.
        apart: Units with unequal weights are unequal: what does not fold is a decoy.
        groups: Of units.
    """
    n = kernel.shape[-1]
    ids = w.account.make(name, n)
    if "ulp" in plants:
        # Twins in the last place are twins of what is stored, and so is whatever else is made of them.
        for array in (kernel, bias):
            if array is not None:
                array[...] = array.astype(np.float32)
    forms, size, decoys = list(w.account.fresh(n)), n // groups, []
    for what, j, i, k in plan(size, plants, w.rng):
        w.log.append(f"    {name}: unit {j} is {what} of {i}")
        for group in range(groups):
            base = group * size
            units = (base + j, base + i, base + k)
            forms[base + j] = _one(w, (name, ids), what, units, kernel, bias, forms, function, decoys)
    if apart:
        w.decoys += decoys
    if function != "linear":
        forms = list(w.account.bent(forms, function))
    return Tensor(None, 0, ids, (0,) * n, tuple(forms))


def _one(w, maker, what, units, kernel, bias, forms, function, decoys):
    (name, ids), (j, i, k) = maker, units
    w.planted[what] += 1
    fresh = w.account.fresh(1)[0]
    arrays = [kernel] if bias is None else [kernel, bias]
    if what in ("duplicate", "scaled", "flipped"):
        factor = {"duplicate": 1.0, "scaled": float(w.rng.choice([2.0, 0.25])), "flipped": -1.0}[what]
        for array in arrays:
            array[..., j] = factor * array[..., i]
        wrong = (what == "scaled" and function not in (*POSITIVE, "linear")) or (
            what == "flipped" and function not in SYMMETRIC
        )
        if wrong:
            decoys.append((name, j, i, f"{what} under {function}"))
        return forms[i].scaled(factor)
    if what in ("constant", "dead"):
        kernel[..., j] = 0.0
        value = 0.0
        if bias is not None:
            bias[..., j] = value = float(w.rng.choice([0.5, 0.75, 1.5])) * (-1.0 if what == "dead" else 1.0)
        return Form((), value)
    if what == "unused":
        w.account.unused.add(ids[j])
        return fresh
    if what == "dependent":
        for array in arrays:
            array[..., j] = 0.5 * array[..., i] + 0.25 * array[..., k]
        return forms[i].scaled(0.5).plus(forms[k].scaled(0.25))
    if what == "shifted":
        if bias is None:
            return fresh
        kernel[..., j] = kernel[..., i]
        if function != "linear":
            decoys.append((name, j, i, f"shifted under {function}"))
            return fresh
        return Form(forms[i].terms, float(np.mean(bias[..., j] - bias[..., i]))) if bias.ndim == 1 else fresh
    if what == "ulp":
        return _ulp(w, name, (j, i), kernel, bias, function, decoys) or fresh
    if what == "edge":
        flat = kernel[..., j].reshape(-1)
        flat[:] = (
            np.resize([1.0, -1.0], len(flat)) if len(flat) % 2 == 0 else [*np.resize([1.0, -1.0], len(flat) - 1), 0]
        )
        kernel[..., j] = flat.reshape(kernel[..., j].shape)
        return fresh
    # A copy, but for one entry.
    for array in arrays:
        array[..., j] = array[..., i]
    kernel[(0,) * (kernel.ndim - 1)][j] += 0.5
    if function != "linear":
        decoys.append((name, j, i, f"partial under {function}"))
    return fresh


def _ulp(w, name, units, kernel, bias, function, decoys):
    j, i = units
    for array in (kernel, bias):
        if array is not None:
            array[..., j] = array[..., i]
    column = kernel[..., j].astype(np.float32).reshape(-1)
    largest = int(np.argmax(np.abs(column)))
    column[largest] = np.nextafter(column[largest], np.float32(np.inf))
    kernel[..., j] = column.reshape(kernel[..., j].shape)
    if function != "linear" and w.dtype != "mixed":
        decoys.append((name, j, i, f"one-ulp twin under {function}"))


def kernel_of(w, *shape, fan):
    return w.normal(*shape, scale=1.0 / np.sqrt(fan))


def muted(w, x, kernel, axis):
    """Zeros where units are read that nobody uses."""
    for index, unit in enumerate(x.ids):
        if unit in w.account.unused:
            np.moveaxis(kernel, axis, 0)[index] = 0.0


def bias_of(w, n, dial, x):
    # Keras adds a bias along the last axis of a map with channels first, if that has as many entries as units.
    biased = dial(True, True, True, False) and x.last
    return w.normal(*np.atleast_1d(n), scale=0.5) if biased else None


def built(w, layer, x, forms, size, axis=None):
    """The tensor of a layer that makes units, with its weights."""
    value = w.made(layer, x.value, [x])
    w.sizes[layer.name] = size
    rank = len(value.shape) - 1
    return Tensor(value, rank - 1 if axis is None else axis, forms.ids, forms.places, forms.forms)


@operation
def dense(w, x, step, dial, bound=None):
    if not x.last:
        return None
    name, function = w.name("dense"), bound or dial(*FUNCTIONS)
    bias = bias_of(w, step.units, dial, x)
    kernel = kernel_of(w, x.shape[-1], step.units, fan=x.shape[-1])
    w.account.tap(x, fixed=False)
    forms = planted(w, name, kernel, bias, function, step.plants, sure(w, x))
    muted(w, x, kernel, 0)
    layer = layers.Dense(step.units, activation=function, use_bias=bias is not None, **w.options(name))
    tensor = built(w, layer, x, forms, ("kernel", -1, 1))
    store(layer, kernel, bias)
    return tensor


def store(layer, kernel, bias):
    assigned(layer.kernel, kernel)
    if bias is not None:
        assigned(layer.bias, bias)


def spatial(x):
    """Extents of a map's spatial axes; none where it is no map with channels at one end."""
    if x.last:
        return x.shape[:-1]
    return x.shape[1:] if x.axis == 0 else ()


def form_of(x):
    return "channels_last" if x.last else "channels_first"


@operation
def conv(w, x, step, dial, same=False, window=None):
    extents = spatial(x)
    rank = len(extents)
    # A processor convolves maps with channels first in float32 only.
    if not 1 <= rank <= 3 or (not x.last and w.dtype != "float32"):
        return None
    name, function = w.name("conv"), dial(*FUNCTIONS)
    bias = bias_of(w, step.units, dial, x)
    size = tuple(dial(1, 2, 3) for _ in range(rank)) if window is None else (window,) * rank
    paddings = ("valid", "same", "causal") if rank == 1 and x.last else ("valid", "same")
    padding = "same" if same else dial(*paddings)
    strides, dilation = (1, 1) if same else dial((1, 1), (1, 1), (2, 1), (1, 2), (3, 1))
    groups = 1 if same else dial(1, 1, 1, 2, 3)
    if x.shape[x.axis] % groups or step.units % groups or not x.plain:
        groups = 1
    dilation = 1 if groups > 1 else dilation
    if any(n < (k - 1) * dilation + 1 for n, k in zip(extents, size, strict=True)):
        return None
    read = x.shape[x.axis]
    kernel = kernel_of(w, *size, read // groups, step.units, fan=prod(size) * read // groups)
    if groups > 1:
        w.account.blocks.append((x.ids, groups))
    w.account.tap(x, fixed=padding != "valid" and prod(size) != 1)
    forms = planted(w, name, kernel, bias, function, step.plants, sure(w, x) and groups == 1, groups)
    per, made = read // groups, step.units // groups
    for index, unit in enumerate(x.ids):
        if unit in w.account.unused:
            kernel[..., index % per, (index // per) * made : (index // per + 1) * made] = 0.0
    if groups > 1:
        w.account.blocks.append((forms.ids, groups))
    cls = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[rank - 1]
    layer = cls(
        *(step.units, size),
        strides=strides,
        dilation_rate=dilation,
        padding=padding,
        groups=groups,
        data_format=form_of(x),
        activation=function,
        use_bias=bias is not None,
        **w.options(name),
    )
    tensor = built(w, layer, x, forms, ("kernel", -1, 1), None if x.last else 0)
    store(layer, kernel, bias)
    return tensor


@operation
def transposed(w, x, step, dial):
    extents = spatial(x)
    rank = len(extents)
    if not 1 <= rank <= 3 or prod(extents) > 60 or not x.last:
        return None
    name, function = w.name("transposed"), dial(*FUNCTIONS)
    bias = bias_of(w, step.units, dial, x)
    size, strides = tuple(dial(1, 2, 3) for _ in range(rank)), dial(1, 2)
    padding = dial("valid", "same")
    read = x.shape[x.axis]
    kernel = kernel_of(w, *size, read, step.units, fan=prod(size) * read)
    w.account.tap(x, fixed=prod(size) != 1 or strides != 1)
    forms = planted(w, name, kernel, bias, function, step.plants, sure(w, x))
    muted(w, x, kernel, -2)
    cls = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)[rank - 1]
    layer = cls(
        *(step.units, size),
        strides=strides,
        padding=padding,
        data_format=form_of(x),
        activation=function,
        use_bias=bias is not None,
        **w.options(name),
    )
    tensor = built(w, layer, x, forms, ("kernel", -2, 1), None if x.last else 0)
    store(layer, np.swapaxes(kernel, -1, -2), bias)
    return tensor


@operation
def einsum(w, x, step, dial):
    rank = len(x.shape)
    if not x.last or rank > 3:
        return None
    name, function = w.name("einsum"), dial(*FUNCTIONS)
    letters = "abc"[: rank - 1]
    kernel = kernel_of(w, x.shape[-1], step.units, fan=x.shape[-1])
    bias = bias_of(w, step.units, dial, x)
    w.account.tap(x, fixed=False)
    forms = planted(w, name, kernel, bias, function, step.plants, sure(w, x))
    muted(w, x, kernel, 0)
    # Of two axes without names Keras states the extents in the wrong order.
    dots = dial(False, True) and rank < 3
    layer = layers.EinsumDense(
        "...x,xy->...y" if dots else f"z{letters}x,xy->z{letters}y",
        output_shape=step.units if dots else (*x.shape[:-1], step.units),
        bias_axes=None if bias is None else "y",
        activation=function,
        **w.options(name),
    )
    tensor = built(w, layer, x, forms, ("kernel", -1, 1))
    store(layer, kernel, bias)
    return tensor


@operation
def embedding(w, x, step, dial):
    if "int" not in str(x.value.dtype):
        return None
    name = w.name("embedding")
    table = w.normal(7, step.units)
    forms = planted(w, name, table, None, "linear", step.plants, False)
    layer = layers.Embedding(7, step.units, **w.options(name))
    tensor = built(w, layer, x, forms, ("embeddings", -1, 1))
    assigned(layer.embeddings, table)
    return tensor


@operation
def generator(w, x, step, dial):
    """A Dense layer whose units are laid out as a map."""
    if len(x.shape) != 1:
        return None
    grid, name, function = dial((2, 3), (4,), (2, 2, 2)), w.name("generator"), dial(*FUNCTIONS)
    places = prod(grid)
    kernel = kernel_of(w, x.shape[-1], places, step.units, fan=x.shape[-1])
    bias = w.normal(places, step.units, scale=0.5) if dial(True, False) else None
    w.account.tap(x, fixed=False)
    forms = planted(w, name, kernel, bias, function, step.plants, sure(w, x))
    muted(w, x, kernel, 0)
    layer = layers.Dense(places * step.units, activation=function, use_bias=bias is not None, **w.options(name))
    flat = built(w, layer, x, forms, ("kernel", -1, places))
    store(layer, kernel.reshape(x.shape[-1], -1), None if bias is None else bias.reshape(-1))
    reshape = layers.Reshape((*grid, step.units), **w.options(w.name("reshape")))
    return flat.now(w.made(reshape, flat.value, [flat]), len(grid))


def head(w, x):
    """An output behind a tensor."""
    from composing.movers import flatten, pooled

    if w.rng.random() < 0.15:
        return x
    if len(x.shape) > 1 and prod(x.shape) <= ENTRIES and w.rng.random() < 0.6:
        x = flatten(w, x, None, None)
    elif len(x.shape) > 1 and (x.last or x.axis == 0) and len(x.shape) <= 4:
        x = pooled(w, x, bool(w.rng.random() < 0.5), whole=True)
    if not x.last:
        return x
    return dense(w, x, _Head(), Dial(0), bound="linear")


class _Head:
    units, plants = 3, ()
