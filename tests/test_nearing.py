import numpy as np
import pytest
from forward import forward
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.likening import likened
from redundancy.nearing import candidates, made_equal
from redundancy.search import search
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


def noisy_copies(seed, noise, copies=(40, 41, 42), kind="float32"):
    """A network of 64 units, of which some are unit 1 with a little noise."""
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal((20, 64)).astype(kind)
    for j in copies:
        kernel[:, j] = kernel[:, 1] + (noise * rng.standard_normal(20)).astype(kind)
    b = Builder()
    hidden = b.add("dense", b.input((20,)), weights={"kernel": kernel, "bias": np.zeros(64, kind)}, name="hidden")
    y = b.add("activation", hidden, function="relu")
    last = {"kernel": rng.standard_normal((64, 3)).astype(kind), "bias": np.zeros(3, kind)}
    return b.network(b.add("dense", y, weights=last))


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6, 1e-7])
@pytest.mark.parametrize("seed", range(4))
def test_of_a_group_that_is_near_all_but_one_go_at_once(seed, noise):
    network = noisy_copies(seed, noise)
    result = compact(network, tolerance=1.0)
    gone = {removal.unit for removal in result.removals}
    assert len(gone) == 3
    assert gone < {1, 40, 41, 42}
    assert compact(result.network, tolerance=1.0).removals == ()


def test_what_is_made_equal_is_removed_as_well():
    """Also where there are pairs that are far apart, of which each is another multiple."""
    network = noisy_copies(0, 0.3, range(30, 64))
    pairs = made_equal(network, 1e3, boxed(network)).pairs
    assert len(compact(network, tolerance=1e3).removals) == len(pairs) > 30


def test_a_cheap_pair_is_not_lost_in_a_group_that_costs_much():
    network = noisy_copies(0, 0.6)
    kernel = network["hidden"].weights["kernel"].copy()
    kernel[:, 41] = kernel[:, 40] + 1e-5
    changed = network.with_nodes(
        {"hidden": network["hidden"].with_weights({**network["hidden"].weights, "kernel": kernel})}
    )
    assert [r.unit in (40, 41) for r in compact(changed, tolerance=0.1).removals] == [True]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_multiples_are_made_of_the_first_unit(kind):
    """A multiple that is rounded is one of the unit that was multiplied, and not the other way round."""
    network = noisy_copies(0, 0.0, kind=kind)
    followed = trace(network)
    (space,) = (space for space in followed.spaces if space.name == "hidden")
    twin = likened(followed, [(space, {4: (9, 0.7), 6: (9, 1.3)})])
    kernel = twin["hidden"].weights["kernel"].astype(np.float64)
    for unit, factor in ((6, 1.3 / 0.7), (9, 1 / 0.7)):
        assert np.allclose(kernel[:, unit], factor * kernel[:, 4], rtol=20 * np.finfo(kind).eps)
    assert len(search(twin, notions=["scaled"]).folds["activation_1"].dropped) >= 2
