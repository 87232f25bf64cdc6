"""An audit: what is redundant in a network, how sure that is, what removing it saves, and what must stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from redundancy.costs import NOTHING, Cost, cost, cost_without
from redundancy.fold import Holds
from redundancy.network import Array, Network
from redundancy.search import Finding, Findings
from redundancy.spaces import Trace, trace
from redundancy.surgery import Refusal


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
        equations: What each of them is in terms of units that stay, such as "h3 = 2 h1".
        certainty: How sure that is.
        error: How far it is from true: 0 where it is proved; on data the largest error of a unit, relative to the
            largest value of that unit; of near ones the largest relative distance of two that are alike.
        samples: Values of each unit that were looked at; 0 where no data was.
        removable: Whether `compact` takes them out, given the same options.
        saved: What the network costs less without them, all others staying; as if removable, where they are not.
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
    """

    findings: tuple[AuditFinding, ...]
    refusals: tuple[Refusal, ...]
    model_name: str = ""
    network: Network | None = None
    kernels: Mapping[str, Array] = field(default_factory=dict)
    before: Cost = NOTHING
    after: Cost = NOTHING
    box: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{f.space}: {len(f.units)} of {f.size} units {f.notion} ({f.certainty}), {f.saved.parameters} parameters"
            for f in self.findings
        ]
        lines += [str(refusal) for refusal in self.refusals]
        return "\n".join([*lines, f"{self.before.parameters} parameters, {self.after.parameters} without them"])

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
        }


def audited(network: Network, findings: Findings) -> Audit:
    """What was found in a network, notion by notion, with what it costs.

    Args:
        network: That was searched.
        findings: What was found.
    """
    followed, before = trace(network), cost(network)
    spaces = {space.name: space for space in followed.spaces}
    listed: list[AuditFinding] = []
    gone = np.zeros(len(followed.roots), dtype=bool)
    for finding in findings.found:
        ids = spaces[finding.space].ids
        for notion in dict.fromkeys(finding.why):
            units = np.array([j for j, why in zip(finding.units.tolist(), finding.why, strict=True) if why == notion])
            alone = np.zeros_like(gone)
            alone[ids[units]] = True
            gone |= alone
            listed.append(_listed(finding, notion, units, before - cost_without(followed, _tied(followed, alone))))
    kernels = {node.layer: node.weights["kernel"] for node in network if "kernel" in node.weights}
    after = cost_without(followed, _tied(followed, gone))
    return Audit(tuple(listed), findings.refusals, network=network, kernels=kernels, before=before, after=after)


def _tied(followed: Trace, gone: Array) -> Array:
    """The same, for every id of a unit and not only for the one that stands for it."""
    return np.asarray(gone[followed.roots])


def _listed(finding: Finding, notion: str, units: Array, saved: Cost) -> AuditFinding:
    holds = max(fold.holds for fold in finding.at.values())
    return AuditFinding(
        space=finding.space,
        layers=tuple(finding.space.split("+")),
        size=finding.size,
        notion=notion,
        units=tuple(units.tolist()),
        equations=tuple(finding.fold.sentence(j) for j in units.tolist()),
        certainty=CERTAINTIES[holds],
        error=0.0,
        samples=0,
        removable=True,
        saved=saved,
    )
