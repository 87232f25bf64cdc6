"""What the record of a claim about a model file says of that file: its digest, its data, and where it is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from redundancy.errors import DataError, ModelFileError
from redundancy.plugin.models import FILE, GATE
from redundancy.report.record import Record

if TYPE_CHECKING:
    from redundancy.data import Dataset
    from redundancy.gate.settings import Asked


def about_model(item: pytest.Item, record: Record) -> Record:
    """The record with all that its model file adds to it; as it is where the test takes none."""
    path = getattr(getattr(item, "callspec", None), "params", {}).get(FILE)
    if not isinstance(path, Path):
        return record
    from redundancy.gate.asking import key_of
    from redundancy.gate.resting import files_of

    gate, key = item.config.stash[GATE], key_of(getattr(item, "obj", None))
    name, asked = gate.name(path), gate.asked.asked(path)
    source, line = gate.asked_at(path, key) if key else ("", 0)
    return replace(
        record,
        why=record.why if not record.why or name in record.why else f"{name}: {record.why}",
        models=(name,),
        files={gate.name(file): _digest(gate.digests, file) for file in files_of(path, asked, key)},
        source=source,
        line=line,
        **_data(record, asked, key),
    )


def _digest(known: dict[Path, str], file: Path) -> str:
    from redundancy.gate.resting import digest_of

    if file not in known:
        try:
            known[file] = digest_of(file)
        except ModelFileError:
            return ""  # the verdict says that it cannot be read
    return known[file]


def _data(record: Record, asked: Asked, key: str | None) -> dict[str, dict[str, str]]:
    from redundancy.data import LOADERS
    from redundancy.gate.resting import data_of

    chosen = data_of(asked, key)
    if chosen not in LOADERS or (loaded := _loaded(chosen)) is None:
        return {}
    return {
        "data": {**record.data, loaded.name: str(loaded)},
        "digests": {**record.digests, loaded.name: loaded.digest},
    }


@cache
def _loaded(name: str) -> Dataset | None:
    from redundancy.data import load

    try:
        return load(name)
    except DataError:
        return None  # the verdict says why it is not there, and rests on nothing
