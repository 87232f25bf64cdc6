"""A model file under test: loaded, audited and compacted once, however many claims are about it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.auditing import Audit, AuditFinding
from redundancy.boxing import check_size, of_bytes
from redundancy.compaction import Compaction
from redundancy.data import LOADERS
from redundancy.errors import OptionError
from redundancy.feeding import arrays_of
from redundancy.gate.baseline import NOTHING, Found, Unit
from redundancy.gate.quiet import quietly
from redundancy.gate.settings import UNSAID, Asked
from redundancy.gate.sources import Rows, tested, trained
from redundancy.hearing import under_way
from redundancy.network import Array, Network
from redundancy.notions.near import NEAR
from redundancy.report.layout import plain
from redundancy.verdict import Evidence, Outcome, Requirement, Verdict

if TYPE_CHECKING:
    import keras

SHOWN = 3
"""Of the units of one finding, so many are shown with their equations."""


class Subject:
    """A model file, and what is asked of it.

    Everything about it is computed when it is first asked for, and then kept. The model is shared by all tests of a
    session: whoever wants to change one loads it anew from `path`.

    Attributes:
        path: Of the file.
        name: What it is called in reports.
        asked: What is asked of it.
        known: The findings that are in the baseline, by claim.
        accepting: Whether all that is found is taken for known.
        found: What the claims that were tested found, by claim.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        asked: Asked = UNSAID,
        known: Mapping[str, Found] | None = None,
        *,
        accepting: bool = False,
    ) -> None:
        self.path, self.name, self.asked = path, name, asked
        self.known: Mapping[str, Found] = known or {}
        self.accepting = accepting
        self.found: dict[str, Found] = {}

    def __str__(self) -> str:
        return plain(self.name)

    def __repr__(self) -> str:
        return f"<Subject {self.name!r}>"

    @cached_property
    def model(self) -> keras.Model:
        """The model.

        Raises:
            ModelFileError: The file is damaged, dangerous, or no model.
        """
        model = loaded(self.path, trust=self.asked.trust)
        self._digest = _digest(model)
        return model

    @property
    def changed(self) -> bool:
        """Whether somebody has changed the weights of the model since it was loaded."""
        return "model" in self.__dict__ and self._digest != _digest(self.model)

    @cached_property
    @quietly()
    def network(self) -> Network:
        """The model as a frozen network.

        Raises:
            UnsupportedError: It cannot be read as a graph.
        """
        from redundancy.frameworks.keras import read

        return read(self.model)

    @cached_property
    @quietly()
    def audit(self) -> Audit:
        """What is redundant in it: by its weights; and on the training data, where that is asked for.

        Raises:
            RedundancyError: The data do not fit the model.
        """
        from redundancy.workbench import audit

        return audit(self.model, data=self._training, box=self.asked.box)

    @cached_property
    @quietly()
    def compaction(self) -> Compaction:
        """The model without that, within the tolerance that is asked for.

        Raises:
            RedundancyError: It cannot be compacted, or the data do not fit it.
        """
        from redundancy.workbench import compact

        return compact(self.model, data=self._training, tolerance=self.asked.tolerance, box=self.asked.box)

    @cached_property
    def rows(self) -> Rows | None:
        """The data that it is tested on; None where there are none.

        Raises:
            RedundancyError: The data do not fit the model.
        """
        return None if self.asked.data is None else tested(self.asked.data, self._reads, self._of_bytes)

    @property
    def data(self) -> str:
        """What the data are called: the name of a data set, or of a file."""
        return Path(self.asked.data or "").name

    @property
    def _training(self) -> tuple[Array, ...] | None:
        on_data = self.asked.on_data and self.asked.data is not None
        return (
            trained(self.asked.data, self._reads, self._of_bytes) if on_data and self.asked.data is not None else None
        )

    @property
    def _of_bytes(self) -> frozenset[str]:
        """The inputs that are to be numbers up to 255; a data set with a name has none of that size."""
        from redundancy.frameworks.keras.overriding import is_graph

        if not is_graph(self.model):
            return frozenset()
        if self.asked.data in LOADERS:
            check_size(self.network, str(self.asked.data))
        return of_bytes(self.network)

    @property
    def _reads(self) -> list[tuple[str, tuple[int | None, ...]]]:
        from redundancy.frameworks.keras.inputs import inputs_of

        if not (inputs := inputs_of(self.model)):
            raise OptionError(f"{self}: it has no inputs by name, so that no data can be given to it")
        return [(each.name, each.shape) for each in inputs]

    @quietly()
    def outputs(self, model: keras.Model, inputs: tuple[Array, ...]) -> list[Array]:
        """The outputs of a model in inference, flat, in float64: of this one, or of one that is compared with it.

        Args:
            model: The model.
            inputs: One array for each input of this model, in order; refused where they do not fit.

        Raises:
            OptionError: They do not fit, or the model does not run on them.
        """
        from redundancy.frameworks.keras.probes import on_data

        return on_data(model, _by_name(arrays_of(self.network, inputs), self.model, model))

    @property
    def redundant_share(self) -> float:
        """The share of its parameters that can be removed, from 0 to 1."""
        before = self.audit.before.parameters
        # Not 1 - after / before: its rounding puts 3 of 10 above 0.3.
        return (before - self.audit.after.parameters) / before if before else 0.0

    def redundant(self, notion: str) -> frozenset[Unit]:
        """The units that are redundant under a notion, removable or not."""
        return frozenset(Unit(f.space, notion, unit) for f in self._findings(notion) for unit in f.units)

    @cached_property
    @quietly()
    def unseen(self) -> tuple[str, ...]:
        """The layers whose units nobody can look at."""
        from redundancy.frameworks.keras.layerwise import unseen_layers

        return unseen_layers(self.model)

    def tell_unseen(self) -> None:
        """Takes down of the claim under way that it is not decided about layers that cannot be looked at."""
        if self.unseen and (hearing := under_way()) is not None:
            layers = ", ".join(map(plain, self.unseen))
            why = f"{self}: what the weights of {layers} say of units is not known, so that nobody looked at them"
            hearing.judged(Verdict(hearing.claim, Outcome.INCONCLUSIVE, Evidence(), "", why))

    def _findings(self, notion: str) -> Iterable[AuditFinding]:
        assert notion != NEAR  # never exact
        return (finding for finding in self.audit.findings if finding.notion == notion)

    def news(self, claim: str, units: frozenset[Unit]) -> frozenset[Unit]:
        """Of what a claim found, what is not known; takes down what it found.

        Args:
            claim: The key that asks for it.
            units: What was found.
        """
        _required(claim, 0.0)
        known = self.known.get(claim, NOTHING)
        old = units if self.accepting else units & known if isinstance(known, frozenset) else frozenset()
        self.found[claim] = units
        if old:
            _left_out(f"{_counted(len(old), 'unit')} of {self}")
        return units - old

    def beyond(self, claim: str, value: float, limit: float | None) -> bool:
        """Whether a number that a claim found is beyond the limit, and beyond what is known; takes it down.

        Args:
            claim: The key that asks for it.
            value: What was found.
            limit: What it may be at most; None where it was judged otherwise that it is too much.
        """
        if limit is not None:
            _required(claim, limit)
        over = limit is None or value > limit
        known = self.known.get(claim, NOTHING)
        old = over and math.isfinite(value) and (self.accepting or (isinstance(known, float) and value <= known))
        if math.isfinite(value):
            self.found[claim] = value if over else NOTHING
        if old:
            _left_out(f"{self}, with {value:.3g}")
        return over and not old

    def told(self, units: frozenset[Unit]) -> str:
        """Units that are redundant, in words on one line."""
        parts = []
        for notion in sorted({unit.notion for unit in units}):
            for finding in self._findings(notion):
                said = [
                    equation.removesuffix(f" ({notion})")
                    for unit, equation in zip(finding.units, finding.equations, strict=True)
                    if Unit(finding.space, notion, unit) in units
                ]
                if said:
                    more = [f"{len(said) - SHOWN} more"] if len(said) > SHOWN else []
                    of = f"{len(said)} of {_counted(finding.size, 'unit')} of {plain(finding.space)}"
                    verb = "is" if len(said) == 1 else "are"
                    parts.append(f"{of} {verb} {notion} ({finding.certainty}): {', '.join(said[:SHOWN] + more)}")
        return f"{self}: {'; '.join(parts)}"


