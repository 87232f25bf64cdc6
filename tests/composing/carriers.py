"""Layers that hold numbers for every unit that passes: BatchNormalization, depthwise and separable convolutions."""

from __future__ import annotations

from math import prod

import numpy as np
from keras import layers

from composing.makers import bias_of, built, form_of, kernel_of, muted, planted, spatial, sure
from composing.truth import Form, Tensor, rounded
from composing.workshop import FUNCTIONS, assigned, operation


def kin(form):
    """(what it must have in common with others to remain related to them, its factor among those)."""
    if not form.terms:
        return ("constant", rounded(form.const)), 1.0
    direction, factor = form.direction
    return (direction, 0.0, 0.0) if form.const == 0 else (direction, factor, rounded(form.const)), (
        factor if form.const == 0 else 1.0
    )


class Shared:
    """Numbers that kin have in common."""

    def __init__(self, draw):
        self.draw, self.known = draw, {}

    def __getitem__(self, key):
        if key not in self.known:
            self.known[key] = self.draw()
        return self.known[key]


@operation
def batch_norm(w, x, step, dial):
    name = w.name("batch_norm")
    center, scale, alike = dial(True, False), dial(True, False), dial(True, True, False)
    epsilon = dial(1e-3, 1e-5)
    n = len(x.ids)
    gamma, beta = w.rng.uniform(0.5, 1.5, n) * w.rng.choice([-1, 1], n), w.normal(n, scale=0.5)
    mean, variance = w.normal(n, scale=0.5), w.rng.uniform(0.3, 2.0, n)
    if dial(False, False, False, True):
        gamma[w.rng.integers(n)] = 0.0
    kinds = [kin(form) for form in x.forms]
    if alike:
        first = {}
        for j, (key, factor) in enumerate(kinds):
            i = first.setdefault(key, j)
            relative = factor / kinds[i][1]
            gamma[j], variance[j], mean[j], beta[j] = gamma[i], variance[i], mean[i] * relative, beta[i] * relative
    layer = layers.BatchNormalization(
        axis=x.axis + 1, center=center, scale=scale, epsilon=epsilon, trainable=dial(True, False), **w.options(name)
    )
    value = w.made(layer, x.value, [x], "alike" if alike else "")
    for variable, array in zip(layer.weights, [gamma] * scale + [beta] * center + [mean, variance], strict=True):
        assigned(variable, array)
    stored = np.float64 if w.dtype == "float64" else np.float32
    gains = (gamma if scale else np.ones(n)).astype(stored).astype(np.float64)
    gains = gains / np.sqrt(variance.astype(stored).astype(np.float64) + epsilon)
    shifts = (beta if center else np.zeros(n)).astype(stored).astype(np.float64) - gains * mean.astype(stored)
    known, forms = Shared(w.account.label), []
    for j, (form, (key, factor)) in enumerate(zip(x.forms, kinds, strict=True)):
        if alike and form.terms and gains[j]:
            forms.append(Form(((known[key], factor),)))
        else:
            forms.append(form.scaled(gains[j], shifts[j]))
    return x.now(value, forms=tuple(forms))


def passed(w, x, size, many, *, padded, bias, alike):
    """A kernel for each unit, and what it makes of them: (kernel, bias, ids, places, forms)."""
    n = len(x.ids)
    kernel = w.normal(*size, n, many, scale=1.0 / np.sqrt(prod(size)))
    offsets = w.normal(n, many, scale=0.5) * bias
    kinds = [kin(form) for form in x.forms]
    if alike:
        first = {}
        for j, (key, factor) in enumerate(kinds):
            i = first.setdefault(key, j)
            kernel[..., j, :], offsets[j] = kernel[..., i, :], offsets[i] * factor / kinds[i][1]
    known, ids, places, forms = Shared(w.account.label), [], [], []
    for j, form in enumerate(x.forms):
        key, factor = kinds[j]
        for k in range(many):
            ids.append(x.ids[j])
            places.append(x.places[j] * 10 + k if many > 1 else x.places[j])
            constant = not form.terms and (not padded or form.const == 0)
            if constant:
                value = form.const * float(kernel[..., j, k].sum()) + float(offsets[j, k])
                forms.append(Form((), value))
            elif alike:
                forms.append(Form(((known[key, k], factor),)))
            else:
                forms.append(w.account.fresh(1)[0])
    return kernel, offsets.reshape(-1), tuple(ids), tuple(places), tuple(forms)


@operation
def depthwise(w, x, step, dial):
    extents = spatial(x)
    rank = len(extents)
    if rank not in (1, 2) or len(x.ids) * 3 > 40:
        return None
    name, many, alike = w.name("depthwise"), dial(1, 2, 3), dial(True, True, False)
    size, padding, strides = tuple(dial(1, 2, 3) for _ in range(rank)), dial("valid", "same"), dial(1, 1, 2)
    if any(n < k for n, k in zip(extents, size, strict=True)):
        return None
    bias, function = dial(True, False) and x.last, dial("linear", *FUNCTIONS)
    padded = padding == "same" and prod(size) != 1
    kernel, offsets, ids, places, forms = passed(w, x, size, many, padded=padded, bias=bias, alike=alike)
    cls = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)[rank - 1]
    layer = cls(
        size,
        depth_multiplier=many,
        padding=padding,
        strides=strides,
        data_format=form_of(x),
        use_bias=bias,
        activation=function,
        **w.options(name),
    )
    value = w.made(layer, x.value, [x], "alike" if alike else "")
    assigned(layer.kernel, kernel)
    if bias:
        assigned(layer.bias, offsets)
    if function != "linear":
        forms = w.account.bent(forms, function)
    return Tensor(value, x.axis, ids, places, forms)


@operation
def separable(w, x, step, dial):
    extents = spatial(x)
    rank = len(extents)
    if rank not in (1, 2) or len(x.ids) * 3 > 40:
        return None
    name, many, alike = w.name("separable"), dial(1, 2), dial(True, True, False)
    size, padding = tuple(dial(1, 2, 3) for _ in range(rank)), dial("valid", "same")
    if any(n < k for n, k in zip(extents, size, strict=True)):
        return None
    function = dial(*FUNCTIONS)
    padded = padding == "same" and prod(size) != 1
    depth, _, ids, places, forms = passed(w, x, size, many, padded=padded, bias=False, alike=alike)
    between = Tensor(None, 0, ids, places, forms)
    point = kernel_of(w, *(1,) * rank, len(ids), step.units, fan=len(ids))
    bias = bias_of(w, step.units, dial, x)
    w.account.tap(between, fixed=False)
    made = planted(w, name, point, bias, function, step.plants, sure(w, between))
    muted(w, between, point, -2)
    cls = (layers.SeparableConv1D, layers.SeparableConv2D)[rank - 1]
    layer = cls(
        *(step.units, size),
        depth_multiplier=many,
        padding=padding,
        data_format=form_of(x),
        use_bias=bias is not None,
        activation=function,
        **w.options(name),
    )
    tensor = built(w, layer, x, made, ("pointwise_kernel", -1, 1), None if x.last else 0)
    assigned(layer.depthwise_kernel, depth)
    assigned(layer.pointwise_kernel, point)
    if bias is not None:
        assigned(layer.bias, bias)
    return tensor
