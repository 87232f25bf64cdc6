"""Pruning: units go that matter least by a criterion, those that stay take over, and data say how much may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.allocation import Curve, Step, curve, gone_after, steps
from redundancy.compaction import Compaction, continued, exhausted
from redundancy.comparing import judge_images
from redundancy.costs import cost
from redundancy.distance import distances, largest
from redundancy.divergence import of_classes, of_numbers, of_yes_or_no
from redundancy.errors import OptionError, UnsupportedError
from redundancy.findings import Findings
from redundancy.material import Material, material
from redundancy.network import Array, Network
from redundancy.pruned import Pruning
from redundancy.saliency import Criterion, Ranking, View, criterion
from redundancy.spaces import Space
from redundancy.viewing import Prunable, finding
from redundancy.workbench import model_of, written

if TYPE_CHECKING:
    from redundancy.workbench import Model

CALIBRATION, JUDGED = 5_000, 1_000
"""Rows that units are measured on, and rows that harm is measured on, at most."""

BATCH = 32
"""Rows of the batch that is timed."""

FEWEST = 60
"""Rows of data, at least."""

MEASURES = ("units", "parameters", "macs")
"""What `remove` may be a share of."""


def prune(
    model: Model,
    *,
    data: Any,
    by: str = "obs",
    remove: float | None = None,
    within: float | None = None,
    layers: Iterable[str] | None = None,
    of: str = "units",
    repair: bool = True,
    labels: Any = None,
    seed: int = 0,
    timed: bool = False,
    trust: bool = False,
) -> Pruning:
    """A smaller model, without the units that matter least.

    How much goes from which layer is decided by what it costs: each layer is tried alone, and the steps that cost
    least for what they save are taken first (`redundancy.allocation`). Layers are pruned one after the other, each
    measured on what those before it have become.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is.
        data: What units are measured on: a data set or its name; the path of an .npz file; or arrays, as for `compact`.
            Of a data set or a file with test images these score once, and nothing is chosen by them.
        by: The criterion, one of `redundancy.saliency.CRITERIA`.
        remove: The share of the units, parameters or multiply-accumulates that goes, at least; above 0, below 1.
        within: Instead, as much goes as leaves the accuracy within this of the original's, as a share (0.005 is half a
            point): chosen on the last sixth of the rows, which nothing else is measured on, and judged on the test
            images by an exact test of pairs.
        layers: Names of the layers whose units may go; all if not given.
        of: "units", "parameters" or "macs": what `remove` is a share of, and what steps should save.
        repair: The units that stay take over from those that go, by least squares on the data.
        labels: The class of each row, where the data are arrays. Shape (n,), integers.
        seed: Of what is drawn.
        timed: Measure how long the two models take for a batch, in turns; both are Keras models then.
        trust: Run code that a model file brings along.

    Returns:
        What went and what it did to the outputs; `model` is the small one, `network` its network.

    Raises:
        OptionError: A number, a name or the data do not fit, so much cannot go, or no unit may go.
        UnsupportedError: The model cannot be read as a graph, written back or run.
    """
    chosen = criterion(by)
    _check_amount(remove, within, of)
    if timed and isinstance(model, Network):
        raise OptionError("timed=True times Keras models, and a network is none: write it first")
    original = model if isinstance(model, Network) else model_of(model, trust)
    network = _network(original)
    given = material(network, data, labels)
    if given.rows < FEWEST:
        raise OptionError(f"the data have {given.rows} rows, which say little of others: give at least {FEWEST}")
    if within is not None and given.labels is None:
        raise OptionError("within= is a margin of accuracy, and the data have no labels: give them, or use remove=")
    rows, held = given.parted() if within is not None else (given, None)
    work = _Work(network, chosen, rows, Prunable(network, layers), of, repair, seed)
    if within is None:
        assert remove is not None
        taken = work.enough(remove)
    else:
        assert held is not None
        taken = work.bearable(held, within)
    found = _result(original, work, taken, given, held, within)
    return replace(found, latency=_latency(original, found.model, work.judged)) if timed else found


def _latency(original: Any, small: Any, rows: Material) -> tuple[float, float]:
    from redundancy.frameworks.keras.probes import rows_of
    from redundancy.frameworks.keras.timing import latencies

    before, now = latencies((original, small), rows.take(slice(rows_of(original) or BATCH)).inputs)
    return before, now


def _check_amount(remove: Any, within: Any, of: str) -> None:
    if (remove is None) == (within is None):
        raise OptionError("say how much goes, by one of the two: remove=0.5 for half, within=0.005 for half a point")
    name, value = ("remove", remove) if within is None else ("within", within)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < 1:
        raise OptionError(f"{name}={value!r} is no share between 0 and 1, such as {0.5 if within is None else 0.005}")
    if of not in MEASURES:
        raise OptionError(f"of={of!r} is nothing that can be saved: choose from {', '.join(MEASURES)}")


def _network(original: Any) -> Network:
    if isinstance(original, Network):
        return original
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.overriding import is_graph, no_graph

    if not is_graph(original):
        raise UnsupportedError(f"model '{original.name}' cannot be pruned: {no_graph(original)}")
    return read(original)


class _Work:
    """Pruning of one network by one criterion."""

    def __init__(
        self,
        network: Network,
        chosen: Criterion,
        rows: Material,
        prunable: Prunable,
        of: str,
        repair: bool,
        seed: int,
    ) -> None:
        self.network, self.criterion, self.prunable = network, chosen, prunable
        self.of, self.repair, self.seed = of, repair, seed
        self.calibration = rows.drawn(CALIBRATION, seed)
        self.judged = rows.drawn(JUDGED, seed + 1)
        self._done: dict[tuple[tuple[str, int], ...], Compaction] = {}

    @cached_property
    def expected(self) -> tuple[Array, ...]:
        """What the network says of the rows that harm is measured on."""
        return outputs_on(self.network, self.judged)

    def harm(self, network: Network) -> float:
        """How far the outputs of another network are from this one's."""
        from redundancy.frameworks.keras.likelihood import BERNOULLI, CATEGORICAL, head_of

        got = outputs_on(network, self.judged)
        if len(got) > 1:
            return sum(of_numbers(*pair) for pair in zip(self.expected, got, strict=True))
        head = head_of(self.network, self.judged.labels, None)
        logits = head.node == self.network.outputs[0]
        if head.likelihood == CATEGORICAL:
            return of_classes(self.expected[0], got[0], head.axis, logits=logits)
        if head.likelihood == BERNOULLI:
            return of_yes_or_no(self.expected[0], got[0], logits=logits)
        return of_numbers(self.expected[0], got[0])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All that could go, what costs least for what it saves first."""
        curves = [found for space in self.prunable.spaces if (found := self._curve(space)) is not None]
        if not curves:
            raise OptionError("no units may be pruned: what they are on data cannot be seen wherever they are read")
        return steps(tuple(curves))

    def _curve(self, space: Space) -> Curve | None:
        seen = self._ranked(self.network, self.prunable, space)
        if seen is None:
            return None
        view, ranking = seen

        def harm(count: int) -> float:
            return self.harm(self._without(self.network, space, view, ranking, count).network)

        return curve(space.name, space.size, self._saving(space), harm)

    def _saving(self, space: Space) -> float:
        """What a unit of a space saves, on average."""
        if self.of == "units":
            return 1.0
        less = cost(self.network) - self.prunable.cost_after({space.name: space.size - 1})
        return (less.parameters if self.of == "parameters" else less.macs) / max(space.size - 1, 1)

    def _ranked(self, network: Network, prunable: Prunable, space: Space) -> tuple[View, Ranking] | None:
        from redundancy.frameworks.keras.measuring import sampled
        from redundancy.frameworks.keras.sensitivity import gates

        axes, rows = prunable.axes(space), self.calibration
        values = sampled(network, axes, rows.inputs)
        opened = gates(network, axes, rows.inputs, seed=self.seed) if self.criterion.gates else None
        view = prunable.view(space, values, opened, self.seed)
        return None if view is None else (view, self.criterion.rank(view))

    def _without(self, network: Network, space: Space, view: View, ranking: Ranking, count: int) -> Compaction:
        from redundancy.frameworks.keras.agreement import unfit

        found = finding(space, view, ranking, count, self.criterion.name, repair=self.repair)
        known = [Findings((found,), ())]
        return exhausted(network, lambda _: known.pop() if known else Findings((), ()), unfit=unfit)

    def pruned(self, counts: Mapping[str, int]) -> Compaction:
        """The network without so many units of each space, one space after the other."""
        key = tuple(sorted(counts.items()))
        if key not in self._done:
            found = Compaction(self.network, self.network, (), ())
            for space in self.prunable.spaces:
                if counts.get(space.name):
                    found = self._continued(found, space.name, counts[space.name])
            self._done = {key: found}  # one is enough: to look at the last one again
        return self._done[key]

    def _continued(self, found: Compaction, name: str, count: int) -> Compaction:
        prunable = Prunable(found.network)
        space = prunable.space(name)
        seen = self._ranked(found.network, prunable, space)
        if seen is None:
            return found
        more = self._without(found.network, space, *seen, count)
        return replace(continued(found, more), refusals=(*found.refusals, *more.refusals))

    def enough(self, share: float) -> tuple[Step, ...]:
        """The fewest steps that save that share.

        Raises:
            OptionError: All together do not.
        """
        before = self._left({})
        wanted = before * (1.0 - share) * (1.0 + 1e-12)
        least = self._left(gone_after(self.steps))
        if least > wanted:
            most = np.floor(1000 * (1.0 - least / before)) / 10
            raise OptionError(f"remove={share:g} is more than can go: {most:g}% of the {self.of} at most; give less")
        return self.steps[: _first(len(self.steps), lambda n: self._left(gone_after(self.steps[:n])) <= wanted)]

    def _left(self, counts: Mapping[str, int]) -> float:
        if self.of == "units":
            return float(sum(space.size - counts.get(space.name, 0) for space in self.prunable.spaces))
        left = self.prunable.cost_after(counts)
        return float(left.parameters if self.of == "parameters" else left.macs)

    def bearable(self, held: Material, margin: float) -> tuple[Step, ...]:
        """The most steps after which the accuracy on held out rows is within the margin, as far as halving finds it."""
        least = accuracy(self.network, held) - margin
        over = _first(
            len(self.steps), lambda n: accuracy(self.pruned(gone_after(self.steps[:n])).network, held) < least
        )
        within = accuracy(self.pruned(gone_after(self.steps[:over])).network, held) >= least
        return self.steps[: over if within else over - 1]


def _first(most: int, holds: Callable[[int], bool]) -> int:
    """The first of 1 to `most` of which it holds, if it holds of all after it as well; `most` if of none."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def outputs_on(network: Network, rows: Material) -> tuple[Array, ...]:
    """What a network says of rows, in float64."""
    from redundancy.frameworks.keras import evaluate

    found = evaluate(network, rows.inputs)
    return tuple(np.asarray(array, np.float64) for array in (found if isinstance(found, tuple) else (found,)))


