"""What a function of one unit does to an affine relation between two: the algebra of activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any

import numpy as np
from scipy.special import erf

from redundancy import functions
from redundancy.network import Array

ENORMOUS = 1e150
"""Beyond it, either way, nothing is said of a value: products with it could overflow."""


class Scale(Enum):
    """Which factors s pass: phi(s z) = s phi(z)."""

    NONE = "none"
    POSITIVE = "positive"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Symmetry:
    """phi(2 center - z) = constant + factor * phi(z), for every z.

    Attributes:
        center: Where z is reflected.
        factor: -1 where phi is symmetric about a point, as the sigmoid; 1 where it is about a line, as |z|.
        constant: 0 for odd and even functions.
    """

    center: float = 0.0
    factor: float = -1.0
    constant: float = 0.0


@dataclass(frozen=True, slots=True)
class Valley:
    """phi never increases up to `at`, and never decreases after it.

    Attributes:
        at: Where it turns.
        least: A lower bound of phi; phi(at), unless phi jumps down behind it.
    """

    at: float
    least: float


@dataclass(frozen=True, slots=True)
class Algebra:
    """A function of one unit, and which relations between units survive it.

    What is said is true for every finite z in real arithmetic, and what is not said is false.

    Attributes:
        name: As Keras calls it.
        function: The function itself, elementwise, float64 to float64.
        scale: Which factors pass.
        shifts: Constants pass: phi(z + c) = phi(z) + c.
        symmetry: How phi looks in a mirror; None where it has no symmetry.
        linear: It is the identity, so that every affine relation passes.
        monotone: It never decreases, so that bounds pass through it.
        valley: Where it turns, if it falls and then rises; None if it does not, or always rises.
        lipschitz: |phi(a) - phi(b)| <= lipschitz * |a - b|, rounded up; infinite where phi jumps or grows too fast.
    """

    name: str
    function: Callable[[Array], Array] = field(repr=False)
    scale: Scale = Scale.NONE
    symmetry: Symmetry | None = None
    linear: bool = False
    shifts: bool = False
    monotone: bool = True
    valley: Valley | None = None
    lipschitz: float = 1.0

    @property
    def mirror(self) -> float | None:
        """K where phi(-z) = K - phi(z) for every z (0 for odd functions, 1 for the sigmoid); None where no K is."""
        known = self.symmetry
        return known.constant if known and known.center == 0.0 and known.factor == -1.0 else None

    def bounds(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Bounds of phi(z) for z in [low, high]; infinite where nothing is known. Shapes (n,)."""
        if self.linear:
            return low, high
        if not self.monotone and self.valley is None:
            return np.full_like(low, -np.inf), np.full_like(high, np.inf)
        # Infinite bounds are cut to huge finite ones, where every function here has reached its limit.
        with np.errstate(over="ignore"):
            first, last = (self.function(np.clip(end, -1e300, 1e300)) for end in (low, high))
        if self.monotone or self.valley is None:
            return certain(first, last)
        turns = (low <= self.valley.at) & (self.valley.at < high)
        return certain(np.where(turns, self.valley.least, np.minimum(first, last)), np.maximum(first, last))


def certain(low: Array, high: Array) -> tuple[Array, Array]:
    """Bounds that further arithmetic can bear: infinite where they are enormous, or no number. Shapes (n,)."""
    return (
        np.where(low >= -ENORMOUS, np.minimum(low, ENORMOUS), -np.inf),
        np.where(high <= ENORMOUS, np.maximum(high, -ENORMOUS), np.inf),
    )


def _up(number: float) -> float:
    return float(np.nextafter(number, np.inf))


ODD = Symmetry()
_TURNED = Symmetry(constant=1.0)
LINEAR = Algebra("linear", functions.identity, Scale.ANY, ODD, linear=True, shifts=True)
MAXIMUM = Algebra("maximum over a window", functions.identity, Scale.POSITIVE, shifts=True)
"""Max pooling: an order, so positive factors and constants pass, and signs do not."""


def _identity(name: str) -> Algebra:
    return replace(LINEAR, name=name)


def _falling(name: str, function: Callable[[Array], Array], valley: Valley, lipschitz: float) -> Algebra:
    return Algebra(name, function, monotone=False, valley=valley, lipschitz=lipschitz)


