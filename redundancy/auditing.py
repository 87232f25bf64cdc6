"""An audit: what is redundant in a network, how sure that is, what removing it saves, and what must stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from redundancy.compaction import Compaction, Unfit, anything_goes, operated
from redundancy.costs import NOTHING, Cost, cost, cost_without, gained
from redundancy.findings import Finding, Findings
from redundancy.fold import Fold, Holds
from redundancy.network import Array, Network
from redundancy.notions.near import NEAR
from redundancy.resembling import Resemblance, resembling
from redundancy.spaces import Space, Trace, trace
from redundancy.surgery import Refusal

MASKING = frozenset({"NotEqual"})
"""What Keras makes masks by, where a layer is told to mask zeros: it has no units that anyone could miss."""


class Certainty(StrEnum):
    """How sure a finding is."""

    PROVED = "proved"
    """For every input, by weights and functions."""
    BOX = "in the box"
    """For every input in a box of inputs."""
    DATA = "on data"
    """On the data that it was measured on."""
    NEAR = "near"
    """Never exactly: the units are only alike."""
    WEIGHTS = "by weights"
    """By a layer's weights alone: what the layer does with them is not known."""


CERTAINTIES = {Holds.ALWAYS: Certainty.PROVED, Holds.BOX: Certainty.BOX, Holds.DATA: Certainty.DATA}


