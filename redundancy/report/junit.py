"""A record as the properties of a test case in a JUnit file."""

from __future__ import annotations

import re

from redundancy.report.layout import CUT, plain
from redundancy.report.record import Record

LONGEST = 1000
"""Characters of a value: readers of JUnit files show them in tables; all of a text is in the JSON of verdicts."""


def properties(record: Record) -> list[tuple[str, str]]:
    """Names and values, each on one line, without what XML or a terminal cannot take."""
    said = {
        "claim": record.sentence,
        "verdict": record.outcome,
        "why": record.why,
        "scope": record.scope,
        "configurations": record.configurations,
        "runs": record.runs,
        "data": ", ".join(record.data),
    }
    return [(f"redundancy_{name}", _cut(plain(value))) for name, value in said.items() if value != ""]


def output(record: Record) -> str:
    """The same as lines of a test's output, one `[[PROPERTY|name=value]]` each."""
    return "\n".join(f"[[PROPERTY|{name}={_apart(value)}]]" for name, value in properties(record))


def _apart(value: str) -> str:
    """A value in which no property ends and none begins, whatever a layer is called."""
    return re.sub(r"\[(?=\[)|\](?=\])", r"\g<0> ", value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - len(CUT)] + CUT
