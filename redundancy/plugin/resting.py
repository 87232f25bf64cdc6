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


def about_model(item: pytest.Item, record: Record) -> Record:
    """The record with all that its model file adds to it; as it is where the test takes none."""
    path = getattr(getattr(item, "callspec", None), "params", {}).get(FILE)
    if not isinstance(path, Path):
        return record
    from redundancy.gate.asking import key_of
    from redundancy.gate.resting import data_of, files_of

    gate, key = item.config.stash[GATE], key_of(getattr(item, "obj", None))
    name, asked = gate.name(path), gate.asked.asked(path)
    source, line = gate.asked_at(path, key) if key else ("", 0)
    loaded = _loaded(data_of(asked, key))
    return replace(
        record,
        why=record.why if not record.why or name in record.why else f"{name}: {record.why}",
        models=(name,),
        files={gate.name(file): _digest(gate.digests, file) for file in files_of(path, asked, key)},
        source=source,
        line=line,
        data={**record.data, **({loaded.name: str(loaded)} if loaded else {})},
        digests={**record.digests, **({loaded.name: loaded.digest} if loaded else {})},
    )


def _digest(known: dict[Path, str], file: Path) -> str:
    from redundancy.gate.resting import digest_of

    if file not in known:
        try:
            known[file] = digest_of(file)
        except ModelFileError:
            return ""  # the verdict says that it cannot be read
    return known[file]


@cache
def _loaded(chosen: str | None) -> Dataset | None:
    """The data set of that name; None for files, and where it cannot be had: the verdict then says so."""
    from redundancy.data import LOADERS, load

    try:
        return load(chosen) if chosen in LOADERS else None
    except DataError:
        return None
