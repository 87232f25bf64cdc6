"""A rewritten model compared with the original, before anybody gets to see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from redundancy.compaction import Compaction
from redundancy.distance import LEAST, Distance, apart, distances, finite_difference, largest, off
from redundancy.errors import NetworkError, UnsupportedError, VerificationError
from redundancy.executing import computed, in_float64, noises, written_outputs
from redundancy.findings import Finding
from redundancy.network import Array, Network, Node
from redundancy.surgery import operate

ROUNDINGS = 2.0**10
"""How many roundings of its largest output a rewritten model may be off before it is checked in float64."""

HALF = 2.0**-12
"""A machine epsilon above this is one of half precision."""

FOLDINGS = 8.0
"""How many roundings of a weight of half precision a fold may be off."""

COARSE = frozenset({"leaky_relu", "gelu", "bilinear"})
"""What TensorFlow computes with numbers in float32 even in float64, so that constants come out wrong by 1e-8."""


NEGLIGIBLE = 2.0**-40
"""A difference in float64, relative to an output's size, of which nobody asks where it is from."""

FINER = 2.0**-19
"""How many of float32's errors float64 may make: a thousand of its own roundings for one of float32's."""

AGAIN, AGAIN_IN_HALF = 2.0, 2.0**-8
"""What a model that is written again as it is may differ by: so many of its own roundings; and what part of an output
in half precision. The same is computed from the same numbers, so that hardly anything is left to differ."""

MOST_ROWS = 256
"""On so many rows, those that differ most, models are compared in float64."""


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
        VerificationError: The difference of an output is neither rounding, of a value of its own size, nor within the
            bound.
        UnsupportedError: The model does not run on inputs made for it, or an output of it is no finite number on any;
            or its layers keep something that neither their configuration nor their weights hold.
        OptionError: The data are of a size at which Keras adds a bias along the wrong axis.
    """
    from redundancy.frameworks.keras.biases import check_placed
    from redundancy.frameworks.keras.probes import on_data, runs

    network = found.original
    batches = [_inside(network, found.box, runs(original, network, found.network))]
    if given is not None:
        check_placed(network, given)
        check_placed(found.network, given)
        if all(np.array_equal(*pair) for pair in zip(given, _inside(network, found.box, given), strict=True)):
            batches.append(given)
    results = [(on_data(original, batch), written_outputs(small, batch)) for batch in batches]
    _check_finite(original.name, network, [expected for expected, _ in results])
    bound, relative = found.bound or 0.0, rounding(network)
    suspects = [
        _worst_rows(batch, *pair) for batch, pair in zip(batches, results, strict=True) if _far(*pair, bound, relative)
    ]
    for batch in suspects:
        _check_repeatable(original, batch, relative)
        _check_read(original, network, batch)
        _check_exactly(found, batch, bound)
        _check_written(original, small, found, batch)
    if relative > 1.0 and not suspects:  # in half precision anything is within rounding
        for batch in batches:
            _check_read(original, network, batch)
        _check_exactly(found, batches[0], bound)
    return max(apart(*pair) for pair in results), max(largest(expected) for expected, _ in results)


def _far(expected: Sequence[Array], got: Sequence[Array], bound: float, relative: float) -> bool:
    """Whether some output is further off than its own size excuses: a large one says nothing of a small one."""
    return not all(distance.within(bound, relative) for distance in distances(expected, got))


def _check_repeatable(original: Any, batch: tuple[Array, ...], relative: float) -> None:
    from redundancy.frameworks.keras.probes import on_data

    first = on_data(original, batch)
    if not all(np.all(np.isfinite(output)) for output in first):
        raise VerificationError(
            "the model's own outputs are infinite, or no numbers, on inputs made for it, so that nothing could be"
            " checked and nothing is returned; give a box of inputs that it is made for"
        )
    if _far(first, on_data(original, batch), 0.0, relative):
        raise UnsupportedError(
            f"model '{original.name}' does not compute the same twice, so that no rewriting could be checked; take"
            " out what is random in inference"
        )


def _check_read(original: Any, network: Network, batch: tuple[Array, ...]) -> None:
    """Compares the original with its own network, in which nothing was folded: that is written by the same numbers.

    What a layer keeps elsewhere is in neither of two networks that are compared, so that those would agree.
    """
    from redundancy.frameworks.keras.probes import outputs_of

    relative = rounding(network)
    relative = AGAIN_IN_HALF if relative > 1.0 else relative
    expected, own = outputs_of(original, batch), computed(network, batch, None)
    found = distances(expected, own)
    if all(distance.within(0.0, relative) for distance in found):
        return
    for distance, noise in zip(found, noises(network, batch, own), strict=True):
        if not replace(distance, noise=AGAIN * noise).within(0.0, relative):
            raise UnsupportedError(
                f"model '{original.name}' does not compute what its layers' configurations and weights say: written"
                f" again as it is, an output differs by {distance.difference:.3g}, where its largest value is"
                f" {distance.scale:.3g}, so that nothing could be checked; let get_config() or a weight hold all that a"
                " layer computes with, let call() do all of it, not __call__(), and save a model and load it after"
                " set_weights on a Normalization"
                f"{_keepers(network)}"
            )


def _keepers(network: Network) -> str:
    """The layers that may keep something, to look at first."""
    from redundancy.frameworks.keras.kinds import is_known

    kept = dict.fromkeys(n.layer for n in network if n.kind == "standardization" or (n.layer and not is_known(n)))
    return f" (look at {', '.join(repr(name) for name in list(kept)[:3])})" if kept else ""


def _check_written(original: Any, small: Any, found: Compaction, batch: tuple[Array, ...]) -> None:
    """Compares the models themselves where their networks agree in float64: what is left must be rounding.

    The own rounding of the original's network says how much of that there can be.
    """
    from redundancy.frameworks.keras.probes import outputs_of

    expected, got = outputs_of(original, batch), outputs_of(small, batch)
    own = noises(found.original, batch, computed(found.original, batch, None))
    for distance, noise in zip(distances(expected, got), own, strict=True):
        if not replace(distance, noise=ROUNDINGS * noise).within(found.bound or 0.0, rounding(found.original)):
            raise VerificationError(
                f"an output of the compacted model differs by {distance.difference:.3g}, where its largest value is"
                f" {distance.scale:.3g}, and its network does not, so that nothing is returned; this is a mistake of"
                " this package, please report it"
            )


def _worst_rows(batch: tuple[Array, ...], expected: Sequence[Array], got: Sequence[Array]) -> tuple[Array, ...]:
    """The rows of a batch on which outputs differ most, relative to each one's size; all where there are few."""
    rows = len(batch[0])
    if rows <= MOST_ROWS or any(len(output) != rows for output in expected):
        return batch
    far = np.zeros(rows)
    for a, b in zip(expected, got, strict=True):
        if a.shape == b.shape:
            far = np.maximum(far, off(a, b).reshape(rows, -1).max(axis=1, initial=0.0) / max(largest([a]), LEAST))
    worst = np.sort(np.argsort(-far, kind="stable")[:MOST_ROWS])
    return tuple(array[worst] for array in batch)


