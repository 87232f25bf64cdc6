"""What a function of one unit does to an affine relation between two: the algebra of activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

import numpy as np
from scipy.special import erf, expit

from redundancy.network import Array

ENORMOUS = 1e150
"""Beyond it, either way, nothing is said of a value: products with it could overflow."""


class Scale(Enum):
    """Which factors s pass: phi(s z) = s phi(z)."""

    NONE = "none"
    POSITIVE = "positive"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Algebra:
    """A function of one unit, and which relations between units survive it.

    Attributes:
        name: As Keras calls it.
        function: The function itself, elementwise, float64 to float64.
        scale: Which factors pass.
        mirror: K where phi(-z) = K - phi(z) for every z (0 for odd functions, 1 for the sigmoid); None where no K is.
        linear: Every affine relation passes.
        monotone: It never decreases, so that bounds pass through it.
    """

    name: str
    function: Callable[[Array], Array] = field(repr=False)
    scale: Scale = Scale.NONE
    mirror: float | None = None
    linear: bool = False
    monotone: bool = True

    def bounds(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Bounds of phi(z) for z in [low, high]; infinite where nothing is known. Shapes (n,)."""
        if not self.monotone:
            return np.full_like(low, -np.inf), np.full_like(high, np.inf)
        if self.linear:
            return low, high
        # Infinite bounds are cut to huge finite ones, where every function here has reached its limit.
        with np.errstate(over="ignore"):
            return certain(self.function(np.clip(low, -1e300, 1e300)), self.function(np.clip(high, -1e300, 1e300)))


def certain(low: Array, high: Array) -> tuple[Array, Array]:
    """Bounds that further arithmetic can bear: infinite where they are enormous, or no number. Shapes (n,)."""
    return (
        np.where(low >= -ENORMOUS, np.minimum(low, ENORMOUS), -np.inf),
        np.where(high <= ENORMOUS, np.maximum(high, -ENORMOUS), np.inf),
    )


def _elu(z: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def _leaky(z: Array, negative_slope: float = 0.0) -> Array:
    return np.where(z > 0, z, negative_slope * z)


def _soft_shrink(z: Array, threshold: float = 0.5) -> Array:
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)


def _hard_shrink(z: Array, threshold: float = 0.5) -> Array:
    return np.where(np.abs(z) > threshold, z, 0.0)


LINEAR = Algebra("linear", lambda z: z, Scale.ANY, mirror=0.0, linear=True)
MAXIMUM = Algebra("maximum over a window", lambda z: z, Scale.POSITIVE)
"""Max pooling: an order, so positive factors pass and signs do not; a constant stays what it is."""

_SELU = (1.6732632423543772, 1.0507009873554805)

_PLAIN: Mapping[str, Algebra] = {
    algebra.name: algebra
    for algebra in (
        LINEAR,
        Algebra("relu", lambda z: np.maximum(z, 0.0), Scale.POSITIVE),
        Algebra("relu6", lambda z: np.clip(z, 0.0, 6.0)),
        Algebra("tanh", np.tanh, mirror=0.0),
        Algebra("softsign", lambda z: z / (1.0 + np.abs(z)), mirror=0.0),
        Algebra("hard_tanh", lambda z: np.clip(z, -1.0, 1.0), mirror=0.0),
        Algebra("tanh_shrink", lambda z: z - np.tanh(z), mirror=0.0),
        Algebra("soft_shrink", _soft_shrink, mirror=0.0),
        Algebra("hard_shrink", _hard_shrink, mirror=0.0),
        Algebra("sigmoid", expit, mirror=1.0),
        Algebra("hard_sigmoid", lambda z: np.clip(z / 6.0 + 0.5, 0.0, 1.0), mirror=1.0),
        Algebra("softplus", lambda z: np.logaddexp(z, 0.0)),
        Algebra("exponential", np.exp),
        Algebra("selu", partial(_elu, alpha=_SELU[0], scale=_SELU[1])),
        Algebra("gelu", lambda z: 0.5 * z * (1.0 + erf(z / np.sqrt(2.0))), monotone=False),
        Algebra("silu", lambda z: z * expit(z), monotone=False),
        Algebra("mish", lambda z: z * np.tanh(np.logaddexp(z, 0.0)), monotone=False),
        Algebra("log_sigmoid", lambda z: -np.logaddexp(-z, 0.0)),
    )
}

NAMES: tuple[str, ...] = (*_PLAIN, "leaky_relu", "elu")
"""The functions with a known algebra."""


def algebra_of(config: Mapping[str, Any]) -> Algebra | None:
    """The algebra of an activation node's configuration; None where it is not known.

    Args:
        config: "function", and "negative_slope" for leaky_relu, "alpha" for elu.
    """
    name = config["function"]
    if name == "leaky_relu":
        slope = float(config["negative_slope"])
        return Algebra(name, partial(_leaky, negative_slope=slope), Scale.POSITIVE, monotone=slope >= 0)
    if name == "elu":
        alpha = float(config["alpha"])
        return Algebra(name, partial(_elu, alpha=alpha), monotone=alpha >= 0)
    return _PLAIN.get(name)
