"""Networks of other widths in one form: each still computes what it did, and copies are found."""

import numpy as np
import pytest
from forward import forward
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.certification import certify
from redundancy.compaction import compact
from redundancy.errors import NetworkError
from redundancy.fold import drop
from redundancy.frameworks.keras import evaluate
from redundancy.pairing import alike, corresponding
from redundancy.spaces import trace
from redundancy.strategies import networks, planted
from redundancy.surgery import operate


def boxed(network):
    return dict.fromkeys(network.inputs, (np.array(-1.0), np.array(1.0)))


def without(network, seed, most=2):
    """The network without some units, which were not redundant."""
    rng, folds = np.random.default_rng(seed), {}
    for space in trace(network).spaces:
        if not space.pins and space.size > 1:
            gone = rng.choice(space.size, min(most, space.size - 1), replace=False)
            for tap in space.taps:
                places = np.flatnonzero(np.isin(tap.units, gone)).tolist()
                folds[tap.name] = drop(len(tap.units), dict.fromkeys(places, 0.0), "unused")
    assume(folds)
    return operate(network, folds).network


def inputs_of(network, seed, n=48):
    rng, shape = np.random.default_rng(seed), network[network.inputs[0]].shape
    return np.concatenate([rng.uniform(-1, 1, (n, *shape)), rng.choice([-1.0, 1.0], (n, *shape))])


@settings(max_examples=60, deadline=None)
@given(networks(dtype="float64"), st.integers(0, 1000))
def test_each_form_computes_what_the_networks_do(network, seed):
    small = without(network, seed)
    x = inputs_of(network, seed)
    pair = corresponding(network, small)
    for forms in alike(*pair):
        for form, plain in zip(forms, pair, strict=True):
            assert forward(form.network, x) == pytest.approx(forward(plain, x), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(networks(dtype="float64"), st.integers(0, 1000), st.booleans())
def test_units_that_are_dropped_keep_within_the_bound(network, seed, swapped):
    small = without(network, seed)
    pair = (small, network) if swapped else (network, small)
    certificate = certify(*pair, boxed(network))
    x = inputs_of(network, seed)
    found = np.abs(forward(small, x) - forward(network, x)).reshape(len(x), -1).max(axis=0)
    assert np.isfinite(certificate.bound)
    assert np.all(found <= certificate.outputs[0] + certificate.rounding)


@settings(max_examples=25, deadline=None)
@given(planted(["duplicate", "scaled"], networks(functions=["relu"])))
def test_what_was_compacted_exactly_hardly_differs(plant):
    result = compact(plant.network, notions=["duplicate", "scaled"])
    assume(len(result.removals) == 1)  # of what few units make, all is a multiple, with constants
    small = result.network
    certificate = certify(plant.network, small, boxed(plant.network))
    x = inputs_of(plant.network, 0).astype("float32")
    found = np.abs(evaluate(small, x) - evaluate(plant.network, x)).reshape(len(x), -1).max(axis=0)
    assert np.all(found <= certificate.outputs[0] + certificate.rounding)
    assert certificate.bound < 1e-3


def test_what_handles_units_in_its_own_way_keeps_its_width():
    nets = []
    for n in (2, 3):
        b = Builder()
        weights = {"kernel": np.ones((3, n)), "recurrent_kernel": np.ones((n, n))}
        y = b.add("simple_rnn", b.input((5, 3)), weights=weights)
        nets.append(b.network(b.add("dense", y, weights={"kernel": np.ones((n, 2))})))
    with pytest.raises(NetworkError, match="'simple_rnn_1' handles its 2 and 3 units in a way of its own"):
        certify(*nets, {})


def test_groups_keep_their_size():
    nets = []
    for n in (2, 4):
        b = Builder()
        y = b.add("conv", b.input((5, 5, 1)), weights={"kernel": np.ones((1, 1, 1, n))})
        nets.append(b.network(b.add("conv", y, weights={"kernel": np.ones((1, 1, n // 2, 2))}, groups=2)))
    with pytest.raises(NetworkError, match="'conv_2' handles its 2 and 4 units in a way"):
        certify(*nets, {})