def _leaky(negative_slope: float, name: str = "leaky_relu") -> Algebra:
    if negative_slope == 1:
        return _identity(name)
    return Algebra(
        name,
        partial(functions.leaky_relu, negative_slope=negative_slope),
        Scale.POSITIVE,
        Symmetry(factor=1.0) if negative_slope == -1 else None,
        monotone=negative_slope >= 0,
        valley=Valley(0.0, 0.0) if negative_slope < 0 else None,
        lipschitz=max(1.0, abs(negative_slope)),
    )


def _relu(negative_slope: float, max_value: float | None, threshold: float, name: str = "relu") -> Algebra | None:
    if threshold == 0 and max_value is None:
        return _leaky(negative_slope, name)
    top, flat = np.inf if max_value is None else max_value, negative_slope == 0
    function = partial(functions.relu, negative_slope=negative_slope, max_value=max_value, threshold=threshold)
    if top < 0:
        return None
    if top == 0 and flat:
        return Algebra(name, function, Scale.ANY, ODD, lipschitz=0.0)
    # A threshold below zero lets negative values through, unless they are cut: there it falls.
    falls = threshold < 0 and max_value is None
    jumps = falls or (threshold > 0 and top > 0)
    return Algebra(
        name,
        function,
        Scale.POSITIVE if threshold == top == 0 else Scale.NONE,
        Symmetry(top / 2, -1.0, top) if flat and threshold <= 0 and not falls else None,
        monotone=negative_slope >= 0 and not falls,
        valley=Valley(threshold, threshold if falls else 0.0) if negative_slope < 0 or (falls and flat) else None,
        lipschitz=np.inf if jumps else max(abs(negative_slope), 1.0 if top > 0 else 0.0),
    )


def _elu(alpha: float) -> Algebra:
    if alpha == 0:
        return _leaky(0.0, "elu")
    turns = Valley(0.0, 0.0) if alpha < 0 else None
    function = partial(functions.elu, alpha=alpha)
    return Algebra("elu", function, monotone=alpha > 0, valley=turns, lipschitz=max(1.0, abs(alpha)))


def _celu(alpha: float) -> Algebra | None:
    # A negative alpha makes an exponential of it, and none divides by zero.
    lipschitz = 1.0 if alpha > 0 else np.inf
    return Algebra("celu", partial(functions.celu, alpha=alpha), lipschitz=lipschitz) if alpha else None


def _gelu(approximate: float) -> Algebra:
    if approximate:
        valley = Valley(-0.752461422071016, -0.17004075057125405)
        return Algebra("gelu", functions.gelu_tanh, monotone=False, valley=valley, lipschitz=1.1289930686587719)
    valley = Valley(-0.7517915246935645, -0.16997120747990364)
    return Algebra("gelu", functions.gelu, monotone=False, valley=valley, lipschitz=1.1289041451851549)


def _squareplus(b: float) -> Algebra | None:
    if b <= 0:
        return None if b < 0 else _leaky(0.0, "squareplus")
    return Algebra("squareplus", partial(functions.squareplus, b=b))


def _soft_shrink(threshold: float) -> Algebra:
    if threshold == 0:
        return _identity("soft_shrink")
    # A negative threshold moves values away from 0, and tears the two sides apart where it lies.
    symmetry, lipschitz = (ODD, 1.0) if threshold > 0 else (None, np.inf)
    function = partial(functions.soft_shrink, threshold=threshold)
    return Algebra("soft_shrink", function, symmetry=symmetry, lipschitz=lipschitz)


def _hard_shrink(threshold: float) -> Algebra:
    if threshold <= 0:
        return _identity("hard_shrink")
    function = partial(functions.hard_shrink, threshold=threshold)
    return Algebra("hard_shrink", function, symmetry=ODD, lipschitz=np.inf)


def _threshold(threshold: float | None, default_value: float | None) -> Algebra | None:
    if threshold is None or default_value is None:
        return None
    return Algebra(
        "threshold",
        partial(functions.threshold, threshold=threshold, default_value=default_value),
        Scale.POSITIVE if threshold == default_value == 0 else Scale.NONE,
        monotone=default_value <= threshold,
        valley=Valley(threshold, threshold) if default_value > threshold else None,
        lipschitz=1.0 if default_value == threshold else np.inf,
    )


