"""What pyproject.toml asks of the models of a repository, read and checked before any model is loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redundancy.errors import OptionError
from redundancy.gate.patterns import called, matched
from redundancy.gate.settings import CLAIMS, OF_ALL, OF_MODELS, UNSAID, Asked, ValueProblem, attribute, shown
from redundancy.gate.sources import check_arrays, located
from redundancy.output import reason
from redundancy.suggesting import suggested

FILE = "pyproject.toml"

BASELINE = "redundancy-baseline.json"
"""The file of known findings, where no other one is named."""

SECTION, OVERRIDES = "tool.redundancy", "overrides"

_NEEDED_BY = {
    "confidence": ("accuracy-loss",),
    "tolerance": ("accuracy-loss",),
    "reference": ("output-difference",),
}
"""Keys that say nothing where no claim is asked for that they are about."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is asked of which models.

    Attributes:
        root: The directory that paths count from.
        file: Where that was said; None where nobody said anything.
        models: The model files, absolute.
        baseline: The file of known findings; None where nobody said anything.
        imports: Modules to import before a model is loaded.
        inconclusive: What becomes of tests that decide nothing, as --redundancy-inconclusive; "" where nobody says.
        base: What is asked of all models, by attribute of `Asked`.
        overrides: For some models, what is asked of them instead; the last one that speaks of a model counts.
    """

    root: Path
    file: Path | None = None
    models: tuple[Path, ...] = ()
    baseline: Path | None = None
    imports: tuple[str, ...] = ()
    inconclusive: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[tuple[frozenset[Path], Mapping[str, Any]], ...] = ()

    def table_of(self, model: Path, key: str) -> int:
        """The number of the override that says a key of a model, from 1; 0 for the table of all models."""
        said = [n for n, (files, values) in enumerate(self.overrides, 1) if model in files and attribute(key) in values]
        return said[-1] if said else 0

    def asked(self, model: Path) -> Asked:
        """What is asked of a model, also of one that is not in the list."""
        if self.file is None:
            return UNSAID
        said = dict(self.base)
        for files, values in self.overrides:
            said.update(values if model in files else {})
        return Asked(**said)


def found(start: Path) -> Path | None:
    """The next pyproject.toml with a [tool.redundancy], in a directory or above it; None where there is none.

    Raises:
        OptionError: One on the way is no TOML.
    """
    for directory in (start, *start.parents):
        if (file := directory / FILE).is_file() and section_of(file) is not None:
            return file
    return None


def section_of(file: Path) -> Any:
    """What is below [tool.redundancy] in a file; None where there is no such table.

    Raises:
        OptionError: It cannot be read, or is no TOML.
    """
    try:
        whole = tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise OptionError(f"{file}: it cannot be read ({reason(error)}); name a {FILE} that can be") from None
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{file}: it is no TOML ({reason(error)}); correct it") from None
    tool = whole.get("tool", {})
    return tool.get("redundancy") if isinstance(tool, dict) else None


def configuration(file: Path) -> Configuration:
    """What a file asks, checked.

    Args:
        file: A pyproject.toml.

    Raises:
        OptionError: It cannot be read, has no [tool.redundancy], or something in that is not as it must be: one line
            with the file and the key.
    """
    section = section_of(file)
    if section is None:
        raise OptionError(f"{file}: there is no [{SECTION}] in it; redundancy init writes one to begin with")
    return read(section, file)


def read(section: Any, file: Path) -> Configuration:
    """What a [tool.redundancy] asks, checked.

    Args:
        section: The table.
        file: Where it is from; paths in it count from there.

    Raises:
        OptionError: Something in it is not as it must be.
    """
    root = file.absolute().parent
    base = _Table(file, f"[{SECTION}]", section, {**OF_ALL, **OF_MODELS, OVERRIDES: _tables})
    whole = base.values()
    overrides = [
        _Table(file, f"[[{SECTION}.{OVERRIDES}]] {number}", table, {"models": OF_ALL["models"], **OF_MODELS})
        for number, table in enumerate(whole.pop("overrides", ()), 1)
    ]
    said = [table.values() for table in overrides]
    models = base.models(whole.pop("models", None), root)
    baseline = root / whole.pop("baseline", BASELINE)
    imports, inconclusive = whole.pop("imports", ()), whole.pop("inconclusive", "")
    for table, values in ((base, whole), *zip(overrides, said, strict=True)):
        table.check_files(values, root)
    chosen = [table.models(v.pop("models", None), root) for table, v in zip(overrides, said, strict=True)]
    for table, files in zip(overrides, chosen, strict=True):
        table.check_among(files, models, root)
    pairs = tuple((frozenset(files), values) for files, values in zip(chosen, said, strict=True))
    made = Configuration(root, file, models, baseline, imports, inconclusive, whole, pairs)
    _check_sense(made, (base, *overrides))
    return made


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file, and which keys it may have."""

    file: Path
    name: str
    table: Any
    keys: Mapping[str, Any]

    def wrong(self, key: str, why: object) -> OptionError:
        """The one-line error about a key."""
        return OptionError(f"{self.file}: {self.name} {key}: {why}" if key else f"{self.file}: {self.name}: {why}")

    def values(self) -> dict[str, Any]:
        """What it says, by attribute of `Asked`."""
        if not isinstance(self.table, dict):
            raise self.wrong("", f"{shown(self.table)} is no table; write {self.name.rsplit(']', 1)[0]}] on a line")
        for key in self.table:
            if key not in self.keys:
                raise self.wrong(shown_key(key), f"there is no such key{suggested(key, self.keys)}; leave it out")
        return {attribute(key): self._value(key, value) for key, value in self.table.items()}

    def _value(self, key: str, value: Any) -> Any:
        try:
            return self.keys[key](value)
        except ValueProblem as problem:
            raise self.wrong(key, problem) from None

    def models(self, patterns: tuple[str, ...] | None, root: Path) -> tuple[Path, ...]:
        """The files that its models are."""
        if patterns is None:
            raise self.wrong("models", 'it is missing; name model files, as ["models/*.keras"]')
        try:
            return tuple(dict.fromkeys(file for pattern in patterns for file in matched(pattern, root)))
        except OptionError as error:
            raise self.wrong("models", error) from None

    def check_files(self, values: dict[str, Any], root: Path) -> None:
        """Refuses files that are not there; what stands for them from now on are their whole paths."""
        for key, find in _FILES.items():
            if key in values:
                try:
                    values[key] = find(values[key], root)
                except OptionError as error:
                    raise self.wrong(key, error) from None

    def check_among(self, files: tuple[Path, ...], models: tuple[Path, ...], root: Path) -> None:
        """Refuses an override for a model that is not in the list."""
        for file in files:
            if file not in models:
                what = f"{called(file, root)!r} is not among the models of [{SECTION}]"
                raise self.wrong("models", f"{what}; add it there, or leave it out here")


