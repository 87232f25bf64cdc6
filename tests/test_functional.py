import numpy as np
import pytest
from forward import forward

from redundancy.building import Builder
from redundancy.functional import functional, survey, taps
from redundancy.surgery import operate

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 6))


def network(kernel, bias=None, between=(), after=None):
    """Dense, ReLU, what is between, and a last dense layer."""
    b = Builder()
    bias = np.zeros(kernel.shape[1]) if bias is None else bias
    y = b.add("dense", b.input((6,), dtype="float64"), weights={"kernel": kernel, "bias": bias})
    y = b.add("activation", y, function="relu")
    for kind in between:
        y = b.add(kind, y)
    last = RNG.standard_normal((kernel.shape[1], 3)) if after is None else after
    return b.network(b.add("dense", y, weights={"kernel": last, "bias": np.zeros(3)}))


def kernel(units=8):
    return RNG.standard_normal((6, units))


def found(net, x=X, reach=1e-6):
    (name,) = taps(net)
    upto = type(net)(net.nodes[: [n.name for n in net].index(name) + 1], (name,))
    findings = functional(survey(net, {name: forward(upto, x)}), reach)
    return findings, {(j, why) for f in findings.found for j, why in zip(f.units.tolist(), f.why, strict=True)}


def unchanged(net, findings, x=X):
    small = operate(net, findings.folds).network
    return np.max(np.abs(forward(net, x) - forward(small, x)))


def test_a_unit_that_never_answers_is_dead_on_data():
    w, x = kernel(), np.abs(X)
    w[:, 3] = -np.abs(w[:, 3])
    net = network(w)
    findings, gone = found(net, x)
    assert (3, "dead") in gone
    assert unchanged(net, findings, x) < 1e-9


def test_units_that_are_always_on_are_dependent_on_data():
    net = network(np.abs(kernel(9)))
    findings, gone = found(net, np.abs(X))
    assert len(gone) == 3
    assert {why for _, why in gone} == {"dependent"}
    assert unchanged(net, findings, np.abs(X)) < 1e-8


def test_a_multiple_on_data_is_called_one():
    """A weight on an input that is always zero tells two units apart, and data does not."""
    w, x = kernel(), X * [1, 1, 1, 1, 1, 0]
    w[:, 5] = 2 * w[:, 2]
    w[5, 5] += 1.0
    _, gone = found(network(w), x)
    assert gone in ({(5, "scaled")}, {(2, "scaled")})


def test_independent_units_stay():
    assert not found(network(kernel(6)))[1]


def test_more_units_than_samples_prove_nothing():
    assert not found(network(kernel(40)), RNG.standard_normal((30, 6)))[1]


def test_what_the_second_half_of_the_data_does_not_confirm_stays():
    w = kernel()
    w[:, 3] = -np.abs(w[:, 3])
    x = np.abs(X)
    assert (3, "dead") in found(network(w), x)[1]
    x[-20:] *= -1
    assert (3, "dead") not in found(network(w), x)[1]


def test_a_wider_reach_takes_more_and_costs_more():
    net = network(kernel(12))
    errors = []
    for reach in (1e-6, 0.02, 0.2):
        findings, gone = found(net, reach=reach)
        errors.append((len(gone), unchanged(net, findings)))
    assert errors == sorted(errors)
    assert errors[-1][0] > errors[0][0]


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_constants_on_data_stay_before_zeros(padding):
    b = Builder()
    w = RNG.standard_normal((1, 1, 2, 4))
    w[..., 1] = 0.0
    bias = np.array([0.1, 0.7, -0.2, 0.3])
    y = b.add("conv", b.input((6, 6, 2), dtype="float64"), weights={"kernel": w, "bias": bias})
    y = b.add("activation", y, function="relu")
    net = b.network(b.add("conv", y, weights={"kernel": RNG.standard_normal((3, 3, 4, 2))}, padding=padding))
    upto = type(net)(net.nodes[:3], (y,))
    x = RNG.standard_normal((40, 6, 6, 2))
    findings = functional(survey(net, {y: forward(upto, x).reshape(-1, 4)}))
    gone = [f.units.tolist() for f in findings.found]
    assert gone == ([[1]] if padding == "valid" else [])


def test_positions_of_a_flattened_map_are_samples():
    b = Builder()
    w = np.abs(RNG.standard_normal((1, 1, 2, 5)))
    y = b.add("conv", b.input((4, 4, 2), dtype="float64"), weights={"kernel": w, "bias": np.zeros(5)})
    y = b.add("flatten", b.add("activation", y, function="relu"))
    net = b.network(b.add("dense", y, weights={"kernel": RNG.standard_normal((80, 2)), "bias": np.zeros(2)}))
    x = RNG.random((60, 4, 4, 2))
    upto = type(net)(net.nodes[:4], (y,))
    findings = functional(survey(net, {y: forward(upto, x)}))
    assert [len(f.units) for f in findings.found] == [3]
    assert unchanged(net, findings, x) < 1e-8


def test_only_notions_that_were_asked_for():
    w = np.abs(kernel(9))
    w[:, 3] *= -1
    net = network(w)
    (name,) = taps(net)
    values = {name: forward(type(net)(net.nodes[:3], (name,)), np.abs(X))}
    (found,) = functional(survey(net, values), notions=["dead"]).found
    assert (found.units.tolist(), found.why) == ([3], ("dead",))
