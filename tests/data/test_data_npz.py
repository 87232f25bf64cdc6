"""Data sets in .npz files, and everything a file can be instead."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.data import npz
from redundancy.errors import DataError

ARRAYS = {
    "x_train": np.arange(36, dtype=np.uint8).reshape(4, 3, 3),
    "y_train": np.array([0, 1, 2, 0], np.uint8),
    "x_test": np.zeros((2, 3, 3), np.uint8),
    "y_test": np.array([2, 1], np.uint8),
}


def packed(save=np.savez, **changes) -> bytes:
    file = io.BytesIO()
    save(file, **{**ARRAYS, **changes})
    return file.getvalue()


def plain(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def member(start: bytes) -> bytes:
    """The archive with `start` in place of x_train.npy, and nothing after it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", start)
        for key in ("y_train", "x_test", "y_test"):
            archive.writestr(f"{key}.npy", plain(ARRAYS[key]))
    return file.getvalue()


def header(shape, descr="|u1") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def written(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_good_file(save, tmp_path):
    data = npz.load(written(tmp_path / "good.npz", packed(save, more=np.zeros(3))))
    assert data.name == str(tmp_path / "good.npz")
    np.testing.assert_array_equal(data.x_train[..., 0] * np.float32(255), ARRAYS["x_train"])
    np.testing.assert_array_equal(data.y_test, [2, 1])


def test_what_is_written_is_read(tmp_path):
    file = io.BytesIO()
    npz.write(file, ARRAYS)
    back = npz.read(written(tmp_path / "back.npz", file.getvalue()))
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(back[key], array, strict=True)


@pytest.mark.parametrize("order", [np.asfortranarray, np.ascontiguousarray])
def test_either_memory_order_is_read(order, tmp_path):
    data = npz.load(written(tmp_path / "good.npz", packed(x_train=order(ARRAYS["x_train"]))))
    assert data.digest == npz.load(written(tmp_path / "plain.npz", packed())).digest


def test_a_header_that_python_2_wrote_is_read_without_a_warning(tmp_path):
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4L, 3L, 3L), }\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + ARRAYS["x_train"].tobytes()
    assert npz.load(written(tmp_path / "old.npz", member(start))).input_shape == (3, 3, 1)


BAD = {
    "empty": (b"", "the file is empty; write it anew"),
    "random bytes": (bytes(range(256)), r"damaged or is no \.npz"),
    "text": (b"<html>404</html>", r"damaged or is no \.npz"),
    "truncated": (packed()[:-100], r"damaged or is no \.npz"),
    "a flipped bit": (packed().replace(bytes(range(36)), bytes(range(1, 37))), r"damaged .*CRC"),
    "a single array": (plain(np.zeros(3)), r"a single array \(\.npy\), not an \.npz"),
    "an empty archive": (packed(lambda file, **_: np.savez(file)), "it has no x_train, y_train, x_test, y_test; "),
    "a missing key": (packed(lambda file, y_test, **rest: np.savez(file, **rest)), "it has no y_test; write"),
    "pickled objects": (packed(x_train=np.array([{}] * 4)), "x_train holds pickled Python objects, .*; store plain"),
    "records of objects": (packed(y_train=np.zeros(4, [("a", object)])), "y_train holds pickled Python objects"),
    "records": (packed(y_train=np.zeros(4, [("a", int)])), "y_train holds .*; store the numbers"),
    "not an array inside": (member(b"no array"), r"damaged or is no \.npz"),
    "nothing inside": (member(b""), r"damaged or is no \.npz"),
    "a negative shape": (member(header((-4, 3, 3))), r"damaged or is no \.npz"),
    "a shape of text": (member(header("abc")), r"damaged or is no \.npz"),
    "an unknown format": (member(b"\x93NUMPY\x09\x00" + bytes(100)), r"damaged or is no \.npz"),
    "a long header": (member(b"\x93NUMPY\x01\x00" + struct.pack("<H", 11_000) + b" " * 11_000), "Header info length"),
    "too short for its header": (member(header((4, 3, 3))), r"damaged or is no \.npz"),
    "a bomb": (member(header((2_000_000, 1000, 1000)) + bytes(10**6)), r"7,450\.6 GiB in memory, more than 8; give"),
    "a bomb of wide text": (member(header((9,), "|S2000000000")), r"GiB in memory, more than 8; give fewer"),
    "an impossible size": (member(header((10**30, 10**30, 1))), "GiB in memory, more than 8; give fewer"),
    "labels of fractions": (packed(y_train=np.full(4, 0.5)), "y_train has values that are not whole numbers"),
    "NaN": (packed(x_test=np.full((2, 3, 3), np.nan)), "x_test has NaN"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line_that_names_it(content, message, tmp_path):
    path = written(tmp_path / "two\nlines.npz", content)
    with pytest.raises(DataError, match=message) as caught:
        npz.load(path)
    assert str(caught.value).startswith(f"cannot use the data set {str(path)!r}: ")
    assert str(caught.value).isprintable()


def test_nothing_is_ever_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    path = written(tmp_path / "trap.npz", packed(y_test=np.array([Trap(), Trap()])))
    with pytest.raises(DataError, match="pickled"):
        npz.load(path)
    assert not (tmp_path / "sprung").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    # Both a header that is itself 64 MiB long, and 64 MiB after a header of too large an array.
    long_header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**26) + bytes(2**26)
    for content in (member(long_header), member(header((10**10,)) + bytes(2**26))):
        path = written(tmp_path / "bomb.npz", content)
        tracemalloc.start()
        with pytest.raises(DataError):
            npz.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**22


def test_the_largest_size_counts_what_the_arrays_become(tmp_path, monkeypatch):
    path = written(tmp_path / "good.npz", packed())
    elements = sum(array.size for array in ARRAYS.values())
    monkeypatch.setattr(npz, "LARGEST", 4 * elements)
    npz.load(path)
    monkeypatch.setattr(npz, "LARGEST", 4 * elements - 1)
    with pytest.raises(DataError, match="GiB in memory"):
        npz.load(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"it cannot be read .No such file or directory.; check the path"):
        npz.load(tmp_path / "missing.npz")


def test_a_directory(tmp_path):
    with pytest.raises(DataError, match="it is a directory; give the path"):
        npz.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="it is not a regular file; give"):
        npz.load(tmp_path / "pipe")


GOOD = {"stored": packed(), "deflated": packed(np.savez_compressed)}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "file.npz"


@settings(deadline=None)  # the disk may take its time
@given(kind=st.sampled_from(sorted(GOOD)), data=st.data())
def test_however_a_file_is_damaged_it_loads_or_is_one_line(kind, data, scratch):
    content = bytearray(GOOD[kind])
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 8))
    content[start : start + length] = data.draw(st.binary(max_size=8))
    message = ""
    try:
        npz.load(written(scratch, bytes(content)))
    except DataError as error:
        message = str(error)
    assert message.isprintable()