def _check_finite(model: str, network: Network, results: Sequence[Sequence[Array]]) -> None:
    """Two outputs that are nowhere a number are equal, whatever the models compute: that would verify nothing."""
    for name, *outputs in zip(network.outputs, *results, strict=True):
        if any(output.size for output in outputs) and not any(np.any(np.isfinite(output)) for output in outputs):
            raise UnsupportedError(
                f"model '{model}' cannot be verified: its output '{name}' is infinite, or no number, wherever it was"
                " tried; give data on which it is finite"
            )


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


def exact_difference(first: Network, second: Network, batch: tuple[Array, ...]) -> float:
    """The largest difference of an output in float64, relative to the largest value of that output.

    What is left of values that cancel is not counted, as far as it is rounding.
    """
    return max(max(0.0, d.difference - d.noise) / max(d.scale, LEAST) for d in _exact_distances(first, second, batch))


def _exact_distances(first: Network, second: Network, batch: tuple[Array, ...]) -> tuple[Distance, ...]:
    expected, got = (computed(network, batch, "float64") for network in (first, second))
    found = distances(expected, got)
    if all(distance.within(0.0, NEGLIGIBLE) for distance in found):
        return found
    rough = computed(first, batch, "float32")
    # What float32 makes of an output says how far float64 can be off, however small the output is.
    left = (FINER * finite_difference(*pair) for pair in zip(expected, rough, strict=True))
    return tuple(replace(distance, noise=noise) for distance, noise in zip(found, left, strict=True))


def _inside(network: Network, box: Mapping[str, tuple[Array, Array]], batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """The inputs, moved to where they are in the box."""
    pairs = zip(network.inputs, batch, strict=True)
    return tuple(np.clip(array, *box[name]).astype(array.dtype) if name in box else array for name, array in pairs)


def _policy(node: Node) -> str:
    layer = getattr(node.origin, "layer", None)
    return str(layer.config.get("dtype", "")) if layer is not None else ""


def _check_exactly(found: Compaction, batch: tuple[Array, ...], bound: float) -> None:
    """Compares in float64, where rounding excuses little, and names the fold that makes a difference.

    Folds are repeated there, unless weights were changed beforehand and the bound says by how much.
    """
    relative = exact_rounding(found.original)
    start = wide = in_float64(found.original)
    folds = [finding for step in found.steps for finding in step]
    for step in found.steps if not bound else ():
        wide = operate(wide, {name: fold for finding in step for name, fold in finding.at.items()}).network
    apart = _exact_distances(start, in_float64(found.network) if bound else wide, batch)
    worst = max(apart, key=lambda distance: distance.difference / max(distance.scale, LEAST))
    if all(distance.within(bound, relative) for distance in apart):
        return
    culprit = next((f for f in folds if _breaks(start, f, batch, bound, relative)), None)
    which = f"the fold of {culprit.space}: {culprit.fold}" if culprit else "all folds together, none of them alone"
    raise VerificationError(
        f"an output of the compacted model differs by {worst.difference:.3g}, where its largest value is"
        f" {worst.scale:.3g} and a difference of {bound:.3g} was predicted, so that nothing is returned; this is a"
        f" mistake of this package, please report it: {which[:500]}"
    )


def _breaks(network: Network, finding: Finding, batch: tuple[Array, ...], bound: float, relative: float) -> bool:
    try:
        apart = _exact_distances(network, operate(network, finding.at).network, batch)
    except NetworkError:
        return False  # it speaks of what earlier folds left
    return not all(distance.within(bound, relative) for distance in apart)
