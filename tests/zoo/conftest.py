import sys
from pathlib import Path

import numpy as np
import pytest

from redundancy.data.dataset import Dataset


def bars(count, seed):
    """Images of 6x6 with noise and one bright row of three: the class is which."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.random((count, 6, 6, 1), dtype=np.float32) * np.float32(0.5)
    images[np.arange(count), 2 * labels] += np.float32(0.5)
    return images, labels


@pytest.fixture(scope="session")
def toy():
    return Dataset("toy", *bars(90, 0), *bars(30, 1))


@pytest.fixture(scope="session")
def outputs_of():
    """The tests' own evaluation of a network, which lies beside this directory."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from forward import forward

    sys.path.pop(0)
    return forward