def _check_sense(made: Configuration, tables: tuple[_Table, ...]) -> None:
    """Refuses what could never matter, and claims that cannot be tested with what is there."""
    every = {model: made.asked(model) for model in made.models}
    base = tables[0]
    for table in tables:
        for key, claims in _NEEDED_BY.items():
            if key in table.table and not any(asked.asks(claim) for asked in every.values() for claim in claims):
                raise table.wrong(key, f"nothing asks for it; set {' or '.join(claims)}, or leave it out")
    for model, asked in every.items():
        name = called(model, made.root)
        if not any(asked.asks(claim) for claim in CLAIMS):
            raise base.wrong("", f"nothing is asked of {name!r}; set {', '.join(CLAIMS)}, or take it out of models")
        for claim, needs in _lacking(asked):
            raise tables[made.table_of(model, claim)].wrong(claim, f"{needs}, for {name!r}")


def _lacking(asked: Asked) -> Iterator[tuple[str, str]]:
    """The keys that need something else, and what that is."""
    if asked.asks("output-difference") and asked.reference is None:
        yield "output-difference", 'outputs are compared with those of a model: set reference = "that model.keras"'
    for key in ("accuracy-loss", "on-data"):
        if not asked.asks(key):
            continue
        if asked.data is None:
            yield key, 'it needs data: set data = "a file.npz" or data = "mnist-5k"'
        elif problem := check_arrays(asked.data, key):
            yield key, problem


def _one_model(pattern: str, root: Path) -> Path:
    files = matched(pattern, root)
    if len(files) > 1:
        raise OptionError(f"{pattern!r} names {len(files)} files; name one")
    return files[0]


def _tables(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueProblem(f"{shown(value)} is no list of tables; write [[{SECTION}.{OVERRIDES}]] on a line of its own")
    return value


def shown_key(key: str) -> str:
    """A key as it is written; in quotes where it is no plain one."""
    return key if key.replace("-", "").replace("_", "").isalnum() else shown(key)


_FILES: Mapping[str, Callable[[str, Path], str | Path]] = {"data": located, "reference": _one_model}
"""The keys that name files, and what finds them."""
