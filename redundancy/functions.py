"""The functions of one unit, elementwise and in float64, each as Keras defines it.

None of them overflows where its value does not, so that bounds can be taken through them; one whose value does is
infinite, without a warning.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf, expit

from redundancy.network import Array

_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805

SELU_SLOPE = _ALPHA * _SCALE
"""The steepest slope of SELU: just below zero."""


def identity(z: Array) -> Array:
    """phi(z) = z."""
    return z


def relu(z: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """phi(z) = z above the threshold and 0 up to it, cut to [0, max_value]; there, less a multiple of what it lacks."""
    above = np.where(z > threshold, z, 0.0) if threshold else np.maximum(z, 0.0)
    if max_value is not None:
        above = np.clip(above, 0.0, max_value)
    return above - negative_slope * np.maximum(threshold - z, 0.0) if negative_slope else above


def leaky_relu(z: Array, negative_slope: float) -> Array:
    """phi(z) = z above 0, a multiple of z below."""
    return np.where(z > 0, z, negative_slope * z)


def elu(z: Array, alpha: float = 1.0) -> Array:
    """phi(z) = z above 0, alpha (e^z - 1) below."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def selu(z: Array) -> Array:
    """phi(z) = scale elu(z), with the two constants under which activations normalise themselves."""
    return _SCALE * elu(z, _ALPHA)


def celu(z: Array, alpha: float) -> Array:
    """phi(z) = z above 0, alpha (e^(z / alpha) - 1) below."""
    with np.errstate(over="ignore"):
        return np.maximum(z, 0.0) + alpha * np.expm1(np.minimum(z, 0.0) / alpha)


def gelu(z: Array) -> Array:
    """phi(z) = z times the probability that a standard normal variable is below z."""
    return np.asarray(0.5 * z * (1.0 + erf(z / np.sqrt(2.0))))


def gelu_tanh(z: Array) -> Array:
    """phi(z) = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, an approximation of GELU."""
    near = np.clip(z, -100.0, 100.0)
    return np.asarray(0.5 * z * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (near + 0.044715 * near**3))))


def silu(z: Array) -> Array:
    """phi(z) = z sigmoid(z), also called swish."""
    return np.asarray(z * expit(z))


def hard_silu(z: Array) -> Array:
    """phi(z) = z hard_sigmoid(z), also called hard swish."""
    return z * hard_sigmoid(z)


def mish(z: Array) -> Array:
    """phi(z) = z tanh(softplus(z))."""
    return z * np.tanh(softplus(z))


def sigmoid(z: Array) -> Array:
    """phi(z) = 1 / (1 + e^-z)."""
    return np.asarray(expit(z))


def hard_sigmoid(z: Array) -> Array:
    """phi(z) = (z + 3) / 6, cut to [0, 1]."""
    return np.clip(z + 3.0, 0.0, 6.0) / 6.0


def sparse_sigmoid(z: Array) -> Array:
    """phi(z) = (z + 1) / 2, cut to [0, 1]."""
    return 0.5 * (np.clip(z, -1.0, 1.0) + 1.0)


def log_sigmoid(z: Array) -> Array:
    """phi(z) = log(sigmoid(z))."""
    return -softplus(-z)


def softplus(z: Array) -> Array:
    """phi(z) = log(1 + e^z)."""
    return np.logaddexp(z, 0.0)


def squareplus(z: Array, b: float) -> Array:
    """phi(z) = (z + sqrt(z^2 + b)) / 2, for b > 0."""
    root = np.hypot(z, np.sqrt(b))
    # Below zero the sum cancels.
    return np.where(z > 0, (root + z) / 2.0, b / 2.0 / (root + np.abs(z)))


def sparse_plus(z: Array) -> Array:
    """phi(z) = 0 up to -1, z from 1 on, (z + 1)^2 / 4 between."""
    return np.where(z < 1.0, 0.25 * (np.clip(z, -1.0, 1.0) + 1.0) ** 2, z)


def tanh_shrink(z: Array) -> Array:
    """phi(z) = z - tanh(z)."""
    return z - np.tanh(z)


def soft_shrink(z: Array, threshold: float) -> Array:
    """phi(z) = z moved towards 0 by the threshold, and no further than 0."""
    return np.where(z > threshold, z - threshold, np.where(z < -threshold, z + threshold, 0.0))


def hard_shrink(z: Array, threshold: float) -> Array:
    """phi(z) = z, or 0 where |z| is no larger than the threshold."""
    return np.where(np.abs(z) > threshold, z, 0.0)


def hard_tanh(z: Array) -> Array:
    """phi(z) = z, cut to [-1, 1]."""
    return np.clip(z, -1.0, 1.0)


def softsign(z: Array) -> Array:
    """phi(z) = z / (1 + |z|)."""
    return z / (1.0 + np.abs(z))


def threshold(z: Array, threshold: float, default_value: float) -> Array:
    """phi(z) = z, or the default where z is no larger than the threshold."""
    return np.where(z > threshold, z, default_value)


def exponential(z: Array) -> Array:
    """phi(z) = e^z."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(z))


def square(z: Array) -> Array:
    """phi(z) = z^2."""
    with np.errstate(over="ignore"):
        return z * z
