"""Data sets and what they refuse; the conversion of raw arrays."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from redundancy.data.conversion import dataset_from
from redundancy.data.dataset import Dataset
from redundancy.errors import DataError


def raw(**changes):
    arrays = {
        "x_train": np.arange(36, dtype=np.uint8).reshape(4, 3, 3),
        "y_train": np.array([0, 1, 2, 0]),
        "x_test": np.full((2, 3, 3), 255, np.uint8),
        "y_test": np.array([2, 1]),
    }
    return {**arrays, **changes}


def test_it_says_itself_in_one_line():
    assert str(dataset_from("tiny", raw())) == "tiny: 4 training and 2 test images of 3x3x1, 3 classes"
    assert str(dataset_from("a\nb", raw())).startswith(r"'a\nb': 4 training")


def test_shapes_and_dtypes():
    data = dataset_from("tiny", raw())
    assert (data.x_train.shape, data.x_train.dtype) == ((4, 3, 3, 1), np.float32)
    assert (data.y_test.shape, data.y_test.dtype) == ((2,), np.int64)
    assert (data.input_shape, data.classes) == ((3, 3, 1), 3)


def test_bytes_are_scaled_by_255():
    data = dataset_from("tiny", raw())
    np.testing.assert_array_equal(data.x_test, 1)
    np.testing.assert_array_equal(data.x_train.ravel(), np.arange(36, dtype=np.float32) / np.float32(255))


@given(hnp.arrays(np.uint8, (4, 3, 3)))
def test_bytes_come_back(images):
    data = dataset_from("tiny", raw(x_train=images))
    np.testing.assert_array_equal(np.rint(data.x_train[..., 0] * 255), images)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8", "g"])
def test_floats_are_taken_as_they_are(dtype):
    data = dataset_from("tiny", raw(x_train=np.full((4, 3, 3, 2), 0.5, dtype), x_test=np.ones((2, 3, 3, 2))))
    assert data.x_train.dtype == np.float32
    assert data.x_train.dtype.isnative
    np.testing.assert_array_equal(data.x_train, np.float32(0.5))


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i4", "u8", "f2", "f8"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_labels_of_any_dtype(dtype, shape):
    data = dataset_from("tiny", raw(y_train=np.array([2, 0, 1, 2], dtype).reshape(shape)))
    np.testing.assert_array_equal(data.y_train, [2, 0, 1, 2])


@pytest.mark.parametrize("changed", [lambda data: data, lambda data: pickle.loads(pickle.dumps(data))])
@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_arrays_are_read_only(changed, key):
    array = getattr(changed(dataset_from("tiny", raw())), key)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_the_arrays_given_stay_writable_and_apart():
    images = np.zeros((1, 2, 2, 1), np.float32)
    data = Dataset("tiny", images, np.zeros(1, np.int64), images, np.zeros(1, np.int64))
    images[0] = 1
    assert not data.x_train.any()


def test_the_digest_ignores_the_name_and_survives_pickling():
    data = dataset_from("tiny", raw())
    assert len(data.digest) == 64
    assert data.digest == dataset_from("other", raw()).digest == pickle.loads(pickle.dumps(data)).digest


def test_the_digest_is_the_same_everywhere():
    # Spelt out byte by byte: a change of dtype, byte order or layout would throw every kept result away.
    pixels = struct.pack("<36f", *(np.arange(36, dtype=np.float32) / np.float32(255)))
    expected = hashlib.sha256(b"(4, 3, 3, 1)" + pixels + b"(4,)" + struct.pack("<4q", 0, 1, 2, 0))
    expected.update(b"(2, 3, 3, 1)" + struct.pack("<18f", *[1.0] * 18) + b"(2,)" + struct.pack("<2q", 2, 1))
    assert dataset_from("tiny", raw()).digest == expected.hexdigest()


@given(st.integers(0, 35), st.integers(1, 255))
def test_the_digest_changes_with_one_pixel(pixel, by):
    images = raw()["x_train"].copy()
    images.reshape(-1)[pixel] = (pixel + by) % 256
    assert dataset_from("tiny", raw(x_train=images)).digest != dataset_from("tiny", raw()).digest


def test_the_digest_changes_with_a_label_and_with_the_shape():
    digests = {
        dataset_from("tiny", arrays).digest
        for arrays in (
            raw(),
            raw(y_test=np.array([2, 0])),
            raw(x_train=np.arange(36, dtype=np.uint8).reshape(4, 1, 9), x_test=np.full((2, 1, 9), 255, np.uint8)),
            raw(x_train=np.arange(36, dtype=np.uint8).reshape(4, 9, 1), x_test=np.full((2, 9, 1), 255, np.uint8)),
        )
    }
    assert len(digests) == 4


IMAGES = np.zeros((4, 3, 3))
REFUSED = {
    "too few axes": ({"x_train": np.zeros((4, 9))}, r"x_train has shape \(4, 9\); make it"),
    "too many axes": ({"x_test": np.zeros((2, 3, 3, 1, 1))}, r"x_test has shape .*; make it"),
    "no axes": ({"x_test": np.float32(0)}, r"x_test has shape \(\); make it"),
    "integer images": ({"x_train": IMAGES.astype(int)}, "x_train holds int64; store uint8"),
    "boolean images": ({"x_train": IMAGES.astype(bool)}, "x_train holds bool; store uint8"),
    "complex images": ({"x_train": IMAGES.astype(complex)}, "x_train holds complex128; store uint8"),
    "text for images": ({"x_train": IMAGES.astype(str)}, "x_train holds <U32; store uint8"),
    "no images": ({"x_test": np.zeros((0, 3, 3)), "y_test": np.zeros(0, int)}, "x_test .*no images"),
    "images of no size": ({"x_train": np.zeros((4, 3, 0))}, "x_train .*images of no size"),
    "NaN": ({"x_train": np.full((4, 3, 3), np.nan)}, "x_train has NaN or infinite values; remove"),
    "infinity": ({"x_test": np.full((2, 3, 3), -np.inf)}, "x_test has NaN or infinite values; remove"),
    "beyond float32": ({"x_test": np.full((2, 3, 3), 1e300)}, "x_test has NaN or infinite values; remove"),
    "floats in 0..255": ({"x_train": IMAGES + 255}, "x_train has values from 255 to 255, .*; rescale"),
    "negative floats": ({"x_train": IMAGES - 0.5}, "x_train has values from -0.5 to -0.5, .*; rescale"),
    "other test shape": ({"x_test": np.zeros((2, 3, 4))}, r"\(3, 3, 1\) and .* \(3, 4, 1\); give both"),
    "other channels": ({"x_test": np.zeros((2, 3, 3, 3))}, r"\(3, 3, 1\) and .* \(3, 3, 3\); give both"),
    "too few labels": ({"y_train": np.arange(3)}, "y_train has 3 labels for the 4 images of x_train; give"),
    "no labels": ({"y_test": np.zeros(0, int)}, "y_test has 0 labels for the 2 images of x_test; give"),
    "one-hot labels": ({"y_train": np.eye(4)}, r"y_train has shape \(4, 4\); give the number"),
    "boolean labels": ({"y_train": np.ones(4, bool)}, "y_train holds bool; store"),
    "text for labels": ({"y_test": np.array(["a", "b"])}, "y_test holds <U1; store"),
    "fractions": ({"y_train": np.full(4, 0.5)}, "y_train has values that are not whole numbers; store"),
    "NaN labels": ({"y_train": np.full(4, np.nan)}, "y_train has values that are not whole numbers; store"),
    "infinite labels": ({"y_train": np.full(4, np.inf)}, "y_train has values that are not whole numbers; store"),
    "negative labels": ({"y_train": np.array([0, 1, -1, 2])}, "y_train has the label -1, .*; number"),
    "huge labels": ({"y_train": np.array([0, 1, 2, 65_536])}, "y_train has the label 65536, .*; number"),
    "beyond int64": ({"y_train": np.full(4, 2**64 - 1, np.uint64)}, r"y_train has labels beyond .*; number"),
    "floats beyond int64": ({"y_train": np.full(4, -1e30)}, r"y_train has labels beyond .*; number"),
    "unseen label": ({"y_test": np.array([0, 3])}, "y_test has the label 3, but y_train stops at 2; every class"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_are_one_line(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        dataset_from("a\nname", raw(**changes))
    assert str(caught.value).startswith(r"cannot use the data set 'a\nname': ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((4, 3, 3), np.float32)}, r"make it \(n, height, width, channels\), float32"),
        ({"x_train": np.zeros((4, 3, 3, 1))}, "dtype float64; make it"),
        ({"y_test": np.zeros(2, np.int32)}, r"dtype int32; make it \(n,\), int64"),
        ({"y_test": np.zeros((2, 1), np.int64)}, r"make it \(n,\), int64"),
    ],
)
def test_a_data_set_made_by_hand_is_checked_too(change, message):
    with pytest.raises(DataError, match=message):
        dataclasses.replace(dataset_from("tiny", raw()), **change)
