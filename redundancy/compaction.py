"""Compaction: search and surgery in turns, until nothing folds any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from redundancy.costs import cost
from redundancy.findings import Finding, Findings
from redundancy.fold import Fold, Holds, compose
from redundancy.network import Array, Network
from redundancy.search import search
from redundancy.spaces import trace
from redundancy.surgery import FoldedWeightError, Operation, Refusal, operate
from redundancy.telling import assumption_told, bound_told, difference_told


@dataclass(frozen=True, slots=True)
class Removal:
    """A unit that went.

    Attributes:
        space: The layers that made it.
        unit: Its index there, in the network that came in.
        why: The notion that removed it.
        holds: How far that is true.
    """

    space: str
    unit: int
    why: str
    holds: Holds

    def __str__(self) -> str:
        return f"unit {self.unit} of {self.space} is {self.why}"

    def to_dict(self, fold: Fold) -> dict[str, Any]:
        """In plain types, as JSON has them.

        Args:
            fold: All units of the space in terms of those that were left.
        """
        return {
            "space": self.space,
            "unit": self.unit,
            "notion": self.why,
            "holds": self.holds.name.lower(),
            "equation": fold.equation(self.unit),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Compaction:
    """A network without the redundancy that was found in it.

    Attributes:
        network: The small one.
        original: The one that came in, untouched.
        removals: Every unit that went, in order.
        refusals: What would have folded in the small network, but may not.
        folds: What was applied, by space: all its units, as the first network counted them, in terms of those left.
        steps: What was applied, search by search.
        model: The small one in the framework that the original came in; None where that was a network.
        model_name: Of the original.
        difference: The largest difference of an output, measured; None where nothing was run.
        scale: The largest output in that measurement, by size.
        bound: No output can differ by more, but for rounding, on inputs in the box; 0 where every fold is exact, None
            where some were only measured on data.
        box: (low, high) of each input that `bound` rests on.
        tolerance: How far outputs were allowed to differ.
        assumed: Names of inputs that are in the box only because nothing said how large they get.
        files: Bytes of the file that the original came from and of the one that was written; None where none was.
    """

    network: Network
    original: Network
    removals: tuple[Removal, ...]
    refusals: tuple[Refusal, ...]
    folds: Mapping[str, Fold] = field(default_factory=dict)
    steps: tuple[tuple[Finding, ...], ...] = ()
    model: Any = None
    model_name: str = ""
    difference: float | None = None
    scale: float | None = None
    bound: float | None = 0.0
    box: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    tolerance: float = 0.0
    assumed: tuple[str, ...] = ()
    files: tuple[int, int] | None = None

    @property
    def parameters_before(self) -> int:
        """Of the original."""
        return self.original.parameters

    @property
    def parameters_after(self) -> int:
        """Of the small network."""
        return self.network.parameters

    def __str__(self) -> str:
        counts = Counter((removal.space, removal.why) for removal in self.removals)
        lines = [f"{space}: {count} removed ({why})" for (space, why), count in counts.items()]
        lines += [str(refusal) for refusal in self.refusals]
        return "\n".join([*lines, f"{self.original.parameters} parameters, now {self.network.parameters}", *self.told])

    def __repr__(self) -> str:
        numbers = f"{self.parameters_before} -> {self.parameters_after} parameters, bound={self.bound}"
        return f"<Compaction {self.model_name!r}: {len(self.removals)} units removed, {numbers}>"

    @property
    def told(self) -> tuple[str, ...]:
        """By how much outputs differ and by how much they can, on which inputs: a sentence each."""
        bound = bound_told(self.bound, self.box) if self.removals else ""
        sentences = (difference_told(self.difference, self.scale), bound, assumption_told(self.assumed))
        return tuple(sentence for sentence in sentences if sentence)

    def removed(self) -> list[dict[str, Any]]:
        """Every unit that went, in plain types."""
        return [removal.to_dict(self.folds[removal.space]) for removal in self.removals]

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "schema": "redundancy/compaction",
            "version": "1",
            "model": self.model_name,
            "parameters_before": self.parameters_before,
            "parameters_after": self.parameters_after,
            "before": cost(self.original).to_dict(),
            "after": cost(self.network).to_dict(),
            "file_before": self.files[0] if self.files else None,
            "file_after": self.files[1] if self.files else None,
            "difference": self.difference,
            "scale": self.scale,
            "tolerance": self.tolerance,
            "bound": self.bound,
            "box": [
                {"input": name, "low": low.tolist(), "high": high.tolist(), "assumed": name in self.assumed}
                for name, (low, high) in self.box.items()
            ],
            "removals": self.removed(),
            "refusals": [refusal.to_dict() for refusal in self.refusals],
        }


Unfit = Callable[[Network], Mapping[str, str]]
"""Names of the nodes of a network that could not be written, and why not."""


def anything_goes(network: Network) -> dict[str, str]:
    """No node is one that could not be written."""
    return {}


def compact(
    network: Network,
    *,
    notions: Iterable[str] | None = None,
    box: Mapping[str, tuple[Array, Array]] | None = None,
    unfit: Unfit = anything_goes,
) -> Compaction:
    """Removes from a network every unit that the others, or a bias, can stand in for.

    What folds in one layer can make units of another alike, so the search starts again after every operation.

    Args:
        network: To compact; it stays as it is.
        notions: Names of those to look for; all if not given.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch. The
            small network then computes the same for inputs in that box.
        unfit: What nobody could write is not made: the folds that lead there are refused.

    Returns:
        A network that computes the same, but for the rounding of its weights.

    Raises:
        OptionError: There is no such notion.
        NetworkError: The box is of a node that is no input, or is empty; or a weight is NaN or infinite.
    """
    names = None if notions is None else tuple(notions)
    return exhausted(network, lambda small: search(small, notions=names, box=box), unfit=unfit)


def exhausted(network: Network, look: Callable[[Network], Findings], *, unfit: Unfit = anything_goes) -> Compaction:
    """Applies what is found until nothing more is.

    Args:
        network: To compact; it stays as it is.
        look: Searches a network.
        unfit: What nobody could write is not made: the folds that lead there are refused.
    """
    small = network
    removals: list[Removal] = []
    left: dict[str, Array] = {}
    folds: dict[str, Fold] = {}
    steps: list[tuple[Finding, ...]] = []
    held: dict[str, Refusal] = {}
    while True:
        findings = look(small)
        operation, applied = operated(small, findings, unfit, held)
        refusals = (*findings.refusals, *operation.refusals, *held.values())
        if not applied:
            return Compaction(small, network, tuple(removals), refusals, folds, tuple(steps))
        for finding in applied:
            removals += _removed(finding, left)
            before = folds.get(finding.space)
            folds[finding.space] = compose(before, finding.fold) if before else finding.fold
        steps.append(tuple(applied))
        small = operation.network


def operated(
    network: Network, findings: Findings, unfit: Unfit, held: dict[str, Refusal]
) -> tuple[Operation, list[Finding]]:
    """The folds that may be applied, and their network.

    Args:
        network: That was searched; it stays as it is.
        findings: What was found in it.
        unfit: What nobody could write.
        held: Refusals by space. Folds of those are not tried; what leads to nodes that nobody could write, or to
            weights that are too large for their type, joins them.
    """
    while True:
        wanted = [finding for finding in findings.found if finding.space not in held]
        at = {name: fold for finding in wanted for name, fold in finding.at.items()}
        try:
            operation = operate(network, at) if at else Operation(network, ())
        except FoldedWeightError as error:
            space, gone = next((finding.space, len(finding.units)) for finding in wanted if error.tap in finding.at)
            held[space] = Refusal(space, error.layer, error.reason, gone)
            continue
        refused = {refusal.space for refusal in operation.refusals}
        applied = [finding for finding in wanted if finding.space not in refused]
        problems = unfit(operation.network) if applied else {}
        more = _leading(network, applied, problems) if problems else {}
        if not more:
            return operation, applied
        held.update(more)


def _leading(network: Network, applied: list[Finding], problems: Mapping[str, str]) -> dict[str, Refusal]:
    """The spaces whose folds change nodes that nobody could write then: their own units, or those that they read."""
    followed = trace(network)
    spaces = {space.name: space for space in followed.spaces}
    found: dict[str, Refusal] = {}
    for name, reason in problems.items():
        for finding in applied:
            space = spaces[finding.space]
            reads = any(read.node == name for tap in space.taps for read in tap.reads)
            if reads or np.isin(followed.made(name), space.ids).any():
                found[space.name] = Refusal(space.name, network[name].layer, reason, len(finding.units))
    return found


def _removed(finding: Finding, left: dict[str, Array]) -> list[Removal]:
    """The units that went, as the first network counted them; `left` keeps count, by space."""
    still = left.get(finding.space, np.arange(finding.size))
    left[finding.space] = np.delete(still, finding.units)
    holds = max(fold.holds for fold in finding.at.values())
    gone = zip(finding.units.tolist(), finding.why, strict=True)
    return [Removal(finding.space, int(still[unit]), why, holds) for unit, why in gone]


def continued(first: Compaction, second: Compaction) -> Compaction:
    """Two compactions as one: the second began with what the first one left, or with weights near to it.

    What was measured, and the model, are the second one's.
    """
    gone: dict[str, list[int]] = {}
    for removal in first.removals:
        gone.setdefault(removal.space, []).append(removal.unit)
    later = tuple(replace(r, unit=_nth(r.unit, gone.get(r.space, []))) for r in second.removals)
    folds = {
        name: compose(first.folds[name], fold) if name in first.folds else fold for name, fold in second.folds.items()
    }
    return replace(
        second,
        original=first.original,
        removals=first.removals + later,
        folds={**first.folds, **folds},
        steps=first.steps + second.steps,
    )


def _nth(n: int, gone: list[int]) -> int:
    """The index of the n-th of those that are left."""
    return int(np.setdiff1d(np.arange(n + len(gone) + 1), gone)[n])
