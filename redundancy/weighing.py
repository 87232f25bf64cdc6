"""What the weights of a layer alone say of its units, where nothing says what happens to them afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from redundancy.algebra import Algebra
from redundancy.auditing import Audit, AuditFinding, Certainty
from redundancy.costs import NOTHING, Cost
from redundancy.functions import identity
from redundancy.layers.tracer import epsilon
from redundancy.network import Array
from redundancy.notions import finder, named
from redundancy.sites import site_of
from redundancy.surgery import Refusal
from redundancy.units import Affine

UNKNOWN = Algebra("a function of which nothing is known", identity)
"""Of it only this is known: equal values are equal behind it."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A layer of which no more is known than its weights.

    Attributes:
        layer: Its name; with that of the weight, if it has several kernels.
        rows: The weights of each unit. Shape (n, d), as stored.
        offset: The bias of each unit. Shape (n,), float64.
        algebra: Of the function that the layer applies to its units; `UNKNOWN` where that, and what the weights do,
            is not known.
        kernel: As stored. Shape (..., n) for most layers.
    """

    layer: str
    rows: Array
    offset: Array
    algebra: Algebra
    kernel: Array

    @property
    def known(self) -> bool:
        """Whether the units are what the rows say."""
        return self.algebra is not UNKNOWN


def weighed(layers: Iterable[Weighed], notions: Iterable[str] | None = None) -> tuple[AuditFinding, ...]:
    """Units that are alike by the weights of their layer.

    Args:
        layers: To look at, each on its own.
        notions: Names of those to look for; all if not given.
    """
    find = finder(named(notions))
    found: list[AuditFinding] = []
    for layer in layers:
        n = len(layer.rows)
        eps = epsilon(layer.rows.dtype) if layer.rows.dtype.kind in "fV" else 0.0
        affine = Affine({"read": layer.rows}, np.ones(n), layer.offset, ("",) * n, eps)
        unbounded = np.full(n, np.inf)
        fold = find(site_of(affine, -unbounded, unbounded, layer.algebra))
        for notion in dict.fromkeys(why for why in fold.why if why):
            units = [j for j, why in enumerate(fold.why) if why == notion]
            found.append(_listed(layer, notion, units, [fold.sentence(j) for j in units]))
    return tuple(found)


def _listed(layer: Weighed, notion: str, units: list[int], sentences: list[str]) -> AuditFinding:
    if not layer.known:
        # It is the weights that are equal, or zero; what the units are nobody can say.
        sentences = [sentence.replace("h", "w") for sentence in sentences]
    numbers = len(units) * (layer.rows.shape[1] + bool(np.any(layer.offset)))
    return AuditFinding(
        space=layer.layer,
        layers=(layer.layer,),
        size=len(layer.rows),
        notion="zero" if notion in ("constant", "dead") and not layer.known else notion,
        units=tuple(units),
        equations=tuple(sentences),
        certainty=Certainty.WEIGHTS,
        error=0.0,
        samples=0,
        removable=False,
        saved=Cost(numbers, 0, numbers * layer.rows.dtype.itemsize),
    )


def with_weighed(found: Audit, layers: Iterable[Weighed], notions: Iterable[str] | None = None) -> Audit:
    """The same audit, with what the weights of layers that nothing else is known of say."""
    more = weighed(layers, notions)
    return replace(found, findings=(*found.findings, *more)) if more else found


def layerwise(
    name: str, reason: str, layers: Iterable[Weighed], total: Cost, notions: Iterable[str] | None = None
) -> Audit:
    """The audit of a model that is no graph: layer by layer, with nothing to remove.

    Args:
        name: Of the model.
        reason: Why there is no surgery on it.
        layers: With a kernel.
        total: What the model costs.
        notions: Names of those to look for; all if not given.
    """
    chosen = tuple(layers)
    found = weighed(chosen, notions)
    units = sum(len(finding.units) for finding in found)
    refusal = Refusal(name, name, reason, units)
    kernels = {layer.layer: layer.kernel for layer in chosen}
    return Audit(found, (refusal,), name, None, kernels, total or NOTHING, total or NOTHING)
