"""What a test says about a claim, as plain values that cross processes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from redundancy.verdict import Measurement, Outcome, Verdict, combined

ERROR = "ERROR"
"""The outcome of a test that broke before it could judge; not a verdict."""

SEVERITY = (Outcome.HOLDS.value, Outcome.INCONCLUSIVE.value, Outcome.REFUTED.value, ERROR)
"""The outcomes, from the one that every other one outweighs to the one that outweighs all."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the report.

    Attributes:
        sentence: What was claimed.
        outcome: One of `SEVERITY`.
        why: Why it is not HOLDS; "" where it is.
        scope: How far the verdict reaches.
        measurements: By name.
        configurations: Over how many.
        runs: Over how many.
        data: Descriptions of the data sets used, by name.
        digests: Theirs, by name.
        place: Where the test stands among all tests of the session.
        required: What had to be shown, in numbers: `redundancy.verdict.Requirement` as objects.
        models: The model files that it is about, by name.
        files: The digests of the files that it rests on, by name.
        source: The file that asks for it, where that is not the test's.
        line: There, from 1; 0 where that is not known.
    """

    sentence: str
    outcome: str
    why: str = ""
    scope: str = ""
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    configurations: int = 0
    runs: int = 0
    data: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    place: int = 0
    required: tuple[Mapping[str, Any], ...] = ()
    models: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    line: int = 0

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, source: str) -> Record:
        """The record that `to_json` wrote."""
        values: dict[str, Any] = json.loads(source)
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **lists})


def recorded(verdict: Verdict, data: Mapping[str, str]) -> Record:
    """The record of a verdict that was reached on that data."""
    evidence = verdict.evidence
    return Record(
        verdict.claim.sentence,
        verdict.outcome.value,
        verdict.why,
        verdict.scope,
        dict(evidence.measurements),
        evidence.configurations,
        evidence.runs,
        data,
        required=tuple(asdict(each) for each in verdict.required),
    )


def merged(records: Iterable[Record]) -> tuple[Record, ...]:
    """One record a sentence, in the order of their tests; in which order these finished does not matter.

    The worst outcome stands for all. What was measured is then that of the tests with this outcome; where nothing
    failed, it is that of all.
    """
    groups: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.place):
        groups.setdefault(record.sentence, []).append(record)
    return tuple(_merged(group) for group in groups.values())


def _merged(group: list[Record]) -> Record:
    worst = max((record.outcome for record in group), key=SEVERITY.index)
    said = [record for record in group if record.outcome == worst]
    measurements: dict[str, Measurement] = {}
    for record in said if worst in SEVERITY[2:] else group:
        for name, measurement in record.measurements.items():
            measurements[name] = combined(measurements.get(name), measurement)
    return Record(
        group[0].sentence,
        worst,
        _why(said, len(group)),
        "; ".join(dict.fromkeys(record.scope for record in group if record.scope)),
        measurements,
        sum(record.configurations for record in group),
        sum(record.runs for record in group),
        {name: text for record in group for name, text in record.data.items()},
        {name: digest for record in group for name, digest in record.digests.items()},
        group[0].place,
        models=tuple(dict.fromkeys(name for record in group for name in record.models)),
    )


def _why(said: list[Record], tests: int) -> str:
    if len(said) == 1 or not said[0].why:
        return said[0].why
    return f"{said[0].why} (and {len(said) - 1} more of {tests} tests)"
