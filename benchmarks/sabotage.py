"""Breaks the zoo in one way after another, and tells which test notices.

    python benchmarks/sabotage.py [--area fusing --area kills ...] [--python jax=.tox/jax/bin/python]

Each way is an exact replacement of text in one file of `redundancy/`, made in a temporary copy of the project
(`broken/` lists them, by area). The tests nearest to it are run against the copy, one pytest at a time, until the first
fails. Before that they are run against a copy that nothing is wrong with, where all must pass. Exit code 1 where
something went unnoticed; 2 where a control fails or there is no Python for a backend.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from broken import AREAS
from broken.mutation import Mutation

PROJECT = Path(__file__).parents[1]
COPIED = ("redundancy", "tests", "docs", "properties", "examples", "benchmarks", "pyproject.toml", "README.md")

PATIENCE = 600
"""Seconds in which tests have to end. A test that hangs has noticed nothing."""

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S.*?)(?: - (.*))?$", re.MULTILINE)

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run of tests.

    Attributes:
        passed: Whether all did.
        failing: The first test that failed; "" where none did, or the run broke off otherwise.
        why: What pytest says of it in one line.
        told: All that pytest printed.
    """

    passed: bool
    failing: str
    why: str
    told: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A copy of the project, and who runs its tests.

    Attributes:
        copy: Its root.
        pythons: By backend, the interpreter.
    """

    copy: Path
    pythons: Mapping[str, str]

    def tested(self, backend: str, arguments: Iterable[str]) -> Outcome:
        """Runs tests until one fails."""
        # No bytecode: what was compiled of a broken file might be taken for the mended one's.
        threads = dict.fromkeys(THREADS, "1")
        environment = {**os.environ, **threads, "PYTHONPATH": str(self.copy), "KERAS_BACKEND": backend, "CI": "true",
                       "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}  # fmt: skip
        command = [self.pythons[backend], "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
        code, told = _ended([*command, *arguments], self.copy, environment)
        found = FAILED.search(told) if code == 1 else None
        return Outcome(code == 0, found[1] if found else "", (found and found[2]) or "", told)

    def broken(self, mutation: Mutation) -> Outcome:
        """What the nearest tests say of a copy that is broken so; it is mended afterwards."""
        path = self.copy / "redundancy" / mutation.file
        sound = path.read_text(encoding="utf-8")
        path.write_text(replaced(sound, mutation), encoding="utf-8")
        try:
            return self.tested(mutation.backend, shlex.split(mutation.tests))
        finally:
            path.write_text(sound, encoding="utf-8")


def replaced(source: str, mutation: Mutation) -> str:
    """The text of a file, broken.

    Raises:
        ValueError: What is replaced is not there exactly once.
    """
    if (count := source.count(mutation.old)) != 1:
        where = f"{mutation.file} has {count} times, and not once, what is replaced for {mutation.what!r}"
        raise ValueError(f"{where}; change the mutation with the code")
    return source.replace(mutation.old, mutation.new)


def _ended(command: list[str], directory: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a process and what it printed; whatever it started ends with it, at last after PATIENCE."""
    with subprocess.Popen(
        command, cwd=directory, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            told, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            told, _ = process.communicate()
            return -1, f"{told}\nended after {PATIENCE} s"
    return process.returncode, told


def copied(to: Path) -> None:
    """Copies the project, as far as tests look at it."""
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=left_out)
        else:
            shutil.copy2(source, to / name)


def controls(bench: Bench, chosen: Iterable[Mutation]) -> bool:
    """Whether all the tests pass where nothing is broken."""
    asked = dict.fromkeys((mutation.backend, mutation.tests) for mutation in chosen)
    sound = True
    for backend, tests in asked:
        began, outcome = time.monotonic(), bench.tested(backend, shlex.split(tests))
        says = outcome.told.strip().splitlines()[-1] if outcome.told.strip() else ""
        print(f"control, {backend}: {tests}: {says} ({time.monotonic() - began:.0f} s)", flush=True)
        if not outcome.passed:
            sound = False
            print(outcome.told)
    return sound


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--area", action="append", choices=AREAS, help="may be given several times; all if not given")
    parser.add_argument("--match", default="", help="only what is broken in these words")
    parser.add_argument(
        "--python", action="append", default=[], metavar="BACKEND=PYTHON", help="an interpreter whose Keras has it"
    )
    parser.add_argument("--no-control", action="store_true", help="go without the tests of what is sound")
    parser.add_argument("--why", action="store_true", help="tell what the failing test says")
    return parser.parse_args()


def interpreters(given: Iterable[str]) -> dict[str, str]:
    """By backend; where tox makes its environments, if not said otherwise."""
    found = {"tensorflow": sys.executable, **{name: f"{PROJECT}/.tox/{name}/bin/python" for name in ("jax", "torch")}}
    return found | dict(text.split("=", 1) for text in given)


def main() -> int:
    asked = parsed()
    chosen = [(area, one) for area in asked.area or AREAS for one in AREAS[area] if asked.match in one.what]
    pythons = interpreters(asked.python)
    for backend in sorted({one.backend for _, one in chosen}):
        if not Path(pythons[backend]).exists():
            print(f"no {pythons[backend]}: run tox -e {backend}, give --python {backend}=..., or choose other areas")
            return 2
    with tempfile.TemporaryDirectory(prefix="sabotage-") as directory:
        bench = Bench(Path(directory), pythons)
        copied(bench.copy)
        if not asked.no_control and not controls(bench, [one for _, one in chosen]):
            print("the control fails: nothing can be said of what is broken")
            return 2
        print("| area | what is broken | which test notices |\n|---|---|---|", flush=True)
        unnoticed = 0
        for area, one in chosen:
            outcome = bench.broken(one)
            unnoticed += not outcome.failing
            noticed = f"`{outcome.failing.removeprefix('tests/')}`" if outcome.failing else "NOT NOTICED"
            why = f" {outcome.why}" if asked.why else ""
            print(f"| {area} | {one.what} | {noticed}{why} |", flush=True)
            if not outcome.failing and not outcome.passed:
                print(outcome.told)
    print(f"{len(chosen)} ways to break it, {unnoticed} not noticed")
    return int(bool(unnoticed))


if __name__ == "__main__":
    sys.exit(main())
