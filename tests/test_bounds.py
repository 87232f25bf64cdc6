"""Each step of a certificate by itself: lines, norms, windows."""

from fractions import Fraction

import numpy as np
import pytest
from forward import forward
from hypothesis import example, given
from hypothesis import strategies as st

from redundancy.algebra import algebra_of
from redundancy.bounds.both import Both
from redundancy.bounds.following import follow, normalised, step_of, unknown
from redundancy.bounds.intervals import Interval
from redundancy.bounds.maps import spectral
from redundancy.building import Builder
from redundancy.certification import certify
from redundancy.network import Node
from redundancy.strategies import activations

ENDS = st.tuples(st.floats(-6, 6), st.floats(-6, 6)).map(sorted)
SLACK = 1e-12


def between(ends, share):
    return ends[0] + share * (ends[1] - ends[0])


@example({"function": "gelu"}, [-1.0, 0.0], [-1.0, 0.0], [(0.0, 0.0)])
@given(activations(), ENDS, ENDS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_a_function_and_its_difference_lie_between_their_lines(config, ends, apart, shares):
    function = algebra_of(config).function
    first, d = (Interval(np.array([low]), np.array([high])) for low, high in (ends, apart))
    step = step_of(Node("a", "activation", config=config), Both(first, first.plus(d), d))
    for share, other in shares:
        z, difference = between(ends, share), between(apart, other)
        value = function(np.array([z]))
        moved = function(np.array([z + difference])) - value
        assert step.below.z * z + step.below.level <= value + SLACK
        assert value <= step.above.z * z + step.above.level + SLACK
        lines = [line.d * difference + line.z * z + line.level for line in (step.under, step.over)]
        assert lines[0] - SLACK <= moved <= lines[1] + SLACK
        for line, far in zip((step.under, step.over), step.astray, strict=True):
            assert np.isinf(far) or np.abs(moved - line.d * difference) <= far * abs(difference) + SLACK
        assert step.image.apart.low - SLACK <= moved <= step.image.apart.high + SLACK


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6))
def test_the_norm_of_a_matrix_is_bounded_closely(rows, columns, seed):
    matrix = np.random.default_rng(seed).standard_normal((rows, columns))
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    assert largest <= spectral(matrix) <= 1.05 * largest


@pytest.mark.parametrize("kind", ["max_pooling", "average_pooling", "global_max_pooling", "global_average_pooling"])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_pooled_lies_within_the_bound(kind, seed):
    rng = np.random.default_rng(seed)
    b = Builder()
    kernel = rng.standard_normal((1, 1, 1, 2))
    y = b.add("conv", b.input((4, 4, 1), dtype="float64"), weights={"kernel": kernel, "bias": rng.standard_normal(2)})
    network = b.network(b.add(kind, y, **({"padding": "same", "pool_size": (3, 3)} if "global" not in kind else {})))
    changed = {"kernel": kernel + rng.standard_normal(kernel.shape), "bias": rng.standard_normal(2)}
    other = network.with_weights({y: changed})
    x = np.concatenate([rng.uniform(-1, 1, (500, 4, 4, 1)), rng.choice([-1.0, 1.0], (500, 4, 4, 1))])
    # Inputs that are the largest in one place only: there the two networks differ most.
    x = np.concatenate([x, -np.ones((16, 4, 4, 1)) + 2 * np.eye(16).reshape(16, 4, 4, 1)])
    box = {network.inputs[0]: (np.array(-1.0), np.array(1.0))}
    walk = follow(network, other, box, lambda name: unknown(network[name].shape))
    apart = forward(other, x) - forward(network, x)
    found = np.abs(apart).max(axis=0)
    assert np.all(found <= walk.apart(network.outputs[0]) + SLACK)


@pytest.mark.parametrize("place", [0, 1])
def test_the_maximum_differs_where_one_value_of_the_window_does(place):
    b = Builder()
    y = b.add("dense", b.input((2, 1), dtype="float64"), weights={"kernel": np.array([[1.0]])})
    network = b.network(b.add("max_pooling", y, pool_size=(2,), strides=(2,)))
    other = network.with_weights({y: {"kernel": np.array([[2.0]])}})
    high = np.zeros((2, 1))
    high[place] = 1.0
    walk = follow(network, other, {network.inputs[0]: (np.zeros((2, 1)), high)}, lambda name: unknown((1, 1)))
    assert walk.apart(network.outputs[0])[0, 0] == pytest.approx(1.0)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=5), st.integers(0, 10**6), st.floats(0, 2))
def test_a_softmax_differs_by_no_more_than_said(logits, seed, size):
    rng = np.random.default_rng(seed)
    z, d = np.array(logits), size * rng.uniform(-1, 1, len(logits))
    exactly = Both(Interval(z, z), Interval(z + d, z + d), Interval(d, d))
    node = Node("p", "activation", shape=z.shape, config={"function": "softmax"})

    def softmax(v):
        return np.exp(v - v.max()) / np.exp(v - v.max()).sum()

    assert np.all(np.abs(softmax(z + d) - softmax(z)) <= normalised(node, exactly).image.apart.high + SLACK)


@pytest.mark.parametrize("seed", range(12))
def test_what_float64_rounds_is_counted(seed):
    """The largest difference of two linear layers is reached in a corner: in exact arithmetic, no bound may be less."""
    rng = np.random.default_rng(seed)
    b = Builder()
    kernel = rng.standard_normal((60, 1))
    network = b.network(b.add("dense", b.input((60,), dtype="float64"), weights={"kernel": kernel}))
    changed = rng.standard_normal((60, 1)) * 10.0 ** rng.integers(-8, 8, (60, 1))
    other = network.with_weights({network.outputs[0]: {"kernel": changed}})
    exactly = sum(abs(Fraction(w) - Fraction(v)) for w, v in zip(changed.flat, kernel.flat, strict=True))
    bound = certify(network, other, {network.inputs[0]: (np.array(-1.0), np.array(1.0))}).bound
    assert exactly <= Fraction(bound) <= exactly * (1 + Fraction(1, 10**10))
