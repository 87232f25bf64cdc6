"""A configuration to begin with: what `redundancy init` writes into pyproject.toml."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from redundancy.errors import ModelFileError, OptionError
from redundancy.gate.configuration import SECTION, read, section_of
from redundancy.gate.patterns import READ, called

ELSEWHERE = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages"})
"""Directories whose files are made or installed, and not a team's own; nor are those that begin with a dot."""

_TEXT = """\
[tool.redundancy]
# What `redundancy check` asks of model files. Paths count from this file; * and ** may stand in names.
models = [
{models}
]

# No unit is an exact duplicate of another one, and none is always zero.
no-duplicates = true
no-dead-units = true

# At most this share of the parameters is redundant.
# redundant-share = 0.05

# Compaction lowers the accuracy by less than this, which is judged on the test rows of the data.
# accuracy-loss = 0.01
# confidence = 0.95
# tolerance = 0.0  # how far the outputs of the compacted model may differ
# data = "data.npz"  # with arrays x_test and y_test; or the name mnist-5k

# No output differs from that of a reference by more than this part of the largest one.
# output-difference = 0.001
# reference = "reference.keras"

# Findings that are known do not fail: redundancy check --update-baseline writes them here.
# baseline = "redundancy-baseline.json"

# Some models may have other margins.
# [[tool.redundancy.overrides]]
# models = ["models/old-*.keras"]
# redundant-share = 0.3
"""


def started(file: Path) -> tuple[str, tuple[Path, ...]]:
    """The text of a file with a [tool.redundancy] after all that is in it, and the models that this names.

    Args:
        file: A pyproject.toml, which need not be there.

    Raises:
        OptionError: It cannot be read, has such a table already, or there is no model below its directory.
    """
    before = ""
    if os.path.lexists(file):
        if section_of(file) is not None:
            raise OptionError(f"{file}: there is a [{SECTION}] in it already; change that, or take it out")
        before = file.read_bytes().decode()
    root = file.absolute().parent
    models = tuple(found(root))
    if not models:
        raise OptionError(
            f"there is no model file ({', '.join(READ)}) below {str(root)!r} to begin with; save one there"
        )
    text = _appended(before, _TEXT.format(models=_listed(models, root)))
    _check(text, before, file)
    return text, models


def found(root: Path) -> Iterator[Path]:
    """The files below a directory that hold models, sorted."""
    from redundancy.frameworks.keras.files import examined

    for directory, inner, names in os.walk(root):
        here = Path(directory)
        inner[:] = sorted(name for name in inner if not _is_elsewhere(here / name))
        for name in sorted(names):
            if Path(name).suffix not in READ or name.startswith(".") or not str(here / name).isprintable():
                continue
            try:
                examined(here / name)
            except ModelFileError:
                continue  # weights without a model, or data
            yield here / name


def _is_elsewhere(directory: Path) -> bool:
    return directory.name.startswith(".") or directory.name in ELSEWHERE or (directory / "pyvenv.cfg").exists()


def _listed(models: Sequence[Path], root: Path) -> str:
    return "\n".join(f"    {json.dumps(called(model, root), ensure_ascii=False)}," for model in models)


def _appended(before: str, text: str) -> str:
    end = "\r\n" if "\r\n" in before else "\n"
    space = "" if not before else end if before.endswith("\n") else 2 * end
    return before + space + text.replace("\n", end)


def _check(text: str, before: str, file: Path) -> None:
    """Refuses what would say something else of the rest, or would not pass as a configuration."""
    try:
        whole = tomllib.loads(text)
        section = whole["tool"].pop("redundancy")
    except (ValueError, TypeError, KeyError) as error:
        why = f"no table can be added to it ({error})"
        raise OptionError(f"{file}: {why}; write [tool] as tables of their own, as [tool.name]") from None
    rest = tomllib.loads(before)
    assert repr(whole) in (repr(rest), repr({**rest, "tool": {}}))  # as text, in which nan is nan
    read(section, file)