@quietly()
def loaded(path: Path, *, trust: bool = False) -> keras.Model:
    """The model in a file; what of its compilation cannot be made again is of no interest here.

    Raises:
        ModelFileError: The file is damaged, dangerous, or no model.
    """
    from redundancy.frameworks.keras.files import load

    return load(path, trust=trust)


def _required(claim: str, limit: float) -> None:
    """Takes down of the claim under way how much there may be at most."""
    if (hearing := under_way()) is not None:
        required = (Requirement(claim, "at most", limit),)
        hearing.judged(Verdict(hearing.claim, Outcome.HOLDS, Evidence(), required=required))


def _left_out(what: str) -> None:
    """Takes down of the claim under way that it does not reach what is known."""
    if (hearing := under_way()) is not None:
        hearing.judged(Verdict(hearing.claim, Outcome.HOLDS, Evidence(), f"but for {what}, which is known"))


def _by_name(arrays: tuple[Array, ...], model: keras.Model, other: keras.Model) -> tuple[Array, ...]:
    """The inputs of a model in the order of another one that reads the same ones; as they are where it does not."""
    from redundancy.frameworks.keras.inputs import inputs_of

    names, wanted = ([each.name for each in inputs_of(one)] for one in (model, other))
    known = dict(zip(names, arrays, strict=False))
    return tuple(known[name] for name in wanted) if sorted(names) == sorted(wanted) else arrays


@quietly()
def _digest(model: Any) -> str:
    from redundancy.frameworks.keras.recording import stored

    hasher = hashlib.sha256()
    for variable in model.weights:
        hasher.update(np.ascontiguousarray(stored(variable)).tobytes())
    return hasher.hexdigest()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
