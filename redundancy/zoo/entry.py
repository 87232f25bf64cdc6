"""The file of one run: bytes from a run, and a run from bytes that are believed only if they are whole.

An entry is a .npz of plain arrays, none of them pickled or compressed, that ends in the SHA-256 of all before it.
`docs/store.md` says what is in it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import tokenize
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from redundancy.network import Array, Network
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.structure import numpy_dtype
from redundancy.zoo.versions import machine, versions

FORMAT = 4
"""Another number where the way that runs are trained or written changes what they are."""

META = "meta"
"""The array of bytes that says, in JSON, everything but the weights."""

_DIGEST = 64
"""Characters of the digest at the end of a file, which is the comment of the archive."""

_META_BYTES, _HEADER_BYTES = 1 << 20, 1 << 12
"""What meta data may take besides the recipe, and what an array may take besides its numbers."""

# What the readers of archives, headers and JSON raise where bytes are not what they expect.
_UNREADABLE = (
    ValueError, KeyError, TypeError, EOFError, ArithmeticError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile,
)  # fmt: skip


class DamagedError(Exception):
    """Bytes that are not what was written; never seen outside the store."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an entry has to be.

    Attributes:
        key: Its name in the store.
        recipe: Of the run.
        seed: Of the run.
        data_digest: Of the data set it was trained on.
        structure: The recipe's network; its weights' values do not matter.
    """

    key: str
    recipe: Recipe
    seed: int
    data_digest: str
    structure: Network

    @property
    def most(self) -> int:
        """No entry has more bytes."""
        arrays = _arrays(self.structure).items()
        said = _META_BYTES + 2 * len(self.recipe.to_json())
        return said + sum(array.nbytes + 2 * _HEADER_BYTES + 8 * len(name) for name, array in arrays)

    @property
    def stated(self) -> dict[str, object]:
        """What the meta data say of a run that is known beforehand."""
        said = {"format": FORMAT, "key": self.key, "recipe": self.recipe.to_json(), "seed": self.seed}
        dtypes = {name: array.dtype.name for name, array in _arrays(self.structure).items()}
        return {**said, "data": self.data_digest, "versions": versions(), "dtypes": dtypes}


def packed(run: Run, key: str) -> bytes:
    """The file of a run."""
    arrays = _arrays(run.network)
    said = {
        **Expected(key, run.recipe, run.seed, run.data_digest, run.network).stated,
        "loss": repr(run.loss),
        "accuracy": repr(run.accuracy),
        "diverged": run.diverged,
        "alone": run.alone,
        "machine": machine(),
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    meta = np.frombuffer(json.dumps(said, sort_keys=True).encode(), np.uint8)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = b"0" * _DIGEST
        for name, array in {META: meta, **arrays}.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.external_attr = 0o644 << 16
            archive.writestr(member, _npy(array))
    return signed(buffer.getvalue())


def signed(content: bytes) -> bytes:
    """An archive with the right digest at its end."""
    body = content[:-_DIGEST]
    return body + hashlib.sha256(body).hexdigest().encode()


def unpacked(content: bytes, expected: Expected) -> Run:
    """The run of an entry.

    Args:
        content: The whole file, or as much of it as is more than `expected.most`.
        expected: What it has to be.

    Raises:
        DamagedError: It is something else: not what was written, or not of this run.
    """
    if len(content) > expected.most or signed(content) != content:
        raise DamagedError("the digest is another")
    wanted = _arrays(expected.structure)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_members(archive, {META, *wanted})
            meta = _meta(archive)
            arrays = {name: _array(archive, name, like) for name, like in wanted.items()}
        run = _run(meta, expected, expected.structure.with_weights(_by_node(arrays)))
    except _UNREADABLE as error:
        raise DamagedError(str(error)) from error
    return run


def meta_of(content: BinaryIO) -> dict[str, Any]:
    """What an entry says of itself, not looking at its digest; for lists, not for use.

    Args:
        content: An open binary file.

    Raises:
        DamagedError: Nothing that can be read.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            _check_members(archive, {META, *(name.removesuffix(".npy") for name in archive.namelist())})
            if archive.getinfo(f"{META}.npy").file_size > _META_BYTES:
                raise ValueError("the meta data are too long")
            return _meta(archive)
    except _UNREADABLE as error:
        raise DamagedError(str(error)) from error


def _run(meta: Mapping[str, Any], expected: Expected, network: Network) -> Run:
    for name, value in expected.stated.items():
        if meta[name] != value or type(meta[name]) is not type(value):
            raise ValueError(f"{name} is another")
    loss, accuracy, diverged, alone = float(meta["loss"]), float(meta["accuracy"]), meta["diverged"], meta["alone"]
    if diverged is not None and not (type(diverged) is int and 1 <= diverged <= expected.recipe.steps):
        raise ValueError("diverged is no step")
    if not (isinstance(alone, str) and 0.0 <= accuracy <= 1.0):
        raise ValueError("a value is none that a run has")
    return Run(expected.recipe, expected.seed, network, loss, accuracy, expected.data_digest, diverged, alone)


def _check_members(archive: zipfile.ZipFile, names: set[str]) -> None:
    members = archive.infolist()
    if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in names):
        raise ValueError("the arrays are others")
    # What is not compressed is no larger than the file that it is in.
    if any(
        member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size for member in members
    ):
        raise ValueError("an array is compressed")


def _meta(archive: zipfile.ZipFile) -> dict[str, Any]:
    meta = json.loads(_numbers(archive.read(f"{META}.npy"), np.dtype(np.uint8)).tobytes())
    if not isinstance(meta, dict):
        raise ValueError("the meta data are no object")
    return meta


def _array(archive: zipfile.ZipFile, name: str, like: Array) -> Array:
    """The array of that name, of the shape and dtype of another one."""
    numbers = _numbers(archive.read(f"{name}.npy"), _plain(like).dtype, like.shape)
    return numbers.view(numpy_dtype(like.dtype.name))


def _numbers(member: bytes, dtype: np.dtype[Any], shape: tuple[int, ...] | None = None) -> Array:
    """What a .npy file holds; it never reserves memory for what a header claims and the file has not."""
    stream = BytesIO(member)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("the header is of another version")
    told, by_columns, of = np.lib.format.read_array_header_1_0(stream, max_header_size=_HEADER_BYTES)
    if by_columns or of != dtype.newbyteorder("<") or told != (told if shape is None else shape):
        raise ValueError("an array is of another shape or dtype")
    if len(member) - stream.tell() != math.prod(told) * dtype.itemsize:
        raise ValueError("an array is of another length than it says")
    stored = np.frombuffer(member, dtype.newbyteorder("<"), offset=stream.tell()).reshape(told)
    return stored.astype(dtype, copy=False)


def _npy(array: Array) -> bytes:
    plain = _plain(array)
    buffer = BytesIO()
    np.lib.format.write_array(
        buffer, np.asarray(plain, plain.dtype.newbyteorder("<"), order="C"), version=(1, 0), allow_pickle=False
    )
    return buffer.getvalue()


def _plain(array: Array) -> Array:
    # NumPy's file format knows no bfloat16: its bits are kept as integers.
    return array if array.dtype.kind in "fu" else array.view(f"u{array.dtype.itemsize}")


def _arrays(network: Network) -> dict[str, Array]:
    return {f"{node.name}/{name}": array for node in network for name, array in node.weights.items()}


def _by_node(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    nodes: dict[str, dict[str, Array]] = {}
    for place, array in arrays.items():
        node, _, name = place.partition("/")
        nodes.setdefault(node, {})[name] = array
    return nodes
