"""Inputs for a model are the right ones, or refused in one line."""

import io
import os
import pickle
import resource
import zipfile

import numpy as np
import pytest

from redundancy.data.samples import samples
from redundancy.errors import DataError

ONE = [("image", (28, 28, 1))]
TWO = [("a", (3,)), ("b", (None,))]
X = np.linspace(-1, 1, 2 * 28 * 28).reshape(2, 28, 28, 1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.npz"


def test_an_array_that_is_called_as_the_input_is(path):
    np.savez(path, image=X, x=0 * X)
    assert np.array_equal(samples(path, ONE)[0], X)


def test_arrays_that_are_numbered(path):
    np.savez(path, x=np.ones((4, 3)), x2=np.zeros((4, 9)))
    assert [array.shape for array in samples(path, TWO)] == [(4, 3), (4, 9)]


@pytest.mark.parametrize("name", ["x_test", "x_train"])
def test_images_of_a_data_set_are_scaled_as_there(path, name):
    np.savez(path, **{name: np.full((2, 28, 28), 51, np.uint8)})
    (array,) = samples(path, ONE)
    assert array.shape == (2, 28, 28, 1)
    assert np.allclose(array, 0.2)


def test_what_was_not_trained_on_comes_first(path):
    np.savez(path, x_train=0 * X, x_test=X)
    assert np.array_equal(samples(path, ONE)[0], X)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "float16", "float64"])
def test_numbers_keep_their_type(path, dtype):
    np.savez(path, image=np.ones_like(X, dtype))
    assert samples(path, ONE)[0].dtype == dtype


WRONG = {
    "nothing of that name": (
        {"y": X},
        r"it holds y, and the model reads image \(n, 28, 28, 1\); call the arrays image or x or x_test",
    ),
    "nothing at all": ({}, "it holds nothing, and the model reads"),
    "another shape": ({"x": X[:, :27]}, r"x has shape \(2, 27, 28, 1\), but the model reads image \(n, 28, 28, 1\)"),
    "no batch": ({"x": X[0]}, "x has shape"),
    "no rows": ({"x": X[:0]}, "give one row or more of that shape"),
    "texts": ({"x": np.full(X.shape, "a")}, "x holds <U1; store numbers"),
    "complex numbers": ({"x": X + 1j}, "store numbers"),
    "dates": ({"x": np.zeros(X.shape, "datetime64[s]")}, "store numbers"),
    "records": ({"x": np.zeros(X.shape, [("a", int)])}, "store numbers"),
    "objects": ({"x": np.array([None, 1])}, "pickled Python objects, which are never loaded"),
    "NaN": ({"x": np.where(X > 0.9, np.nan, X)}, "x has NaN or infinite values"),
    "infinity": ({"x": np.where(X > 0.9, -np.inf, X)}, "x has NaN or infinite values"),
}


@pytest.mark.parametrize("words", WRONG)
def test_arrays_that_do_not_fit_are_refused(path, words):
    arrays, said = WRONG[words]
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=said) as refused:
        samples(path, ONE)
    assert str(refused.value).isprintable()


def test_several_inputs_are_named_in_order_with_their_shapes(path):
    np.savez(path, c=np.ones((4, 3)))
    with pytest.raises(
        DataError, match=r"it holds c, and the model reads a \(n, 3\), b \(n, any\); call .* a, b or x, x2 in"
    ):
        samples(path, TWO)


def test_inputs_of_different_lengths_are_refused(path):
    np.savez(path, a=np.ones((4, 3)), b=np.ones((5, 3)))
    with pytest.raises(DataError, match="it has 4 of a, 5 of b; give as many of each"):
        samples(path, TWO)


def header(shape, descr="'<f8'"):
    """An array that declares a shape, and nothing behind it."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def archive(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.npy", content)
    return buffer.getvalue()


def good():
    buffer = io.BytesIO()
    np.savez(buffer, x=X)
    return buffer.getvalue()


FILES = {
    "empty": b"",
    "text": b"x = 1",
    "a pickle": pickle.dumps({"x": X}),
    "a single array": header((2, 28, 28, 1)),
    "cut off": good()[:2000],
    "cut off at the end": good()[:-5],
    "a flipped byte": bytes(byte ^ (place == 4000) for place, byte in enumerate(good())),
    "an array of nothing": archive(b""),
    "a header and no numbers": archive(header((2, 28, 28, 1))),
    "a huge header": archive(header((2, 28, 28, 1)) + b" " * 10 + bytes(100)),
    "more than fits in memory": archive(header((10**9, 28, 28, 1))),
    "more than there are numbers": archive(header((10**30, 28, 28, 1))),
    "a negative size": archive(header((-2, 28, 28, 1))),
    "a header that is a program": archive(header("__import__('os').system('touch evil')")),
    "a header of a megabyte": archive(b"\x93NUMPY\x02\x00" + (2**20).to_bytes(4, "little") + b"{" * 2**20),
    "pickled numbers": archive(header((2,), "'|O'") + pickle.dumps([1, 2])),
}


@pytest.mark.parametrize("words", FILES)
def test_a_damaged_or_hostile_file_is_refused_in_one_line(path, monkeypatch, words):
    monkeypatch.chdir(path.parent)
    path.write_bytes(FILES[words])
    with pytest.raises(DataError) as refused:
        samples(path, ONE)
    assert str(refused.value).isprintable()
    assert not (path.parent / "evil").exists()


@pytest.mark.parametrize("make", ["nothing", "directory", "pipe", "device", "link to itself"])
def test_what_is_no_file_is_refused_in_one_line(path, make):
    makers = {"directory": path.mkdir, "pipe": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero")}
    makers.get(make, lambda: path.symlink_to(path) if make == "link to itself" else None)()
    with pytest.raises(DataError) as refused:
        samples(path, ONE)
    assert str(refused.value).isprintable()


def test_what_is_behind_an_array_is_never_unpacked(path):
    path.write_bytes(archive(header((1, 28, 28, 1)) + bytes(8 * 28 * 28) + bytes(2**28)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not np.any(samples(path, ONE)[0])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17


def outcome(path):
    """The array in a file, or what is wrong with it."""
    try:
        return samples(path, [("x", (28, 28, 1))])[0]
    except DataError as error:
        return str(error)


def test_any_wrong_byte_is_refused_or_changes_nothing(path):
    sound, rng = good(), np.random.default_rng(0)
    for place in rng.integers(0, len(sound), 100).tolist():
        data = bytearray(sound)
        data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        found = outcome(path)
        assert found.isprintable() if isinstance(found, str) else np.array_equal(found, X), place
