"""What all tests said about their claims, gathered from this process and from workers, and told at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from redundancy.plugin import outlets
from redundancy.plugin.junit import add_to_junit
from redundancy.plugin.options import CHOICES
from redundancy.report.record import ERROR, Record, merged
from redundancy.report.results import Result, Session, Skipped
from redundancy.report.terminal import lines
from redundancy.verdict import Outcome

CARRIED = "redundancy_record"
"""The attribute of a report that carries a record across processes, as JSON."""

SKIPPED = "redundancy_skipped"
"""The attribute of a report that carries the sentence of a claim whose test was skipped."""

COLORS: Mapping[str, Mapping[str, bool]] = {
    Outcome.HOLDS.value: {"green": True},
    Outcome.INCONCLUSIVE.value: {"yellow": True},
    Outcome.REFUTED.value: {"red": True},
    ERROR: {"red": True, "bold": True},
}


class Section:
    """Gathers records, and tells them: in the terminal, as warnings, in files, and to GitHub.

    Args:
        config: Of the session; not of a worker's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: dict[str, Record] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._failed: set[str] = set()
        self._skipped: dict[str, Skipped] = {}
        self._unwritten = ""

    # First, because what writes a JUnit file closes a test case when it hears of the teardown.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the last record of each test."""
        if (said := getattr(report, CARRIED, None)) is not None:
            self._records[report.nodeid] = Record.from_json(said)
            path, line, _ = report.location
            self._places[report.nodeid] = path.replace(os.sep, "/"), 0 if line is None else line + 1
        if (sentence := getattr(report, SKIPPED, None)) is not None:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
            self._skipped[report.nodeid] = Skipped(report.nodeid, sentence, why.removeprefix("Skipped: "))
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when == "teardown" and report.nodeid in self._records:
            add_to_junit(self._config, report, self._records[report.nodeid])

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Tells it to all but the terminal, which shows its own summary after this."""
        if self._config.option.collectonly:
            return
        found = self._session(exitstatus)
        outlets.warn(self._config, found)
        self._unwritten = outlets.write_json(self._config, found)
        outlets.tell_github(self._config, found)
        if self._unwritten and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Shows one entry a claim."""
        if self._records:
            terminalreporter.write_sep("=", "claims")
            for line in lines(merged(self._records.values()), terminalreporter._tw.fullwidth):
                terminalreporter.write_line(line, **COLORS.get(line.split(" ", 1)[0], {}))
        if self._unwritten:
            terminalreporter.write_line(f"ERROR: {self._unwritten}", red=True)

    def _session(self, exitstatus: int) -> Session:
        choices = self._config.stash[CHOICES]
        ordered = sorted(self._records.items(), key=lambda entry: entry[1].place)
        results = (Result(test, record, test in self._failed, *self._places[test]) for test, record in ordered)
        skipped = tuple(self._skipped.values())
        return Session(tuple(results), skipped, choices.seed, choices.profile, choices.inconclusive, int(exitstatus))
