"""The pytest plugin: options, fixtures, the hearing of each claim, and the section that tells what was found.

pytest loads it before everything else, in every project that this package is installed beside: at load it imports
neither a framework nor Hypothesis, and it leaves tests that are no claims alone.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redundancy import profiles
from redundancy.cache import directory
from redundancy.errors import DataError
from redundancy.hearing import UNTOLD, Hearing, first_line, judging
from redundancy.ledger import Book, Identity, Ledger
from redundancy.plugin.fixtures import dataset, or_fail, root_seed, run, seeds, store, trained  # noqa: F401 - for pytest
from redundancy.plugin.models import FILE, Gate, add_model_options, model, redundancy_model  # noqa: F401 - fixtures too
from redundancy.plugin.options import CHOICES, DATASET, NOTHING, add_options, read_options
from redundancy.plugin.resting import about_model
from redundancy.plugin.section import CARRIED, SKIPPED, Section
from redundancy.provenance import code_digest
from redundancy.report.record import ERROR, Record, recorded
from redundancy.report.results import FAIL
from redundancy.verdict import ATTRIBUTE, Claim, Outcome

CLAIMS = "claim_*.py"
"""Files in which pytest looks for claims, besides those in which it looks for tests."""

_RECORD = pytest.StashKey[Record]()
_PLACE = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options and their ini twins."""
    add_options(parser)
    add_model_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Reads the options, and refuses values that they cannot take before anything is collected."""
    config.addinivalue_line("markers", "claim: a claim about redundancy, set by @redundancy.claim('its sentence')")
    if CLAIMS not in config.getini("python_files"):
        config.addinivalue_line("python_files", CLAIMS)
    choices = read_options(config)
    scope = ExitStack()
    scope.enter_context(profiles.chosen(choices.profile, _home()))
    config.add_cleanup(scope.close)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Section(config), "redundancy-section")
    Gate.open(config)


def _home() -> Path:
    """Where Hypothesis keeps its tables for claims."""
    try:
        return directory() / "hypothesis"
    except DataError:
        # It does without, where nothing can be made. Who needs the cache for more will say that there is none.
        return Path(os.devnull) / "hypothesis"


def claim_of(item: pytest.Item) -> Claim | None:
    """The claim that an item tests; None for any other test."""
    made = getattr(getattr(item, "obj", None), ATTRIBUTE, None)
    return made if isinstance(made, Claim) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks claims, so that `-m claim` selects them."""
    if claim_of(item) is not None:
        item.add_marker("claim")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keeps Hypothesis's own plugin, which prepares itself here, from writing where the claims are."""
    searched = [claim_of(item) for item in items if getattr(getattr(item, "obj", None), "is_hypothesis_test", False)]
    with profiles.searching() if searched and None not in searched else nullcontext():
        return (yield)


