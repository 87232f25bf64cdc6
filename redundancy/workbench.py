"""Audit and compaction of whatever a model comes as: a Keras model, its file, or a network."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from redundancy.auditing import Audit, audited, with_measured
from redundancy.boxing import Bounds, Box, boxed, whole_box
from redundancy.compaction import Compaction, Unfit, anything_goes, continued, exhausted
from redundancy.compaction import compact as compact_network
from redundancy.distance import distances, largest
from redundancy.errors import OptionError
from redundancy.feeding import arrays_of
from redundancy.findings import Findings
from redundancy.fold import Holds
from redundancy.functional import EXACT, functional, survey, taps
from redundancy.nearing import made_equal
from redundancy.network import Array, Network
from redundancy.notions.near import NEAR
from redundancy.search import search
from redundancy.verification import rounding, verified
from redundancy.weighing import layerwise, with_weighed

if TYPE_CHECKING:
    import keras

    Model: TypeAlias = keras.Model | Network | str | Path

FEWEST = 60
"""Rows of data, at least. By the 30 of the second half, none of which may speak against it, what was found on the first
is true of 9 in 10 rows like them, at 95% confidence: 0.9**29 < 0.05."""

COARSEST, STEPS = 0.5, 24
"""The largest error of a unit on data that is tried under a tolerance, relative to its largest value; and how many."""


def compact(
    model: Model,
    *,
    tolerance: float = 0.0,
    data: Any = None,
    notions: Iterable[str] | None = None,
    box: Bounds | None = None,
    trust: bool = False,
) -> Compaction:
    """The same model without its redundancy, compared with the original before it is returned.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is. Of a network, a network is made and
            nothing is run.
        tolerance: How far outputs may differ on inputs in the box, else in that of the data, else from 0 to 1; at 0
            only what holds for every input is folded.
        data: Inputs, an array, or a tuple with one for each input of the model in order, or a dict by input name: what
            is redundant on them goes as well, and the result is measured on them.
        notions: Names of those to look for; all if not given.
        box: Bounds of inputs: (low, high) for all of them, or by name of the input, each broadcasting to its shape
            without the batch.
        trust: Run code that a model file brings along.

    Returns:
        What went, why, and what had to stay: `model` is the small one, `difference` was measured, and outputs differ by
        at most `bound` for inputs in `box`.

    Raises:
        OptionError: There is no such notion, the tolerance is negative or no number, or the model brings its inputs to
            another size and neither box nor data says which they have.
        UnsupportedError: The model cannot be read as a graph, written back or run; or it computes with something that
            neither the configurations nor the weights of its layers hold.
        NetworkError: A weight is NaN or infinite.
        VerificationError: The result does not compute what the original does: a mistake of this package.
    """
    names = _names(notions)
    _check_tolerance(tolerance)
    if isinstance(model, Network):
        return _folded(model, tolerance, names, boxed(model, box))
    from redundancy.frameworks.keras.opening import opened

    original = opened(model, trust=trust)
    return _compacted(original, tolerance, data, names, box)


def audit(
    model: Model,
    *,
    data: Any = None,
    notions: Iterable[str] | None = None,
    box: Bounds | None = None,
    trust: bool = False,
) -> Audit:
    """What is redundant in a model, how sure that is, what removing it saves, and what must stay.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is.
        data: Inputs, an array, or a tuple with one for each input of the model in order, or a dict by input name: what
            is redundant on them is found as well.
        notions: Names of those to look for; all if not given, and units that are only alike as well.
        box: Bounds of inputs: (low, high) for all of them, or by name of the input, each broadcasting to its shape
            without the batch.
        trust: Run code that a model file brings along.

    Raises:
        OptionError: There is no such notion, or the data does not fit.
        UnsupportedError: The model cannot be read as a graph.
        NetworkError: A weight is NaN or infinite.
    """
    names = _names(notions)
    if isinstance(model, Network):
        return audited(model, search(model, notions=names, box=boxed(model, box)), near=names is None)
    from redundancy.frameworks.keras.opening import opened

    original = opened(model, trust=trust)
    return replace(_audited(original, data, names, box), model_name=original.name)


def _audited(original: Any, data: Any, notions: Any, bounds: Bounds | None) -> Audit:
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.agreement import unfit
    from redundancy.frameworks.keras.layerwise import size_of, unknown_layers, weighable
    from redundancy.frameworks.keras.measuring import sampled
    from redundancy.frameworks.keras.overriding import is_graph, no_graph

    if not is_graph(original):
        return layerwise(original.name, no_graph(original), weighable(original), size_of(original), notions)
    network = read(original)
    box = boxed(network, bounds)
    found = audited(network, search(network, notions=notions, box=box), near=notions is None, unfit=unfit)
    found = with_weighed(found, unknown_layers(network), notions)
    if data is None:
        return found
    exact = compact_network(network, notions=notions, box=box, unfit=unfit)
    values = sampled(exact.network, taps(exact.network), _enough(arrays_of(network, data)))
    measured = functional(survey(exact.network, values), notions=notions)
    more = continued(exact, exhausted(exact.network, _after(measured, lambda small: Findings((), ())), unfit=unfit))
    return with_measured(found, exact, more, min((len(rows) for rows in values.values()), default=0))


def _compacted(original: Any, tolerance: float, data: Any, notions: Any, bounds: Bounds | None) -> Compaction:
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.agreement import unfit

    network = read(original)
    box = boxed(network, bounds)
    given = None if data is None else _enough(arrays_of(network, data))
    exact = _folded(network, tolerance, notions, box, given, unfit)
    small = written(original, exact.network, unchanged=exact.network is network)
    difference, scale = verified(original, small, exact, given)
    found = replace(exact, model=small, model_name=original.name, difference=difference, scale=scale)
    return found if given is None else _measured(original, found, given, tolerance, notions, box)


def _folded(
    network: Network,
    tolerance: float,
    notions: Any,
    box: Box | None,
    given: tuple[Array, ...] | None = None,
    unfit: Unfit = anything_goes,
) -> Compaction:
    """What folds by the weights: exactly, and with a tolerance almost."""
    exact = compact_network(network, notions=notions, box=box, unfit=unfit)
    exact = replace(exact, box=dict(box or {}), tolerance=tolerance)
    if not tolerance:
        return exact
    bounds, assumed = whole_box(network, box, given)
    exact = replace(exact, assumed=assumed)
    nearing = made_equal(exact.network, tolerance, bounds)
    if not nearing.pairs:
        return exact
    more = compact_network(nearing.network, notions=notions, box=box, unfit=unfit)
    if not more.removals:
        return exact  # outputs would change for nothing
    # Of two that were made equal, either may be the one that goes.
    pairs = {(pair.space, unit) for pair in nearing.pairs for unit in (pair.unit, pair.of)}
    removals = tuple(
        replace(removal, why=NEAR, holds=Holds.BOX) if (removal.space, removal.unit) in pairs else removal
        for removal in more.removals
    )
    found = continued(exact, replace(more, removals=removals))
    return replace(found, bound=nearing.certificate.bound, box=bounds, assumed=assumed, tolerance=tolerance)


def written(original: Any, network: Network, *, unchanged: bool = False) -> Any:
    """The network as a Keras model, compiled as the original is."""
    from redundancy.frameworks.keras import write
    from redundancy.frameworks.keras.compiling import compiled_like

    small = write(network)
    compiled_like(original, small, unchanged=unchanged)
    return small


def _measured(
    original: Any,
    found: Compaction,
    given: tuple[Array, ...],
    tolerance: float,
    notions: tuple[str, ...] | None,
    box: Box | None,
) -> Compaction:
    """The same without what is redundant on data: as much as leaves the outputs on them within the tolerance."""
    from redundancy.frameworks.keras.measuring import sampled
    from redundancy.frameworks.keras.probes import outputs_of

    surveys = survey(found.network, sampled(found.network, taps(found.network), given))
    expected = outputs_of(original, given)
    # Where a tolerance is given it is a promise, also for outputs whose rounding is larger.
    bound, relative = (tolerance, 0.0) if tolerance else (0.0, rounding(found.original))
    best = found
    reaches = np.geomspace(EXACT, COARSEST, STEPS) if tolerance else np.array([EXACT])
    fits, fails = -1, len(reaches)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        measured = functional(surveys, float(reaches[middle]), notions)
        tried = _tried(original, found, measured, lambda small: search(small, notions=notions, box=box))
        changed = distances(expected, outputs_of(tried.model, given)) if tried.removals != found.removals else ()
        if all(distance.within(bound, relative) for distance in changed):
            difference = max((distance.difference for distance in changed), default=0.0)
            fits, best = middle, replace(tried, difference=difference, scale=largest(expected))
        else:
            fails = middle
    return best if len(best.removals) > len(found.removals) else found


def _tried(original: Any, found: Compaction, measured: Findings, look: Callable[[Network], Findings]) -> Compaction:
    """What is left after folds that were measured, and after those that are exact then."""
    from redundancy.frameworks.keras.agreement import unfit

    if not measured.found:
        return found
    more = exhausted(found.network, _after(measured, look), unfit=unfit)
    # What only folds behind others is as true as those are.
    removals = tuple(replace(removal, holds=Holds.DATA) for removal in more.removals)
    more = continued(found, replace(more, removals=removals))
    return replace(
        more,
        model=written(original, more.network),
        model_name=found.model_name,
        bound=None,
        box=found.box,
        tolerance=found.tolerance,
    )


def _after(first: Findings, look: Callable[[Network], Findings]) -> Callable[[Network], Findings]:
    """Finds what was found already, once, and then whatever is found by looking."""
    known = [first]
    return lambda network: known.pop() if known else look(network)


def _check_tolerance(tolerance: Any) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.number):
        what = f"{reprlib.repr(tolerance)} is a {type(tolerance).__name__}"
        raise OptionError(f"the tolerance {what}, and no number: give how far outputs may differ, as 0.01")
    if not np.isfinite(tolerance) or not tolerance >= 0:
        raise OptionError(f"the tolerance {tolerance} is no difference of outputs: give a finite number, 0 or more")


def _names(notions: Any) -> tuple[str, ...] | None:
    if isinstance(notions, str):
        raise OptionError(f"notions='{notions}' is one word: give a list of names, as ['{notions}']")
    if notions is not None and not isinstance(notions, Iterable):
        raise OptionError(f"notions={notions!r} is no list of names: give one, as ['duplicate']")
    if notions is not None and not (notions := tuple(notions)):
        raise OptionError("notions names none, so that nothing would be looked for: leave it out to look for all")
    return None if notions is None else tuple(notions)


def _enough(given: tuple[Array, ...]) -> tuple[Array, ...]:
    """The data, if they are enough to say something of others.

    Raises:
        OptionError: They are too few.
    """
    rows = len(given[0])
    if rows < FEWEST:
        raise OptionError(
            f"the data have {rows} rows, which say little of others: give at least {FEWEST}, so that what half of them"
            " show and the other half confirm is true of 9 in 10"
        )
    return given
