"""What was found about claims before, kept on disk: asking again costs nothing, and new seeds add to what is known.

One file a test, of one line a judgement. A line is only ever added, and believed only if the digest in it is right:
whoever is killed while writing loses that line and no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from redundancy.cache import directory, locked, write_atomically
from redundancy.errors import DataError
from redundancy.verdict import Measurement, Outcome, is_measurement

FORMAT = 1
"""Of the files. A file of another one is left alone, and says so."""

PATIENCE = 6 * 3600.0
"""Seconds to wait while another process judges the same test; it then finds everything judged."""

SUFFIX = ".jsonl"

Counts = tuple[int, int]
"""Successes, and the runs that they are among."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which judgements speak about one thing: what was claimed, by which code and versions.

    Attributes:
        sentence: The claim.
        test: Where its test is, as pytest names it, parameters included.
        at_least: The rate that is claimed.
        confidence: With which it is judged.
        code: `redundancy.provenance.code_digest` of the test.
        versions: That decide a run.
        data: Digest of the data.
        model: Digest of the model file that is tested; "" where none is.
    """

    sentence: str
    test: str
    at_least: float
    confidence: float
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    model: str = ""

    @property
    def digest(self) -> str:
        """40 hexadecimal digits."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one configuration was judged under one root seed.

    Attributes:
        configuration: What was drawn, in words that no other configuration has.
        root: The root seed of the session.
        visit: Its number among the configurations of the test in the order of first visit, from 1.
        allowed: How many runs were allowed.
        successes: Among the runs of this judgement.
        runs: Of this judgement alone.
        confirming: Successes and runs of the second stream, by which a refutation was confirmed.
        outcome: "HOLDS", "REFUTED" or "INCONCLUSIVE", by these runs and those of earlier judgements together.
        why: Why it is not HOLDS; "" where it is.
        measurements: What was observed in the runs, by name.
        when: UTC, as ISO 8601.
        on_data: Whether anything was trained.
    """

    configuration: str
    root: int
    visit: int
    allowed: int
    successes: int
    runs: int
    outcome: str
    why: str = ""
    confirming: Counts = (0, 0)
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    when: str = ""
    on_data: bool = False


class Book:
    """The judgements about one identity, in the order in which they were reached; in memory, or in a file as well."""

    def __init__(self, identity: Identity | None = None, path: Path | None = None) -> None:
        self.identity = identity
        self.path = path
        self.judgements: list[Judgement] = []
        self._visits: dict[str, int] = {}
        for judgement in _read(path) if path is not None else ():
            self._take(judgement)

    def _take(self, judgement: Judgement) -> None:
        self.judgements.append(judgement)
        self._visits[judgement.configuration] = judgement.visit

    def visit(self, configuration: str) -> int:
        """The number, from 1, of a configuration in the order of first visit, over all sessions."""
        return self._visits.setdefault(configuration, max(self._visits.values(), default=0) + 1)

    def found(self, configuration: str, root: int, allowed: int) -> Judgement | None:
        """How it was judged under that root seed, with as many runs allowed; None where it was not."""
        asked = configuration, root, allowed
        return next((j for j in self.judgements if (j.configuration, j.root, j.allowed) == asked), None)

    def before(self, configuration: str, root: int) -> tuple[Counts, Counts]:
        """What was counted under other root seeds: in the runs that judge, and in those that confirm a refutation."""
        others = [j for j in self.judgements if j.configuration == configuration and j.root != root]
        return (
            _counted((j.root, (j.successes, j.runs)) for j in others),
            _counted((j.root, j.confirming) for j in others),
        )

    def add(self, judgement: Judgement) -> None:
        """Takes down a judgement.

        Raises:
            DataError: The file cannot be written.
        """
        self._take(judgement)
        if self.path is None or self.identity is None:
            return
        said = json.loads(json.dumps(asdict(judgement)))
        line = json.dumps({"digest": _digest(json.dumps(said)), "judgement": said})
        if not self.path.exists():
            head = json.dumps({"format": FORMAT, **asdict(self.identity)})
            write_atomically(self.path, lambda file: file.write(f"{head}\n{line}\n".encode()))
            return
        try:
            whole = self.path.read_bytes().endswith(b"\n")
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n" if whole else f"\n{line}\n")
        except OSError as error:
            problem = f"cannot write {str(self.path)!r}: {error.strerror or error}"
            raise DataError(f"{problem}; check the space and the permissions there") from error


class Ledger:
    """A directory of books.

    Raises:
        DataError: It cannot be made.
    """

    def __init__(self, place: Path) -> None:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot use {str(place)!r} as the ledger: {error.strerror or error}"
            raise DataError(f"{problem}; name a directory that you can write to") from error
        self.place = place

    @classmethod
    def default(cls) -> Ledger:
        """The one in the cache directory."""
        return cls(directory() / "ledger")

    @contextmanager
    def opened(self, identity: Identity) -> Iterator[Book]:
        """The book of an identity; other processes wait until it is closed, and find what it holds then.

        Raises:
            DataError: It is of another format, damaged or about something else, or the file system refuses.
        """
        path = self.place / f"{identity.digest}{SUFFIX}"
        with locked(path, PATIENCE):
            if path.exists() and _identity(path) != identity:
                raise DataError(f"{str(path)!r} is damaged, or is about another claim: remove it, and judge anew")
            yield Book(identity, path)

    def books(self) -> list[Book]:
        """All that can be read, by sentence and test.

        Raises:
            DataError: One is of another format.
        """
        paths = sorted(self.place.glob(f"*{SUFFIX}"))
        known = [(path, identity) for path in paths if (identity := _identity(path)) is not None]
        return [
            Book(identity, path) for path, identity in sorted(known, key=lambda pair: (pair[1].sentence, pair[1].test))
        ]


def _counted(counts: Iterable[tuple[int, Counts]]) -> Counts:
    """Their sum over root seeds: of one root seed with more runs allowed, the first runs are the same."""
    most: dict[int, Counts] = {}
    for root, count in counts:
        most[root] = max(count, most.get(root, count), key=lambda c: c[1])
    return sum(count[0] for count in most.values()), sum(count[1] for count in most.values())


def _lines(path: Path) -> list[Any]:
    """What the lines of a file say; one that is damaged says nothing."""
    try:
        # What is no file, as a pipe, says nothing; reading one may wait for ever.
        content = path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else ""
    except OSError as error:
        problem = f"cannot read {str(path)!r}: {error.strerror or error}"
        raise DataError(f"{problem}; check its permissions, or remove it") from error
    said = []
    for line in content.splitlines():
        try:
            said.append(json.loads(line))
        except (ValueError, RecursionError):
            said.append(None)
    return said


def _identity(path: Path) -> Identity | None:
    said = _header(_lines(path), path)
    try:
        made = Identity(**{key: value for key, value in said.items() if key != "format"})
    except TypeError:
        return None
    texts = made.sentence, made.test, made.code, made.data, made.model
    rates = isinstance(made.at_least, float) and isinstance(made.confidence, float)
    return made if rates and isinstance(made.versions, dict) and _all_text(*texts, *made.versions.values()) else None


def _header(lines: Sequence[Any], path: Path) -> dict[str, Any]:
    """What the first line says; nothing where there is none, or it is damaged.

    Raises:
        DataError: It is of another format.
    """
    said = lines[0] if lines and isinstance(lines[0], dict) else {}
    if said.get("format", FORMAT) != FORMAT:
        what = f"{str(path)!r} is a ledger of format {said['format']!r}, and this version reads {FORMAT}"
        raise DataError(f"{what}; name another directory, or remove it")
    return said


def _read(path: Path) -> Iterator[Judgement]:
    lines = _lines(path)
    _header(lines, path)
    for said in lines[1:]:
        judgement = said.get("judgement") if isinstance(said, dict) else None
        if isinstance(judgement, dict) and said.get("digest") == _digest(json.dumps(judgement)):
            with suppress(TypeError, ValueError, KeyError):  # it was not written by this version
                yield _made(judgement)


def _made(said: Mapping[str, Any]) -> Judgement:
    judgement = Judgement(**{**said, "confirming": tuple(map(int, said["confirming"]))})
    counts = judgement.root, judgement.visit, judgement.allowed, judgement.successes, judgement.runs
    texts = judgement.configuration, judgement.why, judgement.when
    if not all(type(count) is int for count in counts) or not isinstance(judgement.on_data, bool):
        raise TypeError
    if not _all_text(*texts) or not isinstance(judgement.measurements, dict):
        raise TypeError
    (confirmed, fresh), measurements = judgement.confirming, judgement.measurements.values()
    if not 0 <= judgement.successes <= judgement.runs or not 0 <= confirmed <= fresh or judgement.visit < 1:
        raise ValueError
    if not all(map(is_measurement, measurements)):
        raise TypeError
    Outcome(judgement.outcome)
    return judgement


def _all_text(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _digest(content: str) -> str:
    return sha256(content.encode()).hexdigest()
