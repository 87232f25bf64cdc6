import numpy as np
import pytest
from forward import forward
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.likening import likened
from redundancy.nearing import candidates, made_equal
from redundancy.spaces import trace
from redundancy.strategies import networks
from redundancy.workbench import compact


def boxed(network):
    return dict.fromkeys(network.inputs, (np.array(0.0), np.array(1.0)))


def near_twins(function="relu", factor=1.0, noise=1e-3):
    """A network whose unit 4 is almost a multiple of unit 1."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.standard_normal((5, 6)), rng.standard_normal(6)
    kernel[:, 4], bias[4] = factor * (kernel[:, 1] + noise * rng.standard_normal(5)), factor * bias[1]
    b = Builder()
    y = b.add("dense", b.input((5,), dtype="float64"), weights={"kernel": kernel, "bias": bias}, name="hidden")
    y = b.add("activation", y, function=function)
    return b.network(b.add("dense", y, weights={"kernel": rng.standard_normal((6, 2)), "bias": np.zeros(2)}))


@pytest.mark.parametrize(
    ("function", "factor", "merges"), [("relu", 1.0, True), ("relu", 3.0, True), ("sigmoid", 1.0, True),
                                       ("sigmoid", 3.0, False), ("relu", -1.0, False)],
)  # fmt: skip
def test_near_twins_are_made_equal_within_the_tolerance(function, factor, merges):
    network = near_twins(function, factor)
    result = compact(network, tolerance=0.1)
    assert [removal.why for removal in result.removals] == ["near-duplicate"] * merges
    x = np.random.default_rng(1).random((500, 5))
    apart = np.max(np.abs(forward(network, x) - forward(result.network, x)))
    assert apart <= result.bound <= 0.1
    assert bool(apart) == merges


def test_a_tolerance_that_is_too_small_changes_nothing():
    assert compact(near_twins(noise=0.1), tolerance=1e-6).removals == ()


def test_the_bound_grows_with_what_is_made_equal():
    network = near_twins(noise=0.3)
    tight, loose = (made_equal(network, tolerance, boxed(network)) for tolerance in (0.01, 50.0))
    assert len(tight.pairs) < len(loose.pairs)
    assert tight.certificate.bound < loose.certificate.bound <= 50.0


@settings(max_examples=60)
@given(networks(dtype="float64"), st.sampled_from([0.01, 0.3, 3.0]), st.integers(0, 100))
def test_no_output_differs_by_more_than_the_tolerance(network, tolerance, seed):
    result = compact(network, tolerance=tolerance, box=(0.0, 1.0))
    x = np.random.default_rng(seed).random((50, *network[network.inputs[0]].shape))
    apart = np.max(np.abs(forward(network, x) - forward(result.network, x)))
    assert apart <= result.bound * (1 + 1e-9) + 1e-9
    assert result.bound <= tolerance


def test_a_likened_unit_computes_the_multiple():
    network = near_twins(noise=1.0)
    followed = trace(network)
    (space,) = (space for space in followed.spaces if space.name == "hidden")
    twin = likened(followed, [(space, {4: (1, 2.0)})])
    hidden = type(network)(twin.nodes[:3], (twin.nodes[2].name,))
    values = forward(hidden, np.random.default_rng(0).standard_normal((9, 5)))
    assert np.allclose(values[:, 4], 2 * values[:, 1])
    assert twin.nodes[3].weights is not None
    assert np.array_equal(twin.nodes[3].weights["kernel"], network.nodes[3].weights["kernel"])


def test_pairs_across_a_residual_sum_are_made_equal_in_both_branches():
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input((4,), dtype="float64")
    branches = []
    for _ in range(2):
        kernel = rng.standard_normal((4, 5))
        kernel[:, 3] = kernel[:, 0] + 1e-4 * rng.standard_normal(4)
        branches.append(b.add("dense", x, weights={"kernel": kernel, "bias": np.zeros(5)}))
    y = b.add("activation", b.add("add", *branches), function="relu")
    network = b.network(b.add("dense", y, weights={"kernel": rng.standard_normal((5, 2)), "bias": np.zeros(2)}))
    assert len(candidates(network)) == 1
    result = compact(network, tolerance=0.05)
    assert len(result.removals) == 1
    x = rng.random((200, 4))
    assert np.max(np.abs(forward(network, x) - forward(result.network, x))) <= result.bound
