from dataclasses import replace

import numpy as np
import pytest
from fused_architectures import ARCHITECTURES

from redundancy.zoo import Optimizer, Recipe


@pytest.fixture
def recipe():
    """A recipe of the toy data by the name of its architecture, in float64 unless said."""
    plain = Recipe(ARCHITECTURES["plain"], optimizer=Optimizer("sgd", momentum=0.9), learning_rate=0.05, steps=6,
                   batch_size=16, data="toy", dtype="float64")  # fmt: skip
    return lambda name, **changes: replace(plain, architecture=ARCHITECTURES[name], **changes)


@pytest.fixture
def apart():
    """The largest difference of a weight between two runs, over the largest weight."""

    def distance(one, other):
        pairs = [
            (a, other.network[node.name].weights[name]) for node in one.network for name, a in node.weights.items()
        ]
        largest = max(np.abs(a).max() for a, _ in pairs)
        return max(np.abs(a.astype(float) - b).max() for a, b in pairs) / largest

    return distance


@pytest.fixture
def groups_of(monkeypatch):
    """Sets how many runs are trained at once."""
    return lambda size: monkeypatch.setattr("redundancy.zoo.fused.training.group_size", lambda *_: size)
