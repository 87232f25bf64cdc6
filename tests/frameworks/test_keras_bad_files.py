"""Whatever a model file holds, it is loaded as it is or refused in one line: nothing runs or hangs."""

import resource
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from bad_files import BAD, ODD

import redundancy
from redundancy.errors import LossWarning, ModelFileError
from redundancy.frameworks.keras.contents import shown
from redundancy.frameworks.keras.files import load, save

MEMORY = 300 * 2**10
"""KiB that looking at any of these files may take; the sound ones are of some KiB."""


@pytest.fixture(scope="module")
def good(model_file):
    return model_file.read_bytes()


def made(corpus, words, directory, good):
    """The path of a file of a corpus."""
    name, make = corpus[words]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's, about what it is asked to write
        make(directory / name, good)
    return directory / name


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_is_refused_in_one_line(tmp_path, monkeypatch, good, words):
    monkeypatch.chdir(tmp_path)
    path = made(BAD, words, tmp_path, good)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(ModelFileError) as refused:
        load(path)
    assert str(refused.value).isprintable()
    assert str(refused.value).startswith(f"cannot use the model {str(path)!r}: ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
    assert time.monotonic() - start < 20
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("one two three", "one two..."),
        ("one two", "one two"),
        ("x" * 13, "xxxxxxxxx..."),
        ("a " + "x" * 13, "a xxxxxxx..."),
    ],
)
def test_what_is_cut_off_ends_with_a_word_where_one_is_near(text, seen):
    assert shown(text, 12) == seen


def own_loss(expected, given):
    return (expected - given) ** 2


def test_a_warning_points_at_who_called_this_package(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile(loss=own_loss)
    model.save(tmp_path / "m.keras")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", LossWarning)
        redundancy.audit(tmp_path / "m.keras")
    assert [warning.filename for warning in said] == [__file__]


@pytest.mark.parametrize("words", ["weights only", "weights only under another name"])
def test_weights_without_a_model_are_refused_with_the_way_out(tmp_path, good, words):
    with pytest.raises(ModelFileError, match=r"holds weights only.*load_weights"):
        load(made(BAD, words, tmp_path, good))


def test_weights_that_keras_3_wrote_are_called_that_whatever_the_file_is_called(tmp_path, model_file):
    keras.saving.load_model(model_file).save_weights(tmp_path / "w.weights.h5")
    (tmp_path / "w.weights.h5").rename(tmp_path / "w.h5")
    with pytest.raises(ModelFileError, match=r"holds weights only.*load_weights"):
        load(tmp_path / "w.h5")


@pytest.mark.parametrize("words", ODD)
def test_a_file_that_only_looks_wrong_is_loaded(tmp_path, good, words):
    assert load(made(ODD, words, tmp_path, good)).built


def test_what_keras_2_wrote_computes_what_it_did(tmp_path, good):
    model = load(made(ODD, "a file of keras 2", tmp_path, good))
    kernel = np.arange(12).reshape(4, 3)
    assert np.allclose(model(np.eye(4, dtype="float32")), kernel + 1)


def outcome(path):
    """What loading a file comes to."""
    try:
        return load(path)
    except ModelFileError as error:
        return str(error)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch, good):
    path = tmp_path / "model.keras"
    path.write_bytes(good)

    def denied(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    assert "it cannot be read (Permission denied)" in outcome(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_with_one_wrong_byte_is_loaded_or_refused(tmp_path, model_file, suffix):
    save(load(model_file), tmp_path / f"good{suffix}")
    sound = (tmp_path / f"good{suffix}").read_bytes()
    rng, path = np.random.default_rng(0), tmp_path / f"model{suffix}"
    for place in rng.integers(0, len(sound), 60).tolist():
        data = bytearray(sound)
        data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        found = outcome(path)
        assert isinstance(found, keras.Model) or found.isprintable(), place


def test_weights_of_a_damaged_archive_are_never_taken_for_others(tmp_path, model_file, good):
    rng, path, expected = np.random.default_rng(1), tmp_path / "model.keras", load(model_file).get_weights()
    for place in rng.integers(0, len(good), 60).tolist():
        data = bytearray(good)
        data[place] ^= 1
        path.write_bytes(data)
        if isinstance(found := outcome(path), keras.Model):
            assert all(np.array_equal(a, b) for a, b in zip(found.get_weights(), expected, strict=True)), place


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_that_ends_too_early_is_refused(tmp_path, model_file, suffix):
    save(load(model_file), tmp_path / f"good{suffix}")
    sound = (tmp_path / f"good{suffix}").read_bytes()
    path = tmp_path / f"model{suffix}"
    for length in np.random.default_rng(2).integers(0, len(sound) - 1, 40).tolist():
        path.write_bytes(sound[:length])
        assert isinstance(outcome(path), str), length


def test_the_process_is_left_as_it_was(tmp_path, good):
    before = keras.config.is_interactive_logging_enabled(), keras.Variable.__init__, Path.cwd(), warnings.filters[:]
    for words in list(BAD)[::9]:
        (tmp_path / words.replace("/", "")).mkdir()
        outcome(made(BAD, words, tmp_path / words.replace("/", ""), good))
    after = keras.config.is_interactive_logging_enabled(), keras.Variable.__init__, Path.cwd(), warnings.filters[:]
    assert before == after
