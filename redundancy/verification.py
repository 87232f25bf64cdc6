"""A rewritten model compared with the original, before anybody gets to see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from redundancy.compaction import Compaction
from redundancy.errors import NetworkError, RedundancyError, UnsupportedError, VerificationError
from redundancy.network import Array, Network, Node
from redundancy.search import Finding
from redundancy.surgery import operate

ROUNDINGS = 2.0**10
"""How many roundings of its largest output a rewritten model may be off before it is checked in float64."""

HALF = 2.0**-12
"""A machine epsilon above this is one of half precision."""

FOLDINGS = 8.0
"""How many roundings of a weight of half precision a fold may be off."""

COARSE = frozenset({"leaky_relu", "gelu", "bilinear"})
"""What TensorFlow computes with numbers in float32 even in float64, so that constants come out wrong by 1e-8."""


def verified(original: Any, small: Any, found: Compaction, given: tuple[Array, ...] | None) -> tuple[float, float]:
    """Compares two models on inputs made for them, and on data; in the box, where what was found rests on one.

    Args:
        original: A Keras model.
        small: What became of it.
        found: How.
        given: Data, one array for each input, or None.

    Returns:
        The largest difference of an output, and the largest output by size.

    Raises:
        VerificationError: The difference is neither rounding nor within the bound.
        UnsupportedError: The model does not run on inputs made for it, or an output of it is no finite number on any.
        OptionError: The data are of a size at which Keras adds a bias along the wrong axis.
    """
    from redundancy.frameworks.keras.biases import check_placed
    from redundancy.frameworks.keras.probes import on_data, outputs_of, runs

    network = found.original
    batches = [_inside(network, found.box, runs(original, network, found.network))]
    if given is not None:
        check_placed(network, given)
        check_placed(found.network, given)
        if all(np.array_equal(*pair) for pair in zip(given, _inside(network, found.box, given), strict=True)):
            batches.append(given)
    results = [(on_data(original, batch), outputs_of(small, batch)) for batch in batches]
    _check_finite(original.name, network, [expected for expected, _ in results])
    worst = max(apart(*pair) for pair in results)
    scale = max(largest(expected) for expected, _ in results)
    bound = found.bound or 0.0
    if not worst <= bound + rounding(network) * max(scale, 1e-30):
        if not all(np.all(np.isfinite(output)) for expected, _ in results for output in expected):
            raise VerificationError(
                "the model's own outputs are infinite, or no numbers, on inputs made for it, so that nothing could be"
                " checked and nothing is returned; give a box of inputs that it is made for"
            )
        if apart(results[0][0], on_data(original, batches[0])) > rounding(network) * max(scale, 1e-30):
            raise UnsupportedError(
                f"model '{original.name}' does not compute the same twice, so that no rewriting could be checked; take"
                " out what is random in inference"
            )
        _check_exactly(found, batches[0], bound / max(scale, 1e-30))
    elif rounding(network) > 1.0:
        # In half precision anything is within rounding.
        _check_exactly(found, batches[0], bound / max(scale, 1e-30))
    return worst, scale


def _check_finite(model: str, network: Network, results: Sequence[Sequence[Array]]) -> None:
    """Two outputs that are nowhere a number are equal, whatever the models compute: that would verify nothing."""
    for name, *outputs in zip(network.outputs, *results, strict=True):
        if any(output.size for output in outputs) and not any(np.any(np.isfinite(output)) for output in outputs):
            raise UnsupportedError(
                f"model '{model}' cannot be verified: its output '{name}' is infinite, or no number, wherever it was"
                " tried; give data on which it is finite"
            )


def apart(first: Sequence[Array], second: Sequence[Array]) -> float:
    """The largest difference of two lists of outputs."""
    return max(_difference(a, b) for a, b in zip(first, second, strict=True))


def largest(outputs: Sequence[Array]) -> float:
    """The largest output by size, of those that are finite."""
    return max(float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in outputs)


def rounding(network: Network) -> float:
    """What rounding may take from an output, relative to the largest one."""
    from redundancy.layers import precision

    coarse = 2.0**-7 if any("float16" in _policy(node) for node in network) else 0.0
    eps = max([coarse, *(precision(node) for node in network if node.weights)], default=2.0**-23)
    return max(ROUNDINGS * eps, 2.0**-20 if any(_is_coarse(node) for node in network) else 0.0)


def exact_rounding(network: Network) -> float:
    """The same for networks that are computed in float64: only folds are as rough as the weights they were found by."""
    from redundancy.layers import precision

    eps = max([precision(node) for node in network if node.weights], default=2.0**-23)
    coarse = 2.0**-20 if any(_is_coarse(node) for node in network) else 0.0
    return max((FOLDINGS if eps > HALF else ROUNDINGS) * eps, coarse)


def _is_coarse(node: Node) -> bool:
    return bool(COARSE & {node.config.get("function"), node.config.get("interpolation")})


def in_float64(network: Network) -> Network:
    """The same network with its floating weights in float64."""
    changed = {}
    for node in network:
        wide = {n: a if a.dtype.kind in "iub" else np.asarray(a, np.float64) for n, a in node.weights.items()}
        changed[node.name] = node.with_weights(wide)
    return network.with_nodes(changed)


def exact_difference(first: Network, second: Network, batch: tuple[Array, ...]) -> float:
    """The largest difference of an output in float64, relative to the largest output."""
    from redundancy.frameworks.keras import write
    from redundancy.frameworks.keras.probes import outputs_of

    try:
        models = [write(network, dtype="float64") for network in (first, second)]
        expected, got = (outputs_of(model, batch) for model in models)
    except RedundancyError:
        raise
    except Exception as error:
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise VerificationError(
            f"the compacted model's outputs differ by more than rounding, and it does not run in float64 ({said}), so"
            " that nothing is returned; cast the model to float32"
        ) from error
    return apart(expected, got) / max(largest(expected), 1e-30)


def _inside(network: Network, box: Mapping[str, tuple[Array, Array]], batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """The inputs, moved to where they are in the box."""
    pairs = zip(network.inputs, batch, strict=True)
    return tuple(np.clip(array, *box[name]).astype(array.dtype) if name in box else array for name, array in pairs)


def _difference(a: Array, b: Array) -> float:
    """The largest difference; where the original is infinite or no number, any other value is infinitely far."""
    if a.shape != b.shape:
        return float("inf")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(distance), np.inf, distance), initial=0.0))


def _policy(node: Node) -> str:
    layer = getattr(node.origin, "layer", None)
    return str(layer.config.get("dtype", "")) if layer is not None else ""


def _check_exactly(found: Compaction, batch: tuple[Array, ...], bound: float) -> None:
    """Compares in float64, where rounding excuses little, and names the fold that makes a difference.

    Folds are repeated there, unless weights were changed beforehand and the bound says by how much.
    """
    allowed = bound + exact_rounding(found.original)
    start = wide = in_float64(found.original)
    folds = [finding for step in found.steps for finding in step]
    for step in found.steps if not bound else ():
        wide = operate(wide, {name: fold for finding in step for name, fold in finding.at.items()}).network
    difference = exact_difference(start, in_float64(found.network) if bound else wide, batch)
    if difference <= allowed:
        return
    culprit = next((f for f in folds if _breaks(start, f, batch, allowed)), None)
    which = f"the fold of {culprit.space}: {culprit.fold}" if culprit else "all folds together, none of them alone"
    raise VerificationError(
        f"the compacted model's outputs differ by {difference:.3g} of the largest where {bound:.3g} was predicted, so"
        f" that nothing is returned; this is a mistake of this package, please report it: {which[:500]}"
    )


def _breaks(network: Network, finding: Finding, batch: tuple[Array, ...], allowed: float) -> bool:
    try:
        return exact_difference(network, operate(network, finding.at).network, batch) > allowed
    except NetworkError:
        return False  # it speaks of what earlier folds left
