"""Where results go besides the terminal: pytest's warnings, a JSON file, and GitHub."""

from __future__ import annotations

import os
import platform
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from redundancy.errors import InconclusiveWarning, OutputError, ReportWarning
from redundancy.output import reason, unwritable, written_whole
from redundancy.plugin.options import CHOICES
from redundancy.report import github
from redundancy.report.document import document
from redundancy.report.results import WARNINGS, Session

ENCODING = "utf-8"


def warn(config: pytest.Config, found: Session) -> None:
    """Has pytest list what the policy warns of."""
    for result in found.results:
        if found.level(result) == WARNINGS:
            said = f"{result.record.sentence}: {result.record.why}"
            place, line = result.record.source, result.record.line
            if not place:
                place, line = str(config.rootpath / result.path), result.line
            _listed(config, InconclusiveWarning(said), place, line, result.test)


def write_json(config: pytest.Config, found: Session) -> str:
    """Writes the file that --redundancy-json names, whole or not at all.

    Returns:
        Why it is not there; "" where it is, or where none was asked for.
    """
    path = config.stash[CHOICES].json
    if path is None:
        return ""
    try:
        with written_whole(path, force=True) as temporary:
            _write(temporary, path, document(replace(found, versions=_versions())))
    except OutputError as error:
        return f"--redundancy-json: {error}"
    return ""


def _write(temporary: Path, path: Path, text: str) -> None:
    try:
        temporary.write_text(text, encoding=ENCODING)
    except OSError as error:
        raise unwritable(path, error) from error


def tell_github(config: pytest.Config, found: Session) -> None:
    """Prints annotations and adds to the summary of the job, where GitHub runs this and nobody has said no."""
    if not config.stash[CHOICES].github:
        return
    workspace = os.environ.get("GITHUB_WORKSPACE")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    commands = list(github.commands(found, config.rootpath, Path(workspace) if workspace else None))
    if reporter is not None and commands:
        # The first line ends pytest's own, which shows how far it is: a command has to begin its line.
        for line in ("", *commands):
            reporter.write_line(line)
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        _summarise(config, Path(place), found)


def _summarise(config: pytest.Config, path: Path, found: Session) -> None:
    try:
        taken = path.stat().st_size if path.exists() else 0
        if text := github.summary(found, github.LARGEST - taken):
            with path.open("a", encoding=ENCODING, newline="\n") as file:
                file.write(text)
    except OSError as error:
        said = f"cannot write GITHUB_STEP_SUMMARY {str(path)!r}: {reason(error)}; the table of claims is left out"
        _listed(config, ReportWarning(said), str(path), 0, "")


def _listed(config: pytest.Config, said: Warning, path: str, line: int, test: str) -> None:
    # Not by warnings.warn: what INCONCLUSIVE means is up to this package's option, whatever -W makes of warnings.
    message = warnings.WarningMessage(said, type(said), path, line)
    listed = {"warning_message": message, "when": "runtest", "nodeid": test, "location": None}
    config.hook.pytest_warning_recorded.call_historic(kwargs=listed)


def _versions() -> dict[str, str]:
    from hypothesis import __version__ as hypothesis

    from redundancy import __version__ as own
    from redundancy.zoo.versions import versions

    said = {"python": platform.python_version(), "pytest": pytest.__version__, "hypothesis": hypothesis}
    return {"redundancy": own, **said, **versions()}
