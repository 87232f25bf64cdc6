"""The pytest plugin: options, fixtures, the hearing of each claim, and the section that tells what was found.

pytest loads it before everything else, in every project that this package is installed beside: at load it imports
neither a framework nor Hypothesis, and it leaves tests that are no claims alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from redundancy import profiles
from redundancy.errors import RedundancyError
from redundancy.hearing import UNTOLD, Hearing, first_line, judging, under_way
from redundancy.ledger import Book, Identity, Ledger
from redundancy.provenance import code_digest
from redundancy.report.record import ERROR, Record, merged, recorded
from redundancy.report.terminal import lines
from redundancy.verdict import ATTRIBUTE, Claim, ClaimError, Outcome

if TYPE_CHECKING:
    from redundancy.data import Dataset
    from redundancy.zoo import Recipe, Run, Store
    from redundancy.zoo.sampling import Sampling

T = TypeVar("T")

PROPERTY = "redundancy_claim"
"""The name under which a record crosses processes, and enters a JUnit file."""

COLORS: dict[str, dict[str, bool]] = {
    Outcome.HOLDS.value: {"green": True},
    Outcome.INCONCLUSIVE.value: {"yellow": True},
    Outcome.REFUTED.value: {"red": True},
    ERROR: {"red": True, "bold": True},
}

OPTIONS = {
    "data": "the data set: a name (mnist-5k, mnist) or an .npz file; else REDUNDANCY_DATA, else mnist-5k",
    "store": "the directory that keeps trained networks; else one in the user's cache",
    "profile": f"how many configurations a claim is searched for: {', '.join(profiles.EXAMPLES)} "
    f"({', '.join(map(str, profiles.EXAMPLES.values()))}; {profiles.DEFAULT} if not given)",
    "cluster": "who trains networks: here, processes:N, or a Dask scheduler as tcp://host:8786 (here if not given)",
    "ledger": "the directory that keeps verdicts on claims with a rate; else one in the user's cache; or none",
    "seed": "the root seed, from which the seeds of all runs come (0 if not given); not that of the search",
}
"""The options that take a value, and what they are: `--redundancy-NAME`, or `redundancy_NAME` in an ini file."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options say. Empty where nothing was said."""

    data: str
    store: str
    profile: str
    cluster: str
    ledger: str
    seed: int
    strict: bool


NOTHING = "none"
"""The ledger that keeps nothing."""

CLAIMS = "claim_*.py"
"""Files in which pytest looks for claims, besides those in which it looks for tests."""

_CHOICES = pytest.StashKey[Choices]()
_DATASET = pytest.StashKey["Dataset"]()
_RECORD = pytest.StashKey[Record]()
_PLACE = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options and their ini twins."""
    group = parser.getgroup("redundancy", "claims about redundancy in neural networks")
    for name, text in OPTIONS.items():
        group.addoption(f"--redundancy-{name}", metavar=name.upper(), default=None, help=text)
        parser.addini(f"redundancy_{name}", text, default="")
    text = "fail a test whose claim is INCONCLUSIVE"
    group.addoption("--redundancy-strict", action="store_true", default=None, help=text)
    parser.addini("redundancy_strict", text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Reads the options, and refuses values that they cannot take before anything is collected."""
    config.addinivalue_line("markers", "claim: a claim about redundancy, set by @redundancy.claim('its sentence')")
    if CLAIMS not in config.getini("python_files"):
        config.addinivalue_line("python_files", CLAIMS)
    choices = config.stash[_CHOICES] = _choices(config)
    if choices.data and not hasattr(config, "workerinput"):
        _check_data(config, choices.data)
    if choices.cluster and not hasattr(config, "workerinput"):
        _check_cluster(choices.cluster)
    if choices.ledger not in ("", NOTHING):
        _check_ledger(choices.ledger)
    scope = ExitStack()
    scope.enter_context(profiles.chosen(choices.profile))
    config.add_cleanup(scope.close)
    config.pluginmanager.register(Section(), "redundancy-section")


