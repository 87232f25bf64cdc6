"""All of MNIST, by a loader that stands in for Keras's: no test needs the network."""

from __future__ import annotations

import socket
import sys
import time

import numpy as np
import pytest

import redundancy.data
from redundancy.data import mnist
from redundancy.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_CACHE", str(tmp_path))


@pytest.fixture
def keras(monkeypatch):
    """Puts a function in the place of `keras.datasets.mnist.load_data`, without loading Keras."""

    def put(load_data):
        module = type(sys)("keras.datasets")
        module.mnist = type("mnist", (), {"load_data": staticmethod(load_data)})
        monkeypatch.setitem(sys.modules, "keras.datasets", module)
        if "keras" not in sys.modules:
            monkeypatch.setitem(sys.modules, "keras", type(sys)("keras"))

    return put


def images(n):
    return np.full((n, 28, 28), 255, np.uint8), np.arange(n, dtype=np.uint8)


def test_what_keras_gives_is_converted(keras):
    keras(lambda: (images(10), images(5)))
    data = redundancy.data.load("mnist")
    assert str(data) == "mnist: 10 training and 5 test images of 28x28x1, 10 classes"
    assert data.x_train.max() == 1


def failing(error):
    def load_data():
        raise error

    return load_data


@pytest.mark.parametrize("error", [Exception("URL fetch failure:\n no route"), OSError(5, "broken"), EOFError()])
def test_a_failure_is_one_line_that_says_how_to_give_a_file(error, keras):
    keras(failing(error))
    with pytest.raises(DataError, match="REDUNDANCY_DATA=/path/mnist") as caught:
        mnist.load()
    assert str(caught.value).startswith("cannot use the data set 'mnist': Keras cannot fetch it (")
    assert str(caught.value).isprintable()


def test_an_interruption_is_not_a_failure(keras):
    keras(failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        mnist.load()


def test_a_network_that_never_answers_is_given_up(keras, monkeypatch):
    monkeypatch.setattr(mnist, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def load_data():
            with socket.create_connection(silent.getsockname()) as connection:
                connection.recv(1)

        keras(load_data)
        start = time.monotonic()
        with pytest.raises(DataError, match="timed out"):
            mnist.load()
    assert time.monotonic() - start < 5
    assert socket.getdefaulttimeout() is None


def test_what_keras_prints_stays_out_of_the_output(keras, capsys):
    def load_data():
        print("Downloading")  # noqa: T201
        return images(2), images(2)

    keras(load_data)
    mnist.load()
    assert capsys.readouterr() == ("", "Downloading\n")
