"""The commands of a team's repository: `check` tests what pyproject.toml asks of models, `init` writes that down."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.cli.codes import MISTAKE, UNUSABLE
from redundancy.errors import OptionError

if TYPE_CHECKING:
    from redundancy.gate.configuration import Configuration

_CODES = (
    "exit codes: 0 all claims that were tested hold; 1 one is refuted, or could not be tested, or is inconclusive where"
    " that fails; 2 the arguments, the configuration or the baseline cannot be used, or no claim was tested; 70 a"
    " mistake of this program, or of pytest; 130 interrupted"
)


def add_commands(commands: Any) -> None:
    """Adds `check` and `init` to the commands of a parser."""
    text = "test what [tool.redundancy] in pyproject.toml asks of models"
    after = "what comes after -- is for pytest, as -- -k dead, -- -x or -- -n 2"
    check = commands.add_parser("check", help=text, description=f"{text}; {after}", epilog=_CODES)
    _add_config(check, "the pyproject.toml; else the next one with a [tool.redundancy], here or above")
    check.add_argument(
        "--update-baseline", action="store_true", help="take what is found for known, and write it to the baseline"
    )
    check.passing = True
    check.usage = "redundancy check [-h] [--config PATH] [--update-baseline] [-- ARGUMENT ...]"
    check.set_defaults(run=_check)

    text = "write a [tool.redundancy] to begin with into pyproject.toml, with the models that are there"
    init = commands.add_parser("init", help=text, description=text)
    _add_config(init, "the pyproject.toml; else the one in the current directory, which is made where there is none")
    init.set_defaults(run=_init)


def _add_config(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--config", type=Path, metavar="PATH", help=text)


def _check(arguments: argparse.Namespace) -> int:
    from redundancy.gate import baseline
    from redundancy.gate.configuration import configuration
    from redundancy.modules import check_module
    from redundancy.output import check_writable

    file = _file(arguments.config)
    asked = configuration(file)
    for name in asked.imports:
        check_module(f"{file}: [tool.redundancy] imports", name, asked.root)
    assert asked.baseline is not None
    baseline.read(asked.baseline)
    options = [f"--redundancy-config={file.absolute()}"]
    if asked.inconclusive:
        options.append(f"--redundancy-inconclusive={asked.inconclusive}")
    if arguments.update_baseline:
        check_writable(asked.baseline, force=True)
        options.append("--redundancy-update-baseline")
    return _tested([*options, *arguments.passed, *_claims(asked)])


def _init(arguments: argparse.Namespace) -> int:
    from redundancy.gate.configuration import FILE
    from redundancy.gate.starting import started
    from redundancy.output import check_writable, written_whole

    file: Path = arguments.config or Path(FILE)
    text, models = started(file)
    place = Path(os.path.realpath(file))
    check_writable(place, force=True)
    with written_whole(place, force=True) as temporary:
        temporary.write_bytes(text.encode())
        if place.exists():
            shutil.copymode(place, temporary)
    print(f"{file}: there is a [tool.redundancy] in it now, with {len(models)} models; redundancy check tests them")
    return 0


def _file(given: Path | None) -> Path:
    from redundancy.gate.configuration import FILE, found

    if (file := given or found(Path.cwd())) is None:
        where = f"there is no {FILE} with a [tool.redundancy] in {str(Path.cwd())!r} or above"
        raise OptionError(f"{where}; redundancy init writes one, --config names one")
    return file


def _claims(asked: Configuration) -> list[str]:
    """The tests of the claims that are asked of any model, as pytest names them."""
    from redundancy.gate import claims
    from redundancy.gate.asking import key_of

    keys = {name: key_of(getattr(claims, name)) for name in claims.__all__}
    every = [asked.asked(model) for model in asked.models]
    return [f"{claims.__file__}::{name}" for name, key in keys.items() if key and any(one.asks(key) for one in every)]


class _Watch:
    """Notes, as a plugin of pytest, that somebody interrupted it, that it stopped by itself, or that it ran a test.

    Classes of pytest's own, and of pytest-xdist's, are KeyboardInterrupts that nobody pressed: of a file that cannot be
    collected, and of -x among several processes.
    """

    interrupted = stopped = ran = False

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Called by pytest for every early end."""
        self.interrupted = type(excinfo.value) is KeyboardInterrupt
        self.stopped = isinstance(excinfo.value, KeyboardInterrupt) and not self.interrupted

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest for every step of a test; options such as --collect-only and --setup-plan take none."""
        self.ran = self.ran or report.when == "call"


def _tested(arguments: Sequence[str]) -> int:
    """Runs pytest by its own configuration, and not by that of the project, and says how it ended."""
    import pytest

    from redundancy import gate

    own = [
        *("-c", str(Path(gate.__file__).with_name("pytest.ini")), "--noconftest"),
        # The one would write beside the claims; the other is not loaded by itself everywhere.
        *("-p", "no:cacheprovider", "-p", _plugin()),
        *("--quiet", "--no-header", "--tb=short", "--show-capture=no", "-rN"),
    ]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before, watch = os.environ.pop("PYTEST_ADDOPTS", None), _Watch()
    try:
        code = int(pytest.main([*own, *arguments], plugins=[watch]))
    finally:
        if before is not None:
            os.environ["PYTEST_ADDOPTS"] = before
    if watch.interrupted:
        raise KeyboardInterrupt
    if watch.stopped:
        return int(pytest.ExitCode.TESTS_FAILED)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED or (code == pytest.ExitCode.OK and not watch.ran):
        raise OptionError("no claim was tested: what comes after -- selects none; choose others, or leave it out")
    return _CODE_OF.get(code, MISTAKE)


def _plugin() -> str:
    """What pytest calls the plugin: as it is installed, or as Python finds it where it is not."""
    from importlib.metadata import entry_points

    return "redundancy" if entry_points(group="pytest11", name="redundancy") else "redundancy.plugin"


_CODE_OF = {0: 0, 1: 1, 4: UNUSABLE}
"""The exit codes of pytest, and what they are here; any other one is a mistake."""