def _choices(config: pytest.Config) -> Choices:
    said = {name: _said(config, name) for name in OPTIONS}
    profile = said["profile"] or profiles.DEFAULT
    if profile not in profiles.EXAMPLES:
        known = ", ".join(profiles.EXAMPLES)
        raise pytest.UsageError(f"--redundancy-profile: there is no profile {profile!r}; give one of {known}")
    seed = said["seed"] or "0"
    if not (seed.isascii() and seed.isdigit()):
        raise pytest.UsageError(f"--redundancy-seed: {seed!r} is no seed; give a whole number from 0 up")
    return Choices(
        said["data"],
        said["store"],
        profile,
        said["cluster"],
        said["ledger"],
        int(seed),
        bool(_option(config, "strict")),
    )


def _option(config: pytest.Config, name: str) -> object:
    """The command line comes first, then the ini file."""
    given = config.getoption(f"redundancy_{name}")
    return config.getini(f"redundancy_{name}") if given is None else given


def _said(config: pytest.Config, name: str) -> str:
    return str(_option(config, name)).strip()


def _check_data(config: pytest.Config, chosen: str) -> None:
    """A name is known, or a file is sound; a file that was read is kept."""
    from redundancy.data import LOADERS, load

    if chosen in LOADERS:
        return
    try:
        config.stash[_DATASET] = load(chosen)
    except RedundancyError as error:
        raise pytest.UsageError(f"--redundancy-data: {error}") from None


def _check_cluster(chosen: str) -> None:
    """It can be talked to now; whether its workers have the right versions is seen when there is something to train."""
    from redundancy.zoo.workers import Workers

    try:
        Workers.parse(chosen).check()
    except RedundancyError as error:
        raise pytest.UsageError(f"--redundancy-cluster: {error}") from None


def _check_ledger(chosen: str) -> None:
    try:
        Ledger(Path(chosen).expanduser())
    except RedundancyError as error:
        raise pytest.UsageError(f"--redundancy-ledger: {error}") from None


@pytest.fixture(scope="session")
def dataset(pytestconfig: pytest.Config) -> Dataset:
    """The chosen data set."""
    from redundancy.data import choose, load

    if _DATASET not in pytestconfig.stash:
        chosen = choose(pytestconfig.stash[_CHOICES].data or None, os.environ)
        pytestconfig.stash[_DATASET] = _or_fail(lambda: load(chosen))
    return pytestconfig.stash[_DATASET]


@pytest.fixture(scope="session")
def store(pytestconfig: pytest.Config) -> Store:
    """The store that keeps trained networks."""
    from redundancy.zoo import Store

    chosen = pytestconfig.stash[_CHOICES].store
    return _or_fail(lambda: Store(Path(chosen).expanduser()) if chosen else Store.default())


def _or_fail(make: Callable[[], T]) -> T:
    """What is made, or one line that says why it cannot be."""
    try:
        return make()
    except RedundancyError as error:
        problem = str(error)
    # Outside the handler, so that pytest shows this line and not how it came about.
    pytest.fail(problem, pytrace=False)


@pytest.fixture(scope="session")
def root_seed(pytestconfig: pytest.Config) -> int:
    """The root seed of the session."""
    return pytestconfig.stash[_CHOICES].seed


@pytest.fixture(scope="session")
def trained(
    dataset: Dataset, store: Store, pytestconfig: pytest.Config
) -> Callable[[Recipe, Iterable[int]], tuple[Run, ...]]:
    """`trained(recipe, seeds)`: networks trained on the chosen data, each counted as a run of the claim under way."""
    from redundancy.zoo import train

    cluster = pytestconfig.stash[_CHOICES].cluster

    def runs(recipe: Recipe, seeds: Iterable[int]) -> tuple[Run, ...]:
        seeds = tuple(seeds)
        if len(set(seeds)) < len(tuple(seeds)):
            raise ClaimError("a seed is there twice, but a run that is repeated is one run: give different seeds")
        if hearing := under_way():
            hearing.trained((recipe, seed) for seed in seeds)
        return train(recipe, seeds, data=dataset, store=store, workers=cluster)

    return runs


# Of the session, though it serves each claim its own seeds: Hypothesis refuses fixtures of a function under @given.
@pytest.fixture(scope="session")
def seeds(root_seed: int) -> Callable[..., tuple[int, ...]]:
    """`seeds(count, *keys)`: independent seeds for the claim under way; other keys give unrelated ones."""
    from redundancy.zoo import seeds as independent

    def bound(count: int, *keys: str | int | float | Recipe) -> tuple[int, ...]:
        hearing = under_way()
        if hearing is None:
            raise ClaimError("there is no claim to draw seeds for: call seeds() inside a test marked with @claim")
        return independent(hearing.claim.sentence, *keys, root=root_seed, count=count)

    return bound


