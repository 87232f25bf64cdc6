"""Audit and compaction of whatever a model comes as: a Keras model, its file, or a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from redundancy.auditing import Audit, audited
from redundancy.compaction import Compaction
from redundancy.compaction import compact as compact_network
from redundancy.errors import NetworkError, OptionError, RedundancyError, UnsupportedError, VerificationError
from redundancy.network import Array, Network
from redundancy.search import Finding, search
from redundancy.surgery import operate

if TYPE_CHECKING:
    import keras

    Model: TypeAlias = keras.Model | Network | str | Path

Box = Mapping[str, tuple[Array, Array]]

ROUNDINGS = 2.0**10
"""How many roundings of its largest output a rewritten model may be off before it is checked in float64."""


def compact(
    model: Model,
    *,
    tolerance: float = 0.0,
    data: Any = None,
    notions: Iterable[str] | None = None,
    box: Box | None = None,
    trust: bool = False,
) -> Compaction:
    """The same model without its redundancy, compared with the original before it is returned.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is. Of a network, a network is made and
            nothing is run.
        tolerance: How far outputs may differ on inputs in the box; at 0 only what holds for every input is folded.
        data: Inputs, an array or a tuple with one for each input of the model: what is redundant on them goes as
            well, and the result is measured on them.
        notions: Names of those to look for; all if not given.
        box: Bounds of inputs, by name of the input: (low, high), each broadcasting to its shape without the batch.
        trust: Run code that a model file brings along.

    Raises:
        OptionError: There is no such notion, or the tolerance is negative or no number.
        UnsupportedError: The model cannot be read as a graph, written back or run.
        NetworkError: A weight is NaN or infinite, or a folded one is too large for its type.
        VerificationError: The result does not compute what the original does: a mistake of this package.
    """
    names = _names(notions)
    if not np.isfinite(tolerance) or tolerance < 0:
        raise OptionError(f"the tolerance {tolerance} is no difference of outputs: give a finite number, 0 or more")
    if isinstance(model, Network):
        return _folded(model, tolerance, None, names, box)
    original = _model(model, trust)
    return _compacted(original, tolerance, data, names, box)


def audit(
    model: Model,
    *,
    data: Any = None,
    notions: Iterable[str] | None = None,
    box: Box | None = None,
    trust: bool = False,
) -> Audit:
    """What is redundant in a model, how sure that is, what removing it saves, and what must stay.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is.
        data: Inputs, an array or a tuple with one for each input of the model: what is redundant on them is found as
            well.
        notions: Names of those to look for; all if not given.
        box: Bounds of inputs, by name of the input: (low, high), each broadcasting to its shape without the batch.
        trust: Run code that a model file brings along.

    Raises:
        OptionError: There is no such notion, or the data does not fit.
        UnsupportedError: The model cannot be read as a graph.
        NetworkError: A weight is NaN or infinite.
    """
    from redundancy.frameworks.keras import read

    names = _names(notions)
    if isinstance(model, Network):
        return audited(model, search(model, notions=names, box=box))
    original = _model(model, trust)
    network = read(original)
    return replace(audited(network, search(network, notions=names, box=box)), model_name=original.name)


def _compacted(original: Any, tolerance: float, data: Any, notions: Any, box: Box | None) -> Compaction:
    from redundancy.frameworks.keras import read, write
    from redundancy.frameworks.keras.compiling import compiled_like
    from redundancy.frameworks.keras.probes import runs

    network = read(original)
    given = None if data is None else _inputs(network, data)
    found = _folded(network, tolerance, given, notions, box)
    small = write(found.network)
    compiled_like(original, small)
    samples = [runs(original, network)] + ([] if given is None else [given])
    difference, scale = verified(original, small, found, samples, tolerance)
    return replace(found, model=small, model_name=original.name, difference=difference, scale=scale)


def _folded(network: Network, tolerance: float, data: Any, notions: Any, box: Box | None) -> Compaction:
    return compact_network(network, notions=notions, box=box)


def verified(
    original: Any, small: Any, found: Compaction, samples: Sequence[tuple[Array, ...]], tolerance: float
) -> tuple[float, float]:
    """The largest difference of an output, and the largest output by size.

    Raises:
        VerificationError: The difference is neither rounding nor within the bound.
    """
    from redundancy.frameworks.keras.probes import outputs_of

    worst, scale = 0.0, 0.0
    for batch in samples:
        expected, got = outputs_of(original, batch), outputs_of(small, batch)
        worst = max(worst, *(_difference(a, b) for a, b in zip(expected, got, strict=True)))
        scale = max(scale, *(float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in expected))
    bound = (found.bound or 0.0) if tolerance else 0.0
    if found.bound is not None and not worst <= bound + ROUNDINGS * _eps(found.original) * max(scale, 1e-30):
        _check_exactly(found, samples[0], bound)
    return worst, scale


def _difference(a: Array, b: Array) -> float:
    """The largest difference; where the original is infinite or no number, any other value is infinitely far."""
    if a.shape != b.shape:
        return float("inf")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def _eps(network: Network) -> float:
    from redundancy.layers import precision

    coarse = 2.0**-7 if any("float16" in _policy(node) for node in network) else 0.0
    return max([coarse, *(precision(node) for node in network if node.weights)], default=2.0**-23)


def _policy(node: Any) -> str:
    layer = getattr(node.origin, "layer", None)
    return str(layer.config.get("dtype", "")) if layer is not None else ""


def _check_exactly(found: Compaction, batch: tuple[Array, ...], bound: float) -> None:
    """Repeats the folds in float64, where rounding excuses little, and names the one that makes a difference."""
    allowed = bound + ROUNDINGS * _eps(found.original)
    start = wide = in_float64(found.original)
    folds = [finding for step in found.steps for finding in step]
    for step in found.steps:
        wide = operate(wide, {name: fold for finding in step for name, fold in finding.at.items()}).network
    if (apart := exact_difference(start, wide, batch)) <= allowed:
        return
    culprit = next((f for f in folds if _breaks(start, f, batch, allowed)), None)
    which = f"the fold of {culprit.space}: {culprit.fold}" if culprit else "all folds together, none of them alone"
    raise VerificationError(
        f"the compacted model's outputs differ by {apart:.3g} of the largest where {bound:.3g} was predicted, so that"
        f" nothing is returned; this is a mistake of this package, please report it: {which[:500]}"
    )


def _breaks(network: Network, finding: Finding, batch: tuple[Array, ...], allowed: float) -> bool:
    try:
        return exact_difference(network, operate(network, finding.at).network, batch) > allowed
    except NetworkError:
        return False  # it speaks of what earlier folds left


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
    scale = max(float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in expected)
    return max(_difference(a, b) for a, b in zip(expected, got, strict=True)) / max(scale, 1e-30)


def _model(model: Any, trust: bool) -> Any:
    """The Keras model itself."""
    import keras

    if isinstance(model, str | Path):
        from redundancy.frameworks.keras.files import load

        return load(model, trust=trust)
    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"a {type(model).__name__} is no model: give a Keras model, its path or a Network")
    return model


def _names(notions: Any) -> tuple[str, ...] | None:
    if isinstance(notions, str):
        raise OptionError(f"notions='{notions}' is one word: give a list of names, as ['{notions}']")
    return None if notions is None else tuple(notions)


def _inputs(network: Network, data: Any) -> tuple[Array, ...]:
    """The data, one array for each input.

    Raises:
        OptionError: They are not as many as the inputs, or of other shapes.
    """
    if isinstance(data, Mapping):
        data = tuple(data[name] for name in network.inputs if name in data)
    arrays = tuple(np.asarray(array) for array in (data if isinstance(data, tuple | list) else (data,)))
    shapes = [network[name].shape for name in network.inputs]
    fits = len(arrays) == len(shapes) and all(_fits(a, s) for a, s in zip(arrays, shapes, strict=True))
    if not fits or not len(arrays[0]) or len({len(array) for array in arrays}) > 1:
        given, wanted = [array.shape for array in arrays], [("n", *shape) for shape in shapes]
        raise OptionError(f"the data has shapes {given}, but the model reads {wanted}: give one array for each input")
    return arrays


def _fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    same = array.ndim == len(shape) + 1
    return same and all(want in (None, has) for want, has in zip(shape, array.shape[1:], strict=True))
