"""What an audit calls near-duplicates: units that are alike in all that they compute."""

import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.workbench import audit, compact


def twins(function="relu", factor=1.0, bias=(0.0, 0.0), gain=None, shift=None, noise=1e-3):
    """A network of 64 units, of which number 5 has almost the kernel of number 1."""
    rng = np.random.default_rng(0)
    kernel, biases = rng.standard_normal((20, 64)), np.zeros(64)
    kernel[:, 5] = factor * (kernel[:, 1] + noise * rng.standard_normal(20))
    biases[[1, 5]] = bias
    b = Builder()
    y = b.add("dense", b.input((20,), dtype="float64"), weights={"kernel": kernel, "bias": biases}, name="hidden")
    if gain is not None:
        gamma, beta = np.ones(64), np.zeros(64)
        gamma[[1, 5]], beta[[1, 5]] = gain, shift
        y = b.add(
            "batch_normalization",
            y,
            weights={"gamma": gamma, "beta": beta, "mean": np.zeros(64), "variance": np.ones(64)},
        )
    y = b.add("activation", y, function=function)
    return b.network(b.add("dense", y, weights={"kernel": rng.standard_normal((64, 3)), "bias": np.zeros(3)}))


ALIKE = {
    "a kernel": {},
    "a multiple before relu": {"factor": 3.0},
    "biases that hardly differ": {"bias": (0.1, 0.12)},
    "gains that are those of a multiple": {"gain": (1.0, 2.0), "shift": (0.5, 1.0)},
}
APART = {
    "biases": {"bias": (-5.0, 5.0)},
    "a multiple before gelu": {"function": "gelu", "factor": 2.0},
    "a multiple before elu": {"function": "elu", "factor": 2.0},
    "gains of other signs": {"gain": (1.0, -2.0), "shift": (0.0, 3.0)},
    "shifts": {"gain": (1.0, 1.0), "shift": (0.0, 9.0)},
}


def near(network):
    return [(f.units, f.equations) for f in audit(network).findings]


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_near_is_what_a_tolerance_lets_go(name):
    network = twins(**ALIKE[name])
    (((unit,), (said,)),) = near(network)
    assert unit in (1, 5)
    assert said.endswith("(cosine 1.000)")
    assert [r.unit in (1, 5) for r in compact(network, tolerance=10.0).removals] == [True]


@pytest.mark.parametrize("name", APART)
def test_what_no_tolerance_lets_go_is_not_near(name):
    network = twins(**APART[name])
    assert near(network) == []
    assert compact(network, tolerance=10.0).removals == ()


def test_the_number_says_how_far_with_bias():
    (few,), (many,) = (audit(twins(bias=(0.0, shift))).findings for shift in (0.0, 0.5))
    assert 1e-4 < few.error < 1e-2 < many.error < 0.45


def test_kernels_that_chance_brings_as_near_are_not_called_near():
    """Of 2 weights and a bias, 64 units are never distinct enough to speak of."""
    rng = np.random.default_rng(0)
    b = Builder()
    y = b.add("dense", b.input((2,)), weights={"kernel": rng.standard_normal((2, 64)), "bias": np.zeros(64)})
    y = b.add("dense", b.add("activation", y, function="relu"), weights={"kernel": rng.standard_normal((64, 3))})
    assert audit(b.network(y), notions=None).findings == ()


def test_of_a_group_all_but_one_are_listed():
    network = twins()
    kernel = network["hidden"].weights["kernel"].copy()
    kernel[:, 7], kernel[:, 9] = kernel[:, 1] + 1e-3, kernel[:, 5] - 1e-3
    hidden = network["hidden"]
    (found,) = audit(network.with_nodes({"hidden": hidden.with_weights({**hidden.weights, "kernel": kernel})})).findings
    assert len(found.units) == 3
