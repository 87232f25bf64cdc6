"""The work of pruning one network: what units cost, which steps are taken, and what is left after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.allocation import Curve, Step, curve, gone_after, steps
from redundancy.compaction import Compaction, continued, exhausted
from redundancy.costs import cost
from redundancy.divergence import of_classes, of_numbers, of_yes_or_no
from redundancy.errors import OptionError, TooMuchError, UnsupportedError
from redundancy.findings import Findings
from redundancy.material import Material
from redundancy.network import Array, Network
from redundancy.saliency import Criterion, Ranking, View
from redundancy.scoring import accuracy, outputs_on
from redundancy.spaces import Space
from redundancy.viewing import Prunable, finding, layers_of

if TYPE_CHECKING:
    from redundancy.frameworks.keras.likelihood import Head

CALIBRATION, JUDGED = 5_000, 1_000
"""Rows that units are measured on, and rows that harm is measured on, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """How a network is trained after units went.

    Attributes:
        like: The Keras model whose compile settings are taken; None for none.
        epochs: Of training after each round; 0 for none.
        distil: To match the original's outputs instead of the labels; a number is the temperature of that.
        rounds: How many.
        seed: Of the order of rows.
    """

    like: Any
    epochs: int = 0
    distil: bool | float = False
    rounds: int = 1
    seed: int = 0


