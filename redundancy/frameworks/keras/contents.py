"""What a model file holds, looked at before Keras opens it: nothing here makes a layer or trusts a declared size."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from redundancy.errors import ModelFileError

if TYPE_CHECKING:
    import h5py

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
"""What a .keras archive has to have."""

LONGEST_CONFIG = 32 * 2**20
"""Bytes of a configuration; those of the largest published models have about one million."""

DEEPEST = 200
"""Levels of a configuration: a nested model adds four, and a model has about ten."""

EXPANSION, HARMLESS = 100, 16 * 2**20
"""How many times larger than stored something may get when unpacked, if it gets larger than so many bytes."""

MOST_PARTS = 1_000_000
"""Entries of an archive, or groups and arrays of an HDF5 file."""

AGAIN = "save the model again with model.save('name.keras')"

WHOLE = "make the model in Python, call load_weights with this file, and write it whole with model.save('name.keras')"
"""What to do about a file of weights alone."""

LISTED = frozenset({"layers", "vars", "_layer_checkpoint_dependencies"})
"""Groups in a file of weights that Keras 3 wrote; one that Keras 2 wrote names its layers in an attribute."""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What was found in a model file.

    Attributes:
        config: The configuration of the model, as JSON has it, without the settings of its compilation.
        training: Those settings; None where it was not compiled.
        elements: How many numbers the weights are.
    """

    config: dict[str, Any]
    training: Any
    elements: int


def refused(path: Path, why: str, remedy: str) -> ModelFileError:
    """The one-line error about a model file; quoting keeps line breaks in its name out of it."""
    return ModelFileError(f"cannot use the model {str(path)!r}: {why}; {remedy}")


def shown(text: object, length: int = 80) -> str:
    """What a file says, fit for one line of a terminal."""
    plain = " ".join(str(text).split())
    plain = plain if plain.isprintable() else ascii(plain)[1:-1]
    if len(plain) <= length:
        return plain
    head = plain[: length - 3]
    whole = head.rsplit(" ", 1)[0]
    return f"{whole if 2 * len(whole) > length else head}..."  # up to the end of a word, where one ends in sight


def contents(path: Path) -> Contents:
    """What a model file holds.

    Args:
        path: Of a regular file, with the suffix .keras, .h5 or .hdf5.

    Raises:
        ModelFileError: It is damaged, holds no whole model, or is made to do harm: it unpacks to far more than it
            stores, or refers to other files.
    """
    try:
        return _archived(path) if path.suffix == ".keras" else _legacy(path)
    except ModelFileError:
        raise
    except MemoryError as error:
        raise refused(path, "it does not fit in memory", "use a machine with more of it") from error
    # A damaged file can raise anything: from zipfile, the decompressors, HDF5.
    except Exception as error:
        raise refused(path, f"the file is damaged ({shown(error or type(error).__name__)})", AGAIN) from error


def _archived(path: Path) -> Contents:
    with zipfile.ZipFile(path) as archive:
        _check_members(path, archive)
        config = _parsed(path, archive.read(CONFIG))
        # All of it, so that its checksum is compared; no more than was declared is ever unpacked.
        with _opened(path, io.BytesIO(archive.read(WEIGHTS))) as file:
            elements = _elements(path, file, archive.getinfo(WEIGHTS).file_size)
    return Contents(config, config.pop("compile_config", None), elements)


def _legacy(path: Path) -> Contents:
    with _opened(path, path) as file:
        elements = _elements(path, file, path.stat().st_size)
        config = _attribute(path, file, "model_config")
        if config is None or "model_weights" not in file:
            if "layer_names" in file.attrs or LISTED.intersection(file):
                raise refused(path, "it holds weights only, and not the model that they belong to", WHOLE)
            raise refused(path, "it holds no Keras model", AGAIN)
        training = _attribute(path, file, "training_config")
    return Contents(_parsed(path, config), training and _json(path, training), elements)


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in names]:
        raise refused(path, f"it is an archive without {' and '.join(missing)}", AGAIN)
    if len(members) > MOST_PARTS:
        raise refused(path, f"it is an archive of {len(members)} files", AGAIN)
    if len({name.casefold() for name in names}) < len(names):
        twice = next(name for name in names if [n.casefold() for n in names].count(name.casefold()) > 1)
        raise refused(path, f"it has two files called '{shown(twice)}', and which one counts is anyone's guess", AGAIN)
    for member in members:
        if why := _objection(member):
            raise refused(path, f"its file '{shown(member.filename)}' {why}", AGAIN)
    if archive.getinfo(CONFIG).file_size > LONGEST_CONFIG:
        raise refused(path, f"its configuration has more than {LONGEST_CONFIG // 2**20} MiB", AGAIN)
    _check_size(path, sum(m.file_size for m in members), sum(m.compress_size for m in members))


