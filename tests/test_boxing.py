"""Which numbers a model expects, and that those of a file reach it as it expects them."""

import json

import keras
import numpy as np
import pytest
from command_line import called

from redundancy import audit, load_data, prune
from redundancy.boxing import of_bytes
from redundancy.errors import OptionError
from redundancy.frameworks.keras import read

IMAGES = np.random.default_rng(0).integers(0, 256, (80, 5, 5, 1)).astype("uint8")


def adapted(images):
    layer = keras.layers.Normalization()
    layer.adapt(images)
    return layer


def normalised(images):
    layer = keras.layers.BatchNormalization()
    layer.build((None, 5, 5, 1))
    layer.moving_mean.assign([images.mean()])
    layer.moving_variance.assign([images.var()])
    return layer


FIRST = {
    "divides by 255": (lambda: keras.layers.Rescaling(1 / 255), True),
    "to -1 to 1": (lambda: keras.layers.Rescaling(1 / 127.5, offset=-1), True),
    "adapted to bytes": (lambda: adapted(IMAGES.astype("float32")), True),
    "normalises bytes": (lambda: normalised(IMAGES.astype("float32")), True),
    "0 to 1 becomes -1 to 1": (lambda: keras.layers.Rescaling(2.0, offset=-1), False),
    "adapted to 0 to 1": (lambda: adapted(IMAGES.astype("float32") / 255), False),
    "normalises 0 to 1": (lambda: normalised(IMAGES.astype("float32") / 255), False),
    "nothing": (lambda: keras.layers.Flatten(), False),
}


def model_of(first):
    keras.utils.set_random_seed(0)
    layers = [first, keras.layers.Flatten(), keras.layers.Dense(6, "relu"), keras.layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((5, 5, 1), name="image"), *layers])


@pytest.mark.parametrize("case", FIRST)
def test_a_layer_that_standardizes_says_how_large_inputs_are(case):
    first, bytes_ = FIRST[case]
    assert of_bytes(read(model_of(first()))) == ({"image"} if bytes_ else set())


@pytest.fixture
def file(tmp_path):
    labels = np.arange(80) % 3
    np.savez(tmp_path / "bytes.npz", x_train=IMAGES, y_train=labels, x_test=IMAGES, y_test=labels)
    return tmp_path / "bytes.npz"


@pytest.mark.parametrize("case", ["divides by 255", "nothing"])
def test_bytes_in_a_file_reach_a_model_as_it_expects_them(case, file):
    first, bytes_ = FIRST[case]
    model, images = model_of(first()), IMAGES.astype("float32") / (1 if bytes_ else 255)
    found = prune(model, data=file, remove=0.3)
    assert found.scale == pytest.approx(float(np.max(model.predict(images, verbose=0))), rel=1e-5)
    again = prune(model, data=images, labels=np.arange(80) % 3, remove=0.3)
    assert [removal.unit for removal in found.removals] == [removal.unit for removal in again.removals]


def test_the_command_line_gives_them_likewise(file, tmp_path, capsys):
    model = model_of(FIRST["divides by 255"][0]())
    model.save(tmp_path / "model.keras")
    code, _, out = called(capsys, "audit", tmp_path / "model.keras", "--data", file, "--json", tmp_path / "out.json")
    assert code == 0, out
    assert (
        json.loads((tmp_path / "out.json").read_text())["findings"]
        == audit(model, data=IMAGES.astype("float32")).to_dict()["findings"]
    )


def test_a_data_set_from_0_to_1_is_refused_for_a_model_of_bytes():
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Rescaling(1 / 255, name="bytes"),
        keras.layers.Flatten(),
        keras.layers.Dense(4, "relu"),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    with pytest.raises(OptionError, match=r"layer 'bytes' expects numbers up to 255, .* from 0 to 1"):
        prune(model, data=load_data("mnist-5k"), remove=0.5)