def right(network: Network, rows: Material) -> Array:
    """Whether each row is classified rightly. Shape (n,), bool.

    Raises:
        OptionError: The network is no classifier of rows, or the labels are no such classes.
    """
    first, *others = outputs_on(network, rows)
    assert rows.labels is not None
    scores = first.reshape(len(first), -1)
    if others or first.ndim > 2 or rows.labels.max() >= max(scores.shape[1], 2):
        shapes = ", ".join(str(array.shape[1:]) for array in (first, *others))
        raise OptionError(
            f"the model gives outputs of shape {shapes} for labels from {rows.labels.min()} to {rows.labels.max()}: its"
            " accuracy is not known; give remove= and data without labels"
        )
    if scores.shape[1] > 1:
        return np.asarray(scores.argmax(axis=1) == rows.labels)
    output = network[network.outputs[0]]
    threshold = 0.5 if output.config.get("function") == "sigmoid" else 0.0
    return np.asarray((scores[:, 0] > threshold) == (rows.labels == 1))


def accuracy(network: Network, rows: Material) -> float:
    """The share of rows that are classified rightly."""
    return float(np.mean(right(network, rows)))


def _result(
    original: Any, work: _Work, taken: tuple[Step, ...], given: Material, held: Material | None, within: float | None
) -> Pruning:
    found = work.pruned(gone_after(taken))
    keras_model = None if isinstance(original, Network) else original
    model = None if keras_model is None else written(keras_model, found.network, unchanged=not found.removals)
    expected, got = work.expected, outputs_on(found.network, work.judged)
    parts = {field.name: getattr(found, field.name) for field in fields(Compaction)}
    parts |= {
        "model": model,
        "model_name": "" if keras_model is None else keras_model.name,
        "refusals": (*work.prunable.refusals, *found.refusals),
        "difference": max((d.difference for d in distances(expected, got)), default=0.0),
        "scale": largest(expected),
        "bound": None if found.removals else 0.0,
    }
    chosen = None if held is None else (accuracy(work.network, held), accuracy(found.network, held))
    tested, verdict = None, None
    if given.test is not None and given.test.labels is not None:
        before, after = right(work.network, given.test), right(found.network, given.test)
        tested = float(np.mean(before)), float(np.mean(after))
        verdict = None if within is None else judge_images(before, after, claim="not worse", margin=within)
    return Pruning(
        **parts,
        by=work.criterion.name,
        repaired=work.repair,
        expected=sum(step.harm for step in taken),
        harm=work.harm(found.network),
        chosen=chosen,
        tested=tested,
        verdict=verdict,
    )