def _objection(member: zipfile.ZipInfo) -> str:
    """Why a file of an archive is not to be unpacked; "" where nothing speaks against it."""
    # What `filename` has lost, such as what follows a null byte, is still in the original name.
    name = member.orig_filename
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or ".." in PurePosixPath(name).parts:
        return "would be unpacked somewhere else"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    return "is encrypted" if member.flag_bits & 1 else ""


def _check_size(path: Path, unpacked: int, stored: int) -> None:
    if unpacked > max(HARMLESS, EXPANSION * stored):
        size = f"{stored:,} bytes in it would be unpacked to {unpacked:,}"
        raise refused(path, f"{size}, as in a file made to fill the memory", AGAIN)


def _opened(path: Path, source: Path | io.BytesIO) -> h5py.File:
    import h5py

    try:
        return h5py.File(source, "r")
    except OSError as error:
        what = f"the file {'is' if isinstance(source, Path) else 'has weights that are'} damaged or no HDF5"
        raise refused(path, f"{what} ({shown(error)})", AGAIN) from error


def _elements(path: Path, file: h5py.File, size: int) -> int:
    """How many numbers the arrays of an HDF5 file hold, where all of them are in that file and of their stored size.

    Args:
        path: For the error.
        file: To look at.
        size: Of the file in bytes.
    """
    elements = unpacked = stored = 0
    for name, array in _arrays(path, file):
        if array.external or array.is_virtual:
            raise refused(path, f"its array '{shown(name)}' lies in another file", AGAIN)
        if array.dtype.kind not in "fiubcSV":
            raise refused(path, f"its array '{shown(name)}' holds {array.dtype} and no numbers", AGAIN)
        elements += array.size or 0
        unpacked += array.nbytes if array.shape is not None else 0
        stored += array.id.get_storage_size()
    _check_size(path, unpacked, min(stored, size))
    return elements


def _arrays(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every array of a file, once, and none by way of a link to somewhere else."""
    import h5py

    seen = set()
    groups: list[h5py.Group] = [file]
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise refused(path, f"its part '{shown(name)}' is a link to another place or file", AGAIN)
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_PARTS:
                raise refused(path, f"it has more than {MOST_PARTS:,} parts", AGAIN)
            if isinstance(part, h5py.Group):
                groups.append(part)
            elif isinstance(part, h5py.Dataset):
                yield part.name, part


def _attribute(path: Path, file: h5py.File, name: str) -> Any:
    """The text of an attribute; None where there is none."""
    if name not in file.attrs:
        return None
    attribute = file.attrs.get_id(name)
    if attribute.shape != () or attribute.dtype.kind not in "SO" or attribute.get_storage_size() > LONGEST_CONFIG:
        raise refused(path, f"its attribute '{name}' is no text", AGAIN)
    value = file.attrs[name]
    if not isinstance(value, str | bytes):
        raise refused(path, f"its attribute '{name}' is no text", AGAIN)
    return value


def _parsed(path: Path, text: str | bytes) -> dict[str, Any]:
    """The configuration of a model."""
    config = _json(path, text)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise refused(path, "its configuration is not that of a model", AGAIN)
    return config


def _json(path: Path, text: str | bytes) -> Any:
    if len(text) > LONGEST_CONFIG:
        raise refused(path, f"its configuration has more than {LONGEST_CONFIG // 2**20} MiB", AGAIN)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(path, f"its configuration is no JSON ({shown(error)})", AGAIN) from error
    if _depth(value) > DEEPEST:
        raise refused(path, f"its configuration is nested more than {DEEPEST} levels deep", AGAIN)
    return value


def _depth(value: Any) -> int:
    """How deep lists and objects are nested; not by recursion, which has a limit of its own."""
    depth, level = 0, [value]
    while level:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return depth