@dataclass(frozen=True, slots=True, eq=False)
class AuditFinding:
    """Units of one space that are redundant under one notion.

    Attributes:
        space: The layers that make the units, joined by "+".
        layers: The same, one by one.
        size: How many units they make.
        notion: Under which they are redundant.
        units: Indices of those that are, increasing.
        equations: What each of them is in terms of units that stay, such as "h3 = 2 h1": of units as weights read
            them, behind functions, normalisation and pooling.
        certainty: How sure that is.
        error: How far it is from true: 0 where it is proved; on data the largest error of a unit, relative to the
            largest value of that unit; of near ones the largest relative distance of two that are alike.
        samples: Values of each unit that were looked at; 0 where no data was.
        removable: Whether `compact` takes them out, given the same options.
        saved: What the network costs less without them, all others staying, with the biases that layers gain for
            constants; as if removable, where they are not.
    """

    space: str
    layers: tuple[str, ...]
    size: int
    notion: str
    units: tuple[int, ...]
    equations: tuple[str, ...]
    certainty: Certainty
    error: float
    samples: int
    removable: bool
    saved: Cost

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "space": self.space,
            "layers": list(self.layers),
            "size": self.size,
            "notion": self.notion,
            "units": list(self.units),
            "equations": list(self.equations),
            "certainty": self.certainty.value,
            "error": self.error,
            "samples": self.samples,
            "removable": self.removable,
            "saved": self.saved.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What is redundant in a model.

    Attributes:
        findings: Space by space, in the order in which the units are made.
        refusals: What would fold, but may not, and which layer does not let it.
        model_name: Of the model.
        network: That was audited; None for a subclassed model, whose layers were looked at one by one.
        kernels: The kernel of each layer with one, by name of the layer: shape (..., units), as stored.
        before: What the model costs.
        after: What it would cost without all units that are removable.
        box: (low, high) of each input that findings in the box rest on.
        fixed: The spaces that may not be touched, redundant or not, and why: with all their units.
    """

    findings: tuple[AuditFinding, ...]
    refusals: tuple[Refusal, ...]
    model_name: str = ""
    network: Network | None = None
    kernels: Mapping[str, Array] = field(default_factory=dict)
    before: Cost = NOTHING
    after: Cost = NOTHING
    box: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    fixed: tuple[Refusal, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{f.space}: {len(f.units)} of {f.size} units {f.notion} ({f.certainty}), {f.saved.parameters} parameters"
            for f in self.findings
        ]
        lines += [str(refusal) for refusal in self.refusals]
        return "\n".join([*lines, f"{self.before.parameters} parameters, {self.after.parameters} without them"])

    def __repr__(self) -> str:
        numbers = f"{self.before.parameters} parameters, {self.after.parameters} without what can go"
        return f"<Audit {self.model_name!r}: {len(self.findings)} findings, {len(self.refusals)} refusals, {numbers}>"

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "schema": "redundancy/audit",
            "version": "1",
            "model": self.model_name,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "fixed": [refusal.to_dict() for refusal in self.fixed],
        }


def audited(network: Network, findings: Findings, *, near: bool = True, unfit: Unfit = anything_goes) -> Audit:
    """What was found in a network, notion by notion, and what is near to that.

    Args:
        network: That was searched.
        findings: What was found.
        near: Look for units that are only alike, as well.
        unfit: What nobody could write: what leads there is not removable.
    """
    books = Books(trace(network), cost(network))
    held: dict[str, Refusal] = {}
    operation, applied = operated(network, findings, unfit, held)
    goes = {finding.space for finding in applied}
    listed = [entry for f in findings.found for entry in books.entries(f, removable=f.space in goes)]
    listed += [entry for finding in findings.held for entry in books.entries(finding, removable=False)]
    kernels = {node.layer: node.weights["kernel"] for node in network if "kernel" in node.weights}
    told = {finding.space: finding.units.tolist() for finding in (*findings.found, *findings.held)}
    alike = _near(books, told) if near else []
    found, fixed = _in_order(books, listed + alike), _fixed(books.followed)
    refusals = (*findings.refusals, *operation.refusals, *held.values())
    after = cost(operation.network) if applied else books.before
    return Audit(found, refusals, "", network, kernels, books.before, after, fixed=fixed)


def _fixed(followed: Trace) -> tuple[Refusal, ...]:
    """The spaces that may not be touched; inputs and masks, whose units no layer makes by weights, left out."""
    left_out = {node.layer for node in followed.network if not node.inputs or node.kind in MASKING}
    pinned = [space for space in followed.spaces if space.pins and space.name not in left_out]
    return tuple(Refusal(space.name, space.pins[0].layer, space.pins[0].reason, space.size) for space in pinned)


def with_measured(found: Audit, exact: Compaction, more: Compaction, samples: int) -> Audit:
    """The same audit with what is redundant on data besides.

    Args:
        found: Of the network.
        exact: What folds in it by its weights.
        more: That, and what was measured after it.
        samples: Values of each unit that were looked at.
    """
    assert found.network is not None
    books = Books(trace(found.network), found.before)
    errors = {finding.space: finding.error for step in more.steps[len(exact.steps) :] for finding in step}
    grouped: dict[tuple[str, str], list[int]] = {}
    for removal in more.removals[len(exact.removals) :]:
        grouped.setdefault((removal.space, removal.why), []).append(removal.unit)
    measured = [
        books.entry(space, notion, sorted(units), more.folds[space], Certainty.DATA, errors[space], samples)
        for (space, notion), units in grouped.items()
    ]
    gone = {(f.space, unit) for f in measured for unit in f.units}
    others = [
        f for f in found.findings if f.certainty is not Certainty.NEAR or not gone & {(f.space, u) for u in f.units}
    ]
    return replace(found, findings=_in_order(books, others + measured), after=cost(more.network))


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """Keeps account of what units cost.

    Attributes:
        followed: The network and its units.
        before: What it costs.
    """

    followed: Trace
    before: Cost

    def space(self, name: str) -> Space:
        """The space of that name."""
        return next(space for space in self.followed.spaces if space.name == name)

    def without(self, gone: Mapping[str, Sequence[int]]) -> Cost:
        """What the network would cost without some units, by space."""
        ids = np.zeros(len(self.followed.roots), dtype=bool)
        for name, units in gone.items():
            ids[self.space(name).ids[np.asarray(units, np.intp)]] = True
        return cost_without(self.followed, ids)

    def entries(self, finding: Finding, *, removable: bool) -> list[AuditFinding]:
        """What was found in a space, notion by notion."""
        certainty = CERTAINTIES[max([finding.fold.holds, *(fold.holds for fold in finding.at.values())])]
        pairs = list(zip(finding.units.tolist(), finding.why, strict=True))
        return [
            replace(
                self.entry(finding.space, notion, units, finding.fold, certainty),
                removable=removable,
                saved=self.saved(finding.space, units, {name: fold.offset for name, fold in finding.at.items()}),
            )
            for notion in dict.fromkeys(finding.why)
            for units in [[j for j, why in pairs if why == notion]]
        ]

    def saved(self, space: str, units: Sequence[int], constants: Mapping[str, Array]) -> Cost:
        """What the network costs less without some units of a space.

        Args:
            space: Its name.
            units: Indices of those that go.
            constants: What each unit of a tap has of its own, by name of the tap; 0 elsewhere. Shapes (units there,).
        """
        home = self.space(space)
        more = gained(self.followed.network, home.taps, np.isin(np.arange(home.size), units), constants)
        return self.before - self.without({space: units}) - more

    def entry(
        self,
        space: str,
        notion: str,
        units: Sequence[int],
        fold: Fold | Mapping[int, str],
        certainty: Certainty,
        error: float = 0.0,
        samples: int = 0,
    ) -> AuditFinding:
        """What was found of some units of a space, and what they cost."""
        sentences = (fold.sentence(j) for j in units) if isinstance(fold, Fold) else (fold[j] for j in units)
        constants = {}
        if isinstance(fold, Fold):
            constants = {tap.name: fold.offset[tap.units] for tap in self.space(space).taps if not tap.padded}
        return AuditFinding(
            space=space,
            layers=tuple(space.split("+")),
            size=self.space(space).size,
            notion=notion,
            units=tuple(units),
            equations=tuple(sentences),
            certainty=certainty,
            error=error,
            samples=samples,
            removable=certainty is not Certainty.NEAR,
            saved=self.saved(space, units, constants),
        )


def _in_order(books: Books, findings: Sequence[AuditFinding]) -> tuple[AuditFinding, ...]:
    """The findings, in the order in which the units are made, and of one space the surest first."""
    order = {space.name: place for place, space in enumerate(books.followed.spaces)}
    sure = list(Certainty)
    return tuple(sorted(findings, key=lambda f: (order[f.space], sure.index(f.certainty))))


def _near(books: Books, gone: Mapping[str, Sequence[int]]) -> list[AuditFinding]:
    """Units of one layer that are alike, though no fold says so exactly."""
    return [_listed(books, space, those) for space, those in resembling(books.followed, gone).items()]


def _listed(books: Books, space: str, said: Mapping[int, Resemblance]) -> AuditFinding:
    error = max(each.distance for each in said.values())
    sentences = {unit: each.sentence(unit) for unit, each in said.items()}
    return books.entry(space, NEAR, sorted(said), sentences, Certainty.NEAR, error)
