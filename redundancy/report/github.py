"""Results as GitHub shows them: a table for the summary of a job, and annotations of the files in a change.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from redundancy.report.layout import plain
from redundancy.report.record import SEVERITY, Record, merged
from redundancy.report.results import Result, Session
from redundancy.report.terminal import extent

LARGEST = 1024 * 1024
"""Bytes of the summary of one step; GitHub shows none of a larger one."""

HEAD = "| verdict | claim | what was found |\n|---|---|---|\n"

MARKUP = re.compile(r"[\\`*_{}\[\]<>&|~#$]")
"""What Markdown, HTML or GitHub may take for more than itself."""


def summary(session: Session, room: int = LARGEST) -> str:
    """A Markdown table of all claims, the worst first; "" where there are none, or where there is no room.

    Args:
        session: What was found.
        room: Bytes that it may take; claims that do not fit are counted at the end.
    """
    records = sorted(merged(result.record for result in session.results), key=_severity)
    if not records:
        return ""
    head, foot = f"### Claims: {_counts(records)}\n\n{HEAD}", f"\n{_footnote(session, records)}\n\n"
    left = room - len((head + foot + _more(len(records))).encode())
    rows: list[str] = []
    for row in map(_row, records):
        left -= len(row.encode())
        if left < 0:
            break
        rows.append(row)
    if not rows:
        return ""
    missing = len(records) - len(rows)
    return head + "".join(rows) + (_more(missing) if missing else "") + foot


def commands(session: Session, root: Path, workspace: Path | None) -> Iterator[str]:
    """A workflow command for each test that fails the session, or that its policy warns of.

    Args:
        session: What was found.
        root: What the paths of results start from.
        workspace: What GitHub's paths start from; files outside of it are not named.
    """
    for result in session.results:
        if level := session.level(result):
            record = result.record
            fields = {**_place(result, root, workspace), "title": f"{record.outcome}: {plain(record.sentence)}"}
            said = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
            yield f"::{level} {said}::{_data(plain(record.why) or plain(record.sentence))}"


def escaped(text: str) -> str:
    """A text for a cell of a table, that shows as it stands."""
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", plain(text))


def _severity(record: Record) -> int:
    return -SEVERITY.index(record.outcome)


def _counts(records: list[Record]) -> str:
    outcomes = [record.outcome for record in records]
    return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in reversed(SEVERITY) if outcome in outcomes)


def _row(record: Record) -> str:
    found = "<br>".join(escaped(text) for text in (record.why, extent(record)) if text)
    return f"| {record.outcome} | {escaped(record.sentence)} | {found} |\n"


def _more(missing: int) -> str:
    return f"| | and {missing} more, for which there is no room | |\n"


def _footnote(session: Session, records: list[Record]) -> str:
    data = {name: text for record in records for name, text in record.data.items()}
    skipped = f"skipped: {len(session.skipped)}; " if session.skipped else ""
    said = f"{skipped}root seed {session.seed}, profile {session.profile}, INCONCLUSIVE: {session.inconclusive}"
    return "; ".join([said, *map(escaped, data.values())])


def _place(result: Result, root: Path, workspace: Path | None) -> dict[str, str]:
    said, line = (result.record.source, result.record.line) if result.record.source else (result.path, result.line)
    path = (root / said).resolve()
    if workspace is not None and not path.is_relative_to(workspace.resolve()):
        return {}
    named = path.relative_to(workspace.resolve()).as_posix() if workspace is not None else said
    return {"file": named, **({"line": str(line)} if line else {})}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