class Pruner:
    """Pruning of one network by one criterion.

    Args:
        network: To prune.
        chosen: The criterion.
        rows: What units are measured on.
        prunable: What of the network may go.
        of: What steps should save: "units", "parameters" or "macs", which "latency" is taken for here.
        repair: Units that stay take over.
        seed: Of what is drawn.
        training: What follows.
    """

    def __init__(
        self,
        network: Network,
        chosen: Criterion,
        rows: Material,
        prunable: Prunable,
        of: str,
        repair: bool,
        seed: int,
        training: Training,
    ) -> None:
        self.rows, self.training = rows, training
        self.network, self.criterion, self.prunable = network, chosen, prunable
        self.of, self.repair, self.seed = of, repair, seed
        self.calibration = rows.drawn(CALIBRATION, seed)
        self.judged = rows.drawn(JUDGED, seed + 1)
        self._done: dict[tuple[bool, tuple[tuple[str, int], ...]], Compaction] = {}

    @cached_property
    def expected(self) -> tuple[Array, ...]:
        """What the network says of the rows that harm is measured on.

        Raises:
            OptionError: That is not finite.
        """
        found = outputs_on(self.network, self.judged)
        if not all(np.all(np.isfinite(array)) for array in found):
            raise OptionError("what the model says of the data is NaN or infinite: repair it, or leave those rows out")
        return found

    def harm(self, network: Network) -> float:
        """How far the outputs of another network are from this one's; infinite where they are not finite."""
        from redundancy.frameworks.keras.likelihood import BERNOULLI, CATEGORICAL

        got = outputs_on(network, self.judged)
        if not all(np.all(np.isfinite(array)) for array in got):
            return np.inf
        if len(got) > 1:
            return sum(of_numbers(*pair) for pair in zip(self.expected, got, strict=True))
        head = self._head
        logits = head.node == self.network.outputs[0]
        if head.likelihood == CATEGORICAL:
            return of_classes(self.expected[0], got[0], head.axis, logits=logits)
        if head.likelihood == BERNOULLI:
            return of_yes_or_no(self.expected[0], got[0], logits=logits)
        return of_numbers(self.expected[0], got[0])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All that could go, what costs least for what it saves first."""
        _ = self.expected  # what is not finite, no criterion can be shown
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
            found = self._without(self.network, space, view, ranking, count)
            # What surgery refuses costs nothing and saves nothing: it cannot go.
            return self.harm(found.network) if len(found.removals) == count else np.inf

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
        opened = None
        if self.criterion.gates:
            # Labels say that logits are logits; the gradients are for those that the network itself would draw.
            opened = gates(network, axes, rows.inputs, seed=self.seed, likelihood=self._head.likelihood)
        view = prunable.view(space, values, opened, self.seed)
        return None if view is None else (view, self.criterion.rank(view))

    def _without(self, network: Network, space: Space, view: View, ranking: Ranking, count: int) -> Compaction:
        from redundancy.frameworks.keras.agreement import unfit

        found = finding(space, view, ranking, count, self.criterion.name, repair=self.repair)
        known = [Findings((found,), ())]
        return exhausted(network, lambda _: known.pop() if known else Findings((), ()), unfit=unfit)

    def pruned(self, counts: Mapping[str, int], *, trained: bool = True) -> Compaction:
        """The network without so many units of each space, one space after the other.

        Args:
            counts: By name of the space.
            trained: With the training that follows.

        Raises:
            UnsupportedError: Some of them may not go.
        """
        key = (trained and self.training.epochs > 0, tuple(sorted(counts.items())))
        if key not in self._done:
            found, rounds = Compaction(self.network, self.network, (), ()), self.training.rounds if trained else 1
            for number in range(rounds):
                for space in self.prunable.spaces:
                    total = counts.get(space.name, 0)
                    if more := total * (number + 1) // rounds - total * number // rounds:
                        found = self._continued(found, space.name, more)
                found = self._tuned(found, number) if counts and trained else found
            _check_gone(found, counts)
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

    def stated(self, shares: Mapping[str, float]) -> tuple[Step, ...]:
        """The steps that take a share of the units of each layer away.

        Raises:
            OptionError: Units of a layer may not go, or layers whose units go together are given different shares.
        """
        _ = self.expected
        found: dict[str, tuple[str, float, int]] = {}
        for layer, share in shares.items():
            space = next((space for space in self.prunable.spaces if layer in layers_of(self.network, space)), None)
            if space is None:
                reasons = [r for r in self.prunable.refusals if layer in r.space.split("+")]
                why = f": {reasons[0].reason}" if reasons else ""
                raise OptionError(f"units of layer '{layer}' may not go{why}; leave it out")
            first, stated, _units = found.setdefault(
                space.name, (layer, share, min(round(share * space.size), space.size - 1))
            )
            if stated != share:
                said = f"{stated:g} of '{first}' and {share:g} of '{layer}'"
                raise OptionError(f"remove= says {said}, which lose the same units: give one share for both")
        return tuple(Step(name, units, 0.0, 0.0) for name, (*_, units) in found.items() if units)

    def _tuned(self, found: Compaction, number: int) -> Compaction:
        from redundancy.frameworks.keras.tuning import tuned

        training, rows = self.training, self.rows
        if not training.epochs:
            return found
        network = tuned(
            found.network,
            training.like,
            rows.inputs,
            rows.labels,
            self._head,
            teacher=self.network if training.distil else None,
            temperature=float(training.distil or 1.0),
            epochs=training.epochs,
            seed=training.seed + number,
        )
        if not all(np.all(np.isfinite(weight)) for node in network for weight in node.weights.values()):
            raise OptionError("training made weights NaN or infinite: lower the learning rate, or leave tune= out")
        return replace(found, network=network)

    @cached_property
    def _head(self) -> Head:
        from redundancy.frameworks.keras.likelihood import BERNOULLI, GAUSSIAN, Head, head_of, says_probabilities

        head, labels = head_of(self.network, self.rows.labels, None), self.rows.labels
        one = self.network[self.network.outputs[0]].shape == (1,) and not says_probabilities(self.network)
        if one and head.likelihood == GAUSSIAN and labels is not None and labels.max() <= 1:
            return Head(head.node, BERNOULLI)  # a logit, as its accuracy takes it
        return head

    def enough(self, share: float) -> tuple[Step, ...]:
        """The fewest steps that save that share.

        Raises:
            TooMuchError: All together do not.
        """
        if not self.reaches(share):
            most = np.floor(1000 * (1.0 - self._left(gone_after(self.steps)) / self._left({}))) / 10
            raise TooMuchError(f"remove={share:g} is more than can go: {most:g}% of the {self.of} at most; give less")
        wanted = self._wanted(share)
        return self.steps[: first(len(self.steps), lambda n: self._left(gone_after(self.steps[:n])) <= wanted)]

    def reaches(self, share: float) -> bool:
        """Whether all steps together save that share."""
        return self._left(gone_after(self.steps)) <= self._wanted(share)

    def _wanted(self, share: float) -> float:
        """How much may be left, but for rounding."""
        return self._left({}) * (1.0 - share) * (1.0 + 1e-12)

    def _left(self, counts: Mapping[str, int]) -> float:
        if self.of == "units":
            return float(sum(space.size - counts.get(space.name, 0) for space in self.prunable.spaces))
        left = self.prunable.cost_after(counts)
        return float(left.parameters if self.of == "parameters" else left.macs)

    def bearable(self, held: Material, margin: float) -> tuple[Step, ...]:
        """The most steps after which the accuracy on held out rows is within the margin, as far as halving finds it."""
        least = accuracy(self.network, held) - margin
        over = first(len(self.steps), lambda n: accuracy(self.pruned(gone_after(self.steps[:n])).network, held) < least)
        within = accuracy(self.pruned(gone_after(self.steps[:over])).network, held) >= least
        return self.steps[: over if within else over - 1]


def _check_gone(found: Compaction, counts: Mapping[str, int]) -> None:
    """Refuses a network that kept units that were to go."""
    gone = Counter(removal.space for removal in found.removals)
    for space, count in counts.items():
        if gone[space] < count:
            reasons = [refusal for refusal in found.refusals if refusal.space == space]
            why = f": {reasons[-1].reason}" if reasons else ", since what they are on data cannot be seen"
            raise UnsupportedError(f"{count} units of '{space}' cannot go{why}; prune other layers, by layers=")


def first(most: int, holds: Callable[[int], bool]) -> int:
    """The first of 1 to `most` of which it holds, if it holds of all after it as well; `most` if of none."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
