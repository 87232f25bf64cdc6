"""Data for a model is taken in several forms, and what is none of them is refused with those that are."""

from pathlib import Path

import numpy as np
import pytest

from redundancy.errors import OptionError
from redundancy.feeding import arrays_of
from redundancy.network import Network, Node

INPUTS = [
    Node("image", "input", (), (2, None), {"dtype": "float32"}),
    Node("size", "input", (), (), {"dtype": "int32"}),
]
ONE, TWO = Network(tuple(INPUTS[:1]), ("image",)), Network(tuple(INPUTS), ("image", "size"))
IMAGES, SIZES = np.ones((3, 2, 5)), np.arange(3)


@pytest.mark.parametrize("data", [IMAGES, IMAGES.tolist(), (IMAGES,), {"image": IMAGES}, {"y": SIZES, "image": IMAGES}])
def test_one_input_is_given_as_an_array_or_by_name(data):
    (array,) = arrays_of(ONE, data if not isinstance(data, list) else (data,))
    assert np.array_equal(array, IMAGES)


@pytest.mark.parametrize("data", [(IMAGES, SIZES), [IMAGES, SIZES], {"size": SIZES, "image": IMAGES}])
def test_several_inputs_are_given_in_order_or_by_name(data):
    assert [array.shape for array in arrays_of(TWO, data)] == [(3, 2, 5), (3,)]


def test_arrays_of_a_file_are_taken_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", size=SIZES, image=IMAGES)
    assert len(arrays_of(TWO, np.load(tmp_path / "x.npz"))) == 2


WRONG = {
    "a path": ("x.npz", "data='x.npz' is a path: read it with numpy.load"),
    "a Path": (Path("x.npz"), "data='x.npz' is a path: read it with numpy.load"),
    "a generator": (iter([]), "data is a list_iterator, and no array"),
    "a misspelt name": ({"Image": IMAGES, "size": SIZES}, "the data names Image, size and not image"),
    "an empty dict": ({}, "the data names nothing and not image, size"),
    "another shape": ((IMAGES[:, :1], SIZES), r"the data has shapes \(3, 1, 5\), \(3,\)"),
    "too few": (IMAGES, r"the data has shape \(3, 2, 5\)"),
    "too many": ((IMAGES, SIZES, SIZES), r"the data has shapes \(3, 2, 5\), \(3,\), \(3,\)"),
    "ragged": (([[1.0, 2.0], [3.0]], SIZES), "different lengths"),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_taken_is_refused_with_what_can(words):
    data, said = WRONG[words]
    accepted = r"the model reads image \(n, 2, any\), size \(n,\): give a tuple of arrays in this order"
    with pytest.raises(OptionError, match=f"{said}.*{accepted}"):
        arrays_of(TWO, data)


@pytest.mark.parametrize(("data", "said"), [((IMAGES, SIZES[:2]), "3 and 2 rows"), ((IMAGES[:0], SIZES[:0]), "0 rows")])
def test_there_are_as_many_rows_of_each(data, said):
    with pytest.raises(OptionError, match=f"the data has {said}: give as many"):
        arrays_of(TWO, data)


def test_a_data_set_of_tensorflow_is_no_array():
    import tensorflow as tf

    with pytest.raises(OptionError, match="data is a _TensorSliceDataset, and no array"):
        arrays_of(ONE, tf.data.Dataset.from_tensor_slices(IMAGES))


@pytest.mark.parametrize("data", [IMAGES.tolist(), list(IMAGES), [IMAGES.tolist()], [IMAGES], IMAGES[:1].tolist()])
def test_a_list_of_rows_is_the_data_of_the_only_input(data):
    (array,) = arrays_of(ONE, data)
    assert array.shape[1:] == (2, 5)


def test_a_list_of_what_fits_no_input_is_told_as_such():
    with pytest.raises(OptionError, match=r"the data has shape \(3, 4\): the model reads image"):
        arrays_of(ONE, np.ones((3, 4)).tolist())
