"""Keras models with redundancy planted by hand: their weights, their twins, and what must be true of the result."""

import numpy as np

from redundancy.frameworks.keras import probes
from redundancy.verification import exact_difference
from redundancy.workbench import compact


def weighted(model, seed=0):
    """The model with weights, biases and statistics that are all different."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        values = 0.4 * rng.standard_normal(variable.shape)
        variable.assign(np.abs(values) + 0.3 if "variance" in variable.path else values)
    return model


def copied(layer, source, copy, axis=-1):
    """Makes unit `copy` of a layer equal to unit `source`, in every weight; kernels along an axis."""
    new = []
    for weight in layer.get_weights():
        along = axis if weight.ndim > 1 else -1
        moved = np.moveaxis(weight.copy(), along, -1)
        moved[..., copy] = moved[..., source]
        new.append(np.moveaxis(moved, -1, along))
    layer.set_weights(new)


def gatewise(layer, change):
    """Changes the weights of a recurrent layer in place, each as (..., gates, units)."""
    new = []
    for weight in layer.get_weights():
        wide = weight.copy().reshape(*weight.shape[:-1], -1, layer.units)
        change(wide)
        new.append(wide.reshape(weight.shape))
    layer.set_weights(new)


def checked(model, removed):
    """Compacts, compares in float64, and counts."""
    before = [weight.copy() for weight in model.get_weights()]
    result = compact(model)
    assert len(result.removals) == removed, str(result)
    batch = next(probes.probes(result.original))
    assert exact_difference(result.original, result.network, batch) <= 1e-9
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert compact(result.model).removals == ()
    return result