@pytest.fixture(scope="session")
def run(dataset: Dataset, trained: Callable[[Recipe, Iterable[int]], tuple[Run, ...]], root_seed: int) -> Sampling:
    """Under a claim with a rate: one run after another, each with a seed of its own.

    `run.trained(recipe)` is a recipe trained from it; `run.network`, `run.accuracy` and `run.loss` are those of the one
    recipe that the test draws; `run.seed` is an int.
    """
    from redundancy.zoo.sampling import Sampling

    return Sampling(trained, root_seed, dataset.name, dataset.digest)


def claim_of(item: pytest.Item) -> Claim | None:
    """The claim that an item tests; None for any other test."""
    made = getattr(getattr(item, "obj", None), ATTRIBUTE, None)
    return made if isinstance(made, Claim) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks claims, so that `-m claim` selects them."""
    if claim_of(item) is not None:
        item.add_marker("claim")


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
        hearing = Hearing(made)
        try:
            book = _or_fail(lambda: stack.enter_context(_book(item, made)))
            hearing = stack.enter_context(judging(_hearing(item, made, book)))
            with hearing.of(item):
                result = yield
        except (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            item.stash[_RECORD] = _failed(hearing, error, _data(item, hearing))
            raise
    verdict = hearing.verdict()
    item.stash[_RECORD] = recorded(verdict, _data(item, hearing))
    if verdict.outcome is Outcome.INCONCLUSIVE and item.config.stash[_CHOICES].strict:
        pytest.fail(f"INCONCLUSIVE: {verdict.why}", pytrace=False)
    return result


def _hearing(item: pytest.Item, made: Claim, book: Book) -> Hearing:
    given = getattr(getattr(item, "callspec", None), "params", {})
    fixed = frozenset(getattr(item, "fixturenames", ())) - frozenset(given)
    failures = AssertionError, pytest.fail.Exception
    return Hearing(made, book, item.config.stash[_CHOICES].seed, fixed, failures)


@contextmanager
def _book(item: pytest.Item, made: Claim) -> Iterator[Book]:
    """What was found about the claim of an item before; only claims with a rate are kept."""
    chosen = item.config.stash[_CHOICES].ledger
    if made.at_least is None or chosen == NOTHING:
        yield Book()
        return
    ledger = Ledger(Path(chosen).expanduser()) if chosen else Ledger.default()
    with ledger.opened(_identity(item, made)) as book:
        yield book


def _identity(item: pytest.Item, made: Claim) -> Identity:
    from redundancy.zoo.versions import versions

    assert made.at_least is not None
    source = getattr(item, "funcargs", {}).get("run")
    return Identity(
        made.sentence,
        item.nodeid,
        made.at_least,
        made.confidence,
        code_digest(item.path, item.config.rootpath),
        versions(),
        getattr(source, "data_digest", ""),
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
    loaded = item.config.stash.get(_DATASET, None)
    # `run` brings the data along; whether they were needed shows in what was done.
    asked = "dataset" in getattr(item, "fixturenames", ())
    used = asked and (hearing.claim.at_least is None or hearing.on_data)
    return {loaded.name: str(loaded)} if used and loaded is not None else {}


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
        # To the item as well: what the teardown reports is what enters a JUnit file.
        entry = PROPERTY, replace(record, place=item.stash[_PLACE]).to_json()
        item.user_properties.append(entry)
        report.user_properties.append(entry)
    return report


def _says_holds(record: Record | None, report: pytest.TestReport) -> bool:
    return report.when == "teardown" if record is None else record.outcome == Outcome.HOLDS.value


class Section:
    """Collects the records, from this process and from workers, and shows them at the end of the run."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the last record of each test."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._records[report.nodeid] = Record.from_json(str(value))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Shows one entry a claim."""
        if not self._records:
            return
        terminalreporter.write_sep("=", "claims")
        for line in lines(merged(self._records.values()), terminalreporter._tw.fullwidth):
            terminalreporter.write_line(line, **COLORS.get(line.split(" ", 1)[0], {}))
