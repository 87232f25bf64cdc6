"""The part of the pytest plugin that is about model files: which there are, the fixture, and the baseline."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from redundancy.errors import OptionError, RedundancyError
from redundancy.modules import check_module, imported

if TYPE_CHECKING:
    from redundancy.gate.baseline import Findings, Found
    from redundancy.gate.configuration import Configuration
    from redundancy.gate.subject import Subject

FILE = "redundancy_model"
"""The fixture that stands for the model files; `model` rests on it, so that whoever has a `model` of their own is left
alone."""

REPORTED = "redundancy_found"
"""The attribute of a report under which what a claim found in a model crosses processes."""

TEXT = "a model file, or a pattern as models/*.keras, for tests that take `model`; may be given again"


def add_model_options(parser: pytest.Parser) -> None:
    """Adds the options about model files, and the ini twin of the one that names them."""
    group = parser.getgroup("redundancy")
    group.addoption("--redundancy-model", action="append", metavar="PATH", default=[], help=TEXT)
    parser.addini("redundancy_model", TEXT, type="linelist", default=[])
    text = "the pyproject.toml whose [tool.redundancy] says what is asked of models; else the one in the rootdir"
    group.addoption("--redundancy-config", metavar="PATH", default=None, help=text)
    text = "take what is found in models for known, and write it to the baseline"
    group.addoption("--redundancy-update-baseline", action="store_true", help=text)


class Gate:
    """Gives tests the model files, one after another, and keeps the baseline.

    Nothing is read before a test asks for a model, but for what the command line names.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worker = hasattr(config, "workerinput")
        self._now: dict[str, dict[str, Found]] = {}
        self._told = ""
        self.digests: dict[Path, str] = {}

    def asked_at(self, model: Path, key: str) -> tuple[str, int]:
        """The file and the line, 0 where that is not known, that ask for a claim; the model itself where none does."""
        from redundancy.gate.resting import line_of

        if (file := self.asked.file) is None:
            return str(model.absolute()), 0
        return str(file.absolute()), line_of(file.read_text("utf-8"), key, self.asked.table_of(model, key))

    @cached_property
    def asked(self) -> Configuration:
        """What is asked of which models.

        Raises:
            RedundancyError: The file that says so is not as it must be.
        """
        from redundancy.gate.configuration import FILE as NAME
        from redundancy.gate.configuration import Configuration, configuration, section_of

        if given := self._config.getoption("redundancy_config"):
            return configuration(Path(given))
        file = self._config.rootpath / NAME
        if file.is_file() and section_of(file) is not None:
            return configuration(file)
        return Configuration(self._config.rootpath)

    @cached_property
    def models(self) -> tuple[Path, ...]:
        """The model files: of the command line, else of the ini file, else of pyproject.toml.

        Raises:
            RedundancyError: One is not there.
        """
        from redundancy.gate.patterns import matched

        given = self._config.getoption("redundancy_model")
        said = [(pattern, self._config.invocation_params.dir) for pattern in given]
        said = said or [(pattern, self._ini_directory) for pattern in self._config.getini("redundancy_model")]
        try:
            named = dict.fromkeys(file for pattern, where in said for file in matched(pattern, where))
        except RedundancyError as error:
            raise type(error)(f"--redundancy-model: {error}") from None
        return tuple(named) or self.asked.models

    @property
    def _ini_directory(self) -> Path:
        return self._config.inipath.parent if self._config.inipath else self._config.rootpath

    @cached_property
    def known(self) -> Findings:
        """The baseline.

        Raises:
            RedundancyError: The file is no baseline.
        """
        from redundancy.gate.baseline import read

        return read(self.asked.baseline) if self.asked.baseline else {}

    @cached_property
    def _accepting(self) -> bool:
        return bool(self._config.getoption("redundancy_update_baseline"))

    def name(self, model: Path) -> str:
        """What a file is called in reports: its path from where the configuration is."""
        from redundancy.gate.patterns import called

        return called(model, self.asked.root)

    @classmethod
    def open(cls, config: pytest.Config) -> None:
        """Puts one up for a session.

        Raises:
            pytest.UsageError: What it would need cannot be used.
        """
        gate = config.stash[GATE] = cls(config)
        try:
            gate._check()
        except RedundancyError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(gate, "redundancy-gate")

    def _check(self) -> None:
        """Refuses, before anything is collected, files that an option names and that cannot be used.

        Raises:
            RedundancyError: That is so; or the baseline could not be written.
        """
        from redundancy.output import check_writable

        if self._worker:
            return
        if self._config.getoption("redundancy_config"):
            _ = self.asked
        if self._config.getoption("redundancy_model"):
            _ = self.models
        if not self._accepting:
            return
        if self.asked.baseline is None:
            raise OptionError("--redundancy-update-baseline: no [tool.redundancy] in pyproject.toml says which file")
        _ = self.known
        check_writable(self.asked.baseline, force=True)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Gives a test that takes `model` each model file."""
        if FILE not in metafunc.fixturenames:
            return
        try:
            models = self.models
            names = [self.name(model) for model in models]
        except RedundancyError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        if models:
            metafunc.parametrize(FILE, models, indirect=True, ids=names, scope="session")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leaves out the claims that nobody asks of a model."""
        parts: dict[bool, list[pytest.Item]] = {True: [], False: []}
        for item in items:
            parts[self._is_asked(item)].append(item)
        if parts[False]:
            config.hook.pytest_deselected(items=parts[False])
            items[:] = parts[True]

    def _is_asked(self, item: pytest.Item) -> bool:
        from redundancy.gate.asking import key_of

        key = key_of(getattr(item, "obj", None))
        model = getattr(getattr(item, "callspec", None), "params", {}).get(FILE)
        return key is None or model is None or self.asked.asked(model).asks(key)

    def subject(self, path: Path) -> Subject:
        """A model file under test, loaded.

        Raises:
            RedundancyError: It cannot be loaded, or what is asked of it cannot be read.
        """
        from redundancy.gate.subject import Subject

        self._imported()
        name = self.name(path)
        known = self.known.get(name, {})
        subject = Subject(path, name, self.asked.asked(path), known, accepting=self._accepting)
        _ = subject.model
        return subject

    def _imported(self) -> None:
        """Imports the modules that pyproject.toml names, from beside it or from where Python finds them."""
        for name in self.asked.imports:
            what = f"{self.asked.file}: [tool.redundancy] imports"
            check_module(what, name, self.asked.root)
            imported(what, name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Gives the report what a claim found in a model; and shows what is wrong with that as one line."""
        from redundancy.gate.asking import key_of

        report = yield
        key, subject = key_of(getattr(item, "obj", None)), getattr(item, "funcargs", {}).get(FILE)
        if key is None or subject is None or report.when != "call":
            return report
        if call.excinfo is not None and isinstance(call.excinfo.value, RedundancyError):
            report.longrepr = str(call.excinfo.value)
        if key in subject.found:
            setattr(report, REPORTED, [subject.name, key, _plain(subject.found[key])])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes down what was found."""
        if found := getattr(report, REPORTED, None):
            model, key, plain = found
            self._now.setdefault(model, {})[key] = _found(plain)

    def pytest_sessionfinish(self) -> None:
        """Writes the baseline, once, and in the process that heard of all tests."""
        if self._worker or not self._now or not self.asked.baseline:
            return
        try:
            self._told = self._kept(self.asked.baseline)
        except RedundancyError as error:
            self._told = f"the baseline stays as it is: {error}"

    def _kept(self, path: Path) -> str:
        """Writes the baseline anew where it changes, and says so; "" where it does not."""
        from redundancy.gate.baseline import accepted, count, read, tightened, write

        known = read(path)  # anew: another run may have changed it in the meantime
        if self._accepting:
            new = accepted(known, self._now, [self.name(model) for model in self.asked.models])
            write(path, new)
            return f"{path.name}: {count(new)} findings, which are known from now on"
        if (new := tightened(known, self._now)) == known:
            return ""
        write(path, new)
        return f"{path.name}: {count(new)} findings, where there were {count(known)}: the others are gone, or smaller"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what became of the baseline."""
        if self._told:
            terminalreporter.write_line(self._told, yellow=True)


GATE = pytest.StashKey[Gate]()


# Of the session, so that a model is loaded once for all its tests, and gone before the next one is loaded.
@pytest.fixture(scope="session")
def redundancy_model(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[Subject]:
    """The model file in turn."""
    path = getattr(request, "param", None)
    if path is None:
        pytest.fail(f"there is no model to test: name one with {NAMED}", pytrace=False)
    problem = ""
    try:
        subject = pytestconfig.stash[GATE].subject(path)
    except RedundancyError as error:
        problem = str(error)
    if problem:
        # Outside the handler, so that pytest shows this line and not how it came about.
        pytest.fail(problem, pytrace=False)
    yield subject
    if subject.changed:
        remedy = "let the test change keras.models.clone_model(model.model), or load model.path anew"
        pytest.fail(f"a test has changed the weights of {subject}, which all tests share: {remedy}", pytrace=False)


@pytest.fixture(scope="session")
def model(redundancy_model: Subject) -> Subject:
    """A model file under test: `.path`, `.model`, `.network`, `.audit`, `.compaction`; each is made once."""
    return redundancy_model


NAMED = "--redundancy-model PATH, redundancy_model in the ini file, or models under [tool.redundancy] in pyproject.toml"


def _plain(found: Found) -> Any:
    return sorted(map(list, found)) if isinstance(found, frozenset) else found


def _found(plain: Any) -> Found:
    from redundancy.gate.baseline import Unit

    return frozenset(Unit(*unit) for unit in plain) if isinstance(plain, list) else float(plain)
