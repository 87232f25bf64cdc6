"""The options of the plugin: what they are, what was chosen, and what cannot be used, said in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from redundancy import profiles
from redundancy.errors import RedundancyError
from redundancy.ledger import Ledger
from redundancy.output import check_writable
from redundancy.report.results import POLICIES, WARN

if TYPE_CHECKING:
    from redundancy.data import Dataset

GITHUB = ("auto", "off")
"""Whether GitHub is told what was found, where it runs the session."""

OPTIONS = {
    "data": "the data set: a name (mnist-5k, mnist) or an .npz file; else REDUNDANCY_DATA, else mnist-5k",
    "store": "the directory that keeps trained networks; else one in the user's cache",
    "profile": f"how many configurations a claim is searched for: {', '.join(profiles.EXAMPLES)} "
    f"({', '.join(map(str, profiles.EXAMPLES.values()))}; {profiles.DEFAULT} if not given)",
    "cluster": "who trains networks: here, processes:N, or a Dask scheduler as tcp://host:8786 (here if not given)",
    "ledger": "the directory that keeps verdicts on claims with a rate; else one in the user's cache; or none",
    "seed": "the root seed, from which the seeds of all runs come (0 if not given); not that of the search",
    "inconclusive": f"what becomes of a test whose claim is INCONCLUSIVE: {', '.join(POLICIES)} ({WARN} if not given)",
    "json": "a file for all verdicts as JSON; one that is there is replaced (docs/outputs.md)",
    "github": f"on GitHub, annotations and a table in the summary of the job: {', '.join(GITHUB)} (auto if not given)",
}
"""The options, which all take a value, and what they are: `--redundancy-NAME`, or `redundancy_NAME` in an ini file."""

NOTHING = "none"
"""The ledger that keeps nothing."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options say. Empty where nothing was said."""

    data: str
    store: str
    profile: str
    cluster: str
    ledger: str
    seed: int
    inconclusive: str
    json: Path | None
    github: bool


CHOICES = pytest.StashKey[Choices]()
DATASET: pytest.StashKey[Dataset] = pytest.StashKey()


def add_options(parser: pytest.Parser) -> None:
    """Adds the options and their ini twins."""
    group = parser.getgroup("redundancy", "claims about redundancy in neural networks")
    for name, text in OPTIONS.items():
        group.addoption(f"--redundancy-{name}", metavar=name.upper(), default=None, help=text)
        parser.addini(f"redundancy_{name}", text, default="")


def read_options(config: pytest.Config) -> Choices:
    """Takes down what was chosen.

    Raises:
        pytest.UsageError: A value that an option cannot take.
    """
    said = {name: _said(config, name) for name in OPTIONS}
    seed = said["seed"] or "0"
    if not (seed.isascii() and seed.isdigit()):
        raise pytest.UsageError(f"--redundancy-seed: {seed!r} is no seed; give a whole number from 0 up")
    config.stash[CHOICES] = choices = Choices(
        said["data"],
        said["store"],
        _one_of("profile", said["profile"] or profiles.DEFAULT, profiles.EXAMPLES),
        said["cluster"],
        said["ledger"],
        int(seed),
        _one_of("inconclusive", said["inconclusive"] or WARN, POLICIES, "policy"),
        # As of now: a test may change the directory.
        Path(said["json"]).expanduser().absolute() if said["json"] else None,
        _one_of("github", said["github"] or "auto", GITHUB, "choice") == "auto" and _on_github(),
    )
    _check(config, choices)
    return choices


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _said(config: pytest.Config, name: str) -> str:
    """The command line comes first, then the ini file."""
    given = config.getoption(f"redundancy_{name}")
    return str(config.getini(f"redundancy_{name}") if given is None else given).strip()


def _one_of(name: str, said: str, known: Iterable[str], what: str = "") -> str:
    if said not in known:
        text = f"there is no {what or name} {said!r}; give one of {', '.join(known)}"
        raise pytest.UsageError(f"--redundancy-{name}: {text}")
    return said


def _check(config: pytest.Config, choices: Choices) -> None:
    if choices.data and not hasattr(config, "workerinput"):
        _check_data(config, choices.data)
    if choices.cluster and not hasattr(config, "workerinput"):
        _check_cluster(choices.cluster)
    if choices.ledger not in ("", NOTHING):
        _check_ledger(choices.ledger)
    if choices.json is not None and not hasattr(config, "workerinput"):
        _check_json(choices.json)


def _check_data(config: pytest.Config, chosen: str) -> None:
    """A name is known, or a file is sound; a file that was read is kept."""
    from redundancy.data import LOADERS, load

    if chosen in LOADERS:
        return
    try:
        config.stash[DATASET] = load(chosen)
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


def _check_json(path: Path) -> None:
    try:
        check_writable(path, force=True)
    except RedundancyError as error:
        raise pytest.UsageError(f"--redundancy-json: {error}") from None
