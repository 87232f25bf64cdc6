import numpy as np
import pytest
from forward import forward
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.bounds.linear import LINEAR
from redundancy.building import Builder
from redundancy.certification import certify
from redundancy.errors import NetworkError
from redundancy.spreading import SPREADS
from redundancy.strategies import networks


def boxed(network, low=-1.0, high=1.0):
    return dict.fromkeys(network.inputs, (np.array(low), np.array(high)))


def shaken(network, seed, size=0.05):
    """The same network with some weights a little different."""
    rng = np.random.default_rng(seed)
    changed = {}
    for node in network:
        noisy = {name: a * (1 + size * rng.standard_normal(a.shape)) for name, a in node.weights.items()}
        changed[node.name] = node.with_weights(noisy if rng.random() < 0.5 else node.weights)
    return network.with_nodes(changed)


@settings(max_examples=150)
@given(networks(dtype="float64"), st.integers(0, 1000))
def test_no_output_differs_by_more_than_the_bound(network, seed):
    other = shaken(network, seed)
    certificate = certify(network, other, boxed(network))
    x = np.random.default_rng(seed).uniform(-1, 1, (64, *network[network.inputs[0]].shape))
    apart = np.abs(forward(network, x) - forward(other, x)).reshape(-1, len(certificate.outputs[0]))
    assert np.all(apart.max(axis=0) <= certificate.outputs[0] + 1e-12)
    assert np.isfinite(certificate.bound)


@given(networks(dtype="float64"))
def test_a_network_does_not_differ_from_itself(network):
    assert certify(network, network, boxed(network)).bound == 0


def test_the_bound_of_one_linear_layer_is_reached():
    b = Builder()
    kernel = np.array([[1.0, -2.0], [3.0, 0.5]])
    y = b.add("dense", b.input((2,), dtype="float64"), weights={"kernel": kernel, "bias": np.zeros(2)})
    network = b.network(y)
    change = np.array([[0.5, 0.0], [-0.25, 0.0]])
    other = network.with_weights({y: {"kernel": kernel + change, "bias": np.array([0.0, 1.0])}})
    assert certify(network, other, boxed(network)).outputs[0] == pytest.approx([0.75, 1.0])


def test_nothing_is_known_without_a_box():
    b = Builder()
    y = b.add("dense", b.input((2,)), weights={"kernel": np.ones((2, 1))})
    network = b.network(y)
    assert certify(network, shaken(network, 1, 1.0), {}).bound in (0.0, np.inf)
    assert certify(network, network.with_weights({y: {"kernel": np.zeros((2, 1))}}), {}).bound == np.inf


def test_an_unknown_layer_between_makes_the_bound_infinite():
    b = Builder()
    y = b.add("dense", b.input((2,)), weights={"kernel": np.ones((2, 1))})
    network = b.network(b.add("batch_normalization", y, weights={"mean": np.zeros(1), "variance": np.ones(1)}))
    other = network.with_weights({y: {"kernel": np.zeros((2, 1))}})
    assert np.isfinite(certify(network, other, boxed(network)).bound)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(SPREADS, "batch_normalization")
        patch.delitem(LINEAR, "batch_normalization")
        assert certify(network, other, boxed(network)).bound == np.inf


def test_other_layers_are_refused_by_name():
    b = Builder()
    y = b.add("dense", b.input((2,)), weights={"kernel": np.ones((2, 1))})
    one, other = (b.network(b.add("activation", y, function=name)) for name in ("relu", "tanh"))
    with pytest.raises(NetworkError, match="'activation_1' of the first is relu, and 'activation_2' of the second"):
        certify(one, other, {})


def test_other_outputs_are_refused():
    b = Builder()
    x = b.input((2,))
    one, other = (b.network(b.add("dense", x, weights={"kernel": np.ones((2, n))})) for n in (1, 2))
    with pytest.raises(NetworkError, match=r"outputs have shapes \(1,\) and \(2,\)"):
        certify(one, other, {})


@pytest.mark.filterwarnings("error")
def test_a_difference_of_nothing_is_nothing_however_steep_the_function():
    b = Builder()
    y = b.add("dense", b.input((2,)), weights={"kernel": np.ones((2, 3))})
    z = b.add("dense", b.add("activation", y, function="square"), weights={"kernel": np.ones((3, 1))})
    network = b.network(z)
    assert certify(network, network, {}).bound == 0.0


@pytest.mark.parametrize("axis", [0, 1])
def test_numbers_for_each_unit_scale_its_difference_only(axis):
    b = Builder()
    y = b.add("dense", b.input((4, 2), dtype="float64"), weights={"kernel": np.ones((2, 3))})
    scale = ((1.0, -2.0, 3.0),) if axis else ((0.5,), (1.0,), (-4.0,), (1.0,))
    network = b.network(b.add("affine", y, scale=scale))
    kernel = np.ones((2, 3)) + np.array([[0.5, 0.0, 0.0], [0.0, 0.0, -1.0]])
    certificate = certify(network, network.with_weights({y: {"kernel": kernel}}), boxed(network))
    assert certificate.outputs[0] == pytest.approx([0.5, 0.0, 3.0] if axis else [2.0, 0.0, 4.0])
