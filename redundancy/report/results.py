"""What the tests of a session said about their claims, for programs to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redundancy.report.record import Record
from redundancy.verdict import Outcome

PASS, WARN, FAIL = POLICIES = "pass", "warn", "fail"
"""What may become of a test whose claim is INCONCLUSIVE."""

ERRORS, WARNINGS = "error", "warning"
"""How much a result matters to who waits for the session."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one test said about its claim.

    Attributes:
        test: As pytest names it.
        record: What it said.
        failed: Whether the test failed; one that was expected to fail did not.
        path: Its file, from the root directory of the session, with slashes.
        line: Where it begins there, from 1; 0 where that is not known.
    """

    test: str
    record: Record
    failed: bool = False
    path: str = ""
    line: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; see `redundancy/report/schema/verdicts.json`."""
        record = self.record
        return {
            "claim": record.sentence,
            "test": self.test,
            "file": self.path,
            "line": self.line,
            "outcome": record.outcome,
            "failed": self.failed,
            "why": record.why,
            "scope": record.scope,
            "configurations": record.configurations,
            "runs": record.runs,
            "required": [dict(each) for each in record.required],
            "model": next(iter(record.models), ""),
            "files": sorted(record.files),
            "data": sorted(record.data),
            "measurements": dict(record.measurements),
        }


@dataclass(frozen=True, slots=True)
class Skipped:
    """A claim whose test was skipped, so that nothing is known of it.

    Attributes:
        test: As pytest names it.
        sentence: What was claimed.
        why: It was skipped.
    """

    test: str
    sentence: str
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"claim": self.sentence, "test": self.test, "why": self.why}


@dataclass(frozen=True, slots=True)
class Session:
    """All of them, and what they depend on.

    Attributes:
        results: In the order of their tests.
        skipped: Claims without a verdict.
        seed: The root seed.
        profile: How many configurations a claim was searched for.
        inconclusive: One of `POLICIES`.
        exit_code: Of pytest.
        versions: By name.
    """

    results: tuple[Result, ...]
    skipped: tuple[Skipped, ...] = ()
    seed: int = 0
    profile: str = ""
    inconclusive: str = WARN
    exit_code: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def level(self, result: Result) -> str | None:
        """`ERRORS` for what fails the session, `WARNINGS` for what the policy warns of; None for all else."""
        if result.failed:
            return ERRORS
        return WARNINGS if result.record.outcome == Outcome.INCONCLUSIVE.value and self.inconclusive == WARN else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: without times, and sorted, so that the same session gives the same bytes."""
        return {
            "schema": "redundancy/verdicts",
            "version": "1",
            "session": {
                "seed": self.seed,
                "profile": self.profile,
                "inconclusive": self.inconclusive,
                "exit_code": self.exit_code,
                "versions": dict(sorted(self.versions.items())),
                "data": _data(result.record for result in self.results),
                "files": _files(result.record for result in self.results),
            },
            "verdicts": [result.to_dict() for result in sorted(self.results, key=lambda result: result.test)],
            "skipped": [skipped.to_dict() for skipped in sorted(self.skipped, key=lambda skipped: skipped.test)],
        }


def _data(records: Iterable[Record]) -> list[dict[str, str]]:
    found = {(name, record.digests.get(name, "")): text for record in records for name, text in record.data.items()}
    return [{"name": name, "digest": digest, "description": text} for (name, digest), text in sorted(found.items())]


def _files(records: Iterable[Record]) -> list[dict[str, str]]:
    found = {entry for record in records for entry in record.files.items()}
    return [{"name": name, "digest": digest} for name, digest in sorted(found)]