def pytest_collectreport() -> None:
    """Puts the user's profile back, where a module broke off between a claim and its test."""
    profiles.leave()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Numbers the tests; all workers number them alike."""
    for place, item in enumerate(session.items):
        item.stash[_PLACE] = place


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hears the claim that the test states."""
    made = claim_of(item)
    if made is None:
        return (yield)
    with ExitStack() as stack:
        # From these Hypothesis would make a patch of the user's code, in `.hypothesis`, where it can (libcst).
        stack.callback(vars(item).pop, "_hypothesis_failing_examples", None)
        hearing = Hearing(made)
        try:
            book = or_fail(lambda: stack.enter_context(_book(item, made)))
            hearing = stack.enter_context(judging(_hearing(item, made, book)))
            with profiles.searching(), hearing.of(item):
                result = yield
        except (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            item.stash[_RECORD] = _failed(hearing, error, _data(item, hearing))
            raise
    verdict = hearing.verdict()
    item.stash[_RECORD] = recorded(verdict, _data(item, hearing))
    if verdict.outcome is Outcome.INCONCLUSIVE and item.config.stash[CHOICES].inconclusive == FAIL:
        pytest.fail(f"INCONCLUSIVE: {verdict.why}", pytrace=False)
    return result


def _hearing(item: pytest.Item, made: Claim, book: Book) -> Hearing:
    given = getattr(getattr(item, "callspec", None), "params", {})
    fixed = frozenset(getattr(item, "fixturenames", ())) - frozenset(given)
    failures = AssertionError, pytest.fail.Exception
    return Hearing(made, book, item.config.stash[CHOICES].seed, fixed, failures)


@contextmanager
def _book(item: pytest.Item, made: Claim) -> Iterator[Book]:
    """What was found about the claim of an item before; only claims with a rate are kept."""
    chosen = item.config.stash[CHOICES].ledger
    if made.at_least is None or chosen == NOTHING:
        yield Book()
        return
    ledger = Ledger(Path(chosen).expanduser()) if chosen else Ledger.default()
    with ledger.opened(_identity(item, made)) as book:
        yield book


def _identity(item: pytest.Item, made: Claim) -> Identity:
    from redundancy.zoo.versions import versions

    assert made.at_least is not None
    given = getattr(item, "funcargs", {})
    return Identity(
        made.sentence,
        item.nodeid,
        made.at_least,
        made.confidence,
        code_digest(item.path, item.config.rootpath),
        versions(),
        getattr(given.get("run"), "data_digest", ""),
        given[FILE].digest if FILE in given else "",
    )


def _failed(hearing: Hearing, error: BaseException, data: dict[str, str]) -> Record:
    if hearing.refuted and _refutes(error):
        return recorded(hearing.verdict(_line(error)), data)
    return Record(hearing.claim.sentence, ERROR, _line(error), data=data)


def _refutes(error: BaseException) -> bool:
    # Of groups only those that collect several failures: Hypothesis's own kinds of group say that a test is flaky.
    if type(error) in (ExceptionGroup, BaseExceptionGroup) and isinstance(error, BaseExceptionGroup):
        return all(_refutes(part) for part in error.exceptions)
    return isinstance(error, AssertionError | pytest.fail.Exception)


def _line(error: BaseException) -> str:
    text = first_line(error)
    if isinstance(error, AssertionError | pytest.fail.Exception):
        return text or UNTOLD
    return f"{type(error).__name__}: {text}"


def _data(item: pytest.Item, hearing: Hearing) -> dict[str, str]:
    loaded = item.config.stash.get(DATASET, None)
    # `run` brings the data along; whether they were needed shows in what was done.
    asked = "dataset" in getattr(item, "fixturenames", ())
    used = asked and (hearing.claim.at_least is None or hearing.on_data)
    return {loaded.name: str(loaded)} if used and loaded is not None else {}


def _digests(item: pytest.Item, record: Record) -> dict[str, str]:
    loaded = item.config.stash.get(DATASET, None)
    return {loaded.name: loaded.digest} if loaded is not None and loaded.name in record.data else {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Gives the report the record of the claim."""
    report = yield
    made = claim_of(item)
    record = item.stash.get(_RECORD, None) if report.when == "call" else None
    if made is not None and report.when == "setup" and report.failed and call.excinfo is not None:
        record = Record(made.sentence, ERROR, _line(call.excinfo.value))
    if made is not None and report.failed and call.excinfo is not None and _says_holds(record, report):
        # What fails beside the test's own call, such as unittest's assertions or a teardown, is no HOLDS either.
        refuted = report.when == "call" and _refutes(call.excinfo.value)
        outcome = Outcome.REFUTED.value if refuted else ERROR
        record = Record(made.sentence, outcome, _line(call.excinfo.value))
    if record is not None:
        carried = replace(record, place=item.stash[_PLACE], digests=_digests(item, record))
        setattr(report, CARRIED, about_model(item, carried).to_json())
    if made is not None and report.skipped and record is None:
        setattr(report, SKIPPED, made.sentence)
    return report


def _says_holds(record: Record | None, report: pytest.TestReport) -> bool:
    return report.when == "teardown" if record is None else record.outcome == Outcome.HOLDS.value