_PLAIN: Mapping[str, Algebra] = {
    algebra.name: algebra
    for algebra in (
        LINEAR,
        Algebra("relu6", partial(functions.relu, max_value=6.0), symmetry=Symmetry(3.0, -1.0, 6.0)),
        Algebra("tanh", np.tanh, symmetry=ODD),
        Algebra("softsign", functions.softsign, symmetry=ODD),
        Algebra("hard_tanh", functions.hard_tanh, symmetry=ODD),
        Algebra("tanh_shrink", functions.tanh_shrink, symmetry=ODD),
        Algebra("sigmoid", functions.sigmoid, symmetry=_TURNED, lipschitz=0.25),
        Algebra("hard_sigmoid", functions.hard_sigmoid, symmetry=_TURNED, lipschitz=_up(1 / 6)),
        Algebra("sparse_sigmoid", functions.sparse_sigmoid, symmetry=_TURNED, lipschitz=0.5),
        Algebra("log_sigmoid", functions.log_sigmoid),
        Algebra("softplus", functions.softplus),
        Algebra("sparse_plus", functions.sparse_plus),
        Algebra("exponential", functions.exponential, lipschitz=np.inf),
        Algebra("selu", functions.selu, lipschitz=_up(functions.SELU_SLOPE)),
        _falling("silu", functions.silu, Valley(-1.2784645427610738, -0.27846454276107385), 1.0998393201288671),
        _falling("hard_silu", functions.hard_silu, Valley(-1.5, -0.375), 1.5),
        _falling("mish", functions.mish, Valley(-1.1924312145154952, -0.30884341301725047), 1.0884981612517279),
    )
}

_OPERATIONS: Mapping[str, Algebra] = {
    algebra.name: algebra
    for algebra in (
        replace(_leaky(-1.0), name="abs"),
        Algebra(
            "square",
            functions.square,
            Scale.NONE,
            Symmetry(factor=1.0),
            monotone=False,
            valley=Valley(0.0, 0.0),
            lipschitz=np.inf,
        ),
        Algebra("erf", erf, symmetry=ODD, lipschitz=_up(2.0 / np.sqrt(np.pi))),
        Algebra("arctan", np.arctan, symmetry=ODD),
        Algebra("sin", np.sin, symmetry=ODD, monotone=False),
        Algebra("cos", np.cos, symmetry=Symmetry(factor=1.0), monotone=False),
    )
}

_BUILT: Mapping[str, tuple[Callable[..., Algebra | None], Mapping[str, float | None]]] = {
    "relu": (_relu, {"negative_slope": 0.0, "max_value": None, "threshold": 0.0}),
    "leaky_relu": (_leaky, {"negative_slope": 0.2}),
    "elu": (_elu, {"alpha": 1.0}),
    "celu": (_celu, {"alpha": 1.0}),
    "gelu": (_gelu, {"approximate": False}),
    "squareplus": (_squareplus, {"b": 4}),
    "soft_shrink": (_soft_shrink, {"threshold": 0.5}),
    "hard_shrink": (_hard_shrink, {"threshold": 0.5}),
    "threshold": (_threshold, {"threshold": None, "default_value": None}),
}

PARAMETERS: Mapping[str, Mapping[str, float | None]] = {name: defaults for name, (_, defaults) in _BUILT.items()}
"""The functions with parameters, and their defaults in Keras; "threshold" has none."""

NAMES: tuple[str, ...] = (*_PLAIN, *(name for name in _BUILT if name != "threshold"))
"""The functions with a known algebra that their name alone defines."""

OPERATIONS: tuple[str, ...] = tuple(_OPERATIONS)
"""The functions with a known algebra that are no activations of Keras, but functions of `keras.ops`."""

ALIASES: Mapping[str, str] = {"swish": "silu", "hard_swish": "hard_silu"}
"""Keras's other names."""

NOT_POINTWISE: Mapping[str, str] = {
    "softmax": "it normalises over its units, so that to remove one changes all others",
    "log_softmax": "it normalises over its units, so that to remove one changes all others",
    "sparsemax": "it normalises over its units, so that to remove one changes all others",
    "glu": "it multiplies one half of its units by the other",
}
"""The functions of Keras that are not functions of one unit, and why not."""


def algebra_of(config: Mapping[str, Any]) -> Algebra | None:
    """The algebra of an activation node's configuration; None where it is not known.

    Args:
        config: "function", and those of its `PARAMETERS` that differ from Keras's defaults.
    """
    given = {name: value for name, value in config.items() if name != "function"}
    function = ALIASES.get(config["function"], config["function"])
    if function not in _BUILT:
        return None if given else _PLAIN.get(function) or _OPERATIONS.get(function)
    build, defaults = _BUILT[function]
    if not all(name in defaults and _possible(value, defaults[name]) for name, value in given.items()):
        return None
    return build(**{**defaults, **given})


def _possible(value: Any, default: float | None) -> bool:
    if value is None:
        return default is None
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))
