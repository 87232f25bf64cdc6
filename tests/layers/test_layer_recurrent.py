"""What recurrent layers do with units, on networks built by hand."""

import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.fold import drop
from redundancy.layers import RULES
from redundancy.search import search
from redundancy.spaces import trace
from redundancy.surgery import operate

GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
KINDS = pytest.mark.parametrize("kind", GATES)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def weights(kind, read=3, units=4, *, bias=True):
    n = GATES[kind] * units
    made = {"kernel": normal(read, n), "recurrent_kernel": normal(units, n, seed=1)}
    return {**made, "bias": normal(*((2, n) if kind == "gru" else (n,)), seed=2)} if bias else made


def network(kind, **options):
    b = Builder()
    below = b.add("dense", b.input((5, 4)), name="below", weights={"kernel": normal(4, 3, seed=3)})
    layer = b.add(kind, below, name="layer", weights=weights(kind, **options))
    return b.network(b.add("dense", layer, name="last", weights={"kernel": normal(4, 2, seed=4)}))


@KINDS
def test_loose_weights_pack_into_what_they_were(kind):
    node = network(kind)["layer"]
    again = RULES[kind].packed(node, RULES[kind].loose(node))
    assert all(np.array_equal(again.weights[name], array) for name, array in node.weights.items())


@KINDS
def test_its_units_are_read_by_itself_as_well(kind):
    (tap,) = trace(network(kind)).spaces[2].taps
    assert [(read.node, read.weight) for read in tap.reads] == [("last", "kernel"), ("layer", "recurrent_kernel")]
    assert tap.padded


@KINDS
def test_a_constant_that_it_reads_becomes_a_bias_for_every_gate(kind):
    before = network(kind, bias=False)
    node = operate(before, {"below": drop(3, {1: 0.5}, "constant")}).network["layer"]
    expected = 0.5 * before["layer"].weights["kernel"][1]
    assert np.allclose(node.weights["bias"].reshape(-1, len(expected))[0], expected)


@KINDS
def test_a_constant_of_its_own_is_no_bias(kind):
    operation = operate(network(kind), {"layer": drop(4, {1: 0.5}, "constant")})
    assert "no bias" in operation.refusals[0].reason


@KINDS
def test_a_unit_goes_from_all_its_gates(kind):
    small = operate(network(kind), {"layer": drop(4, {1: 0.0}, "unused")}).network
    gates = GATES[kind]
    assert {name: array.shape for name, array in small["layer"].weights.items()} == {
        "kernel": (3, 3 * gates),
        "recurrent_kernel": (3, 3 * gates),
        "bias": (2, 3 * gates) if kind == "gru" else (3 * gates,),
    }


def test_units_that_only_read_units_that_are_zero_are_zero():
    """Unit 1 reads unit 2, which reads itself: neither ever leaves zero."""
    arrays = weights("simple_rnn", bias=False)
    for unit in (1, 2):
        arrays["kernel"][:, unit] = 0.0
        arrays["recurrent_kernel"][[0, 1, 3], unit] = 0.0
    changed = network("simple_rnn", bias=False).with_weights({"layer": arrays})
    (finding,) = search(changed).found
    assert (finding.space, finding.units.tolist()) == ("layer", [1, 2])


def twins(kind, gates=None, names=("kernel", "recurrent_kernel", "bias")):
    """A network whose layer tells unit 3 what it tells unit 0, at some gates and by some weights."""
    arrays = weights(kind)
    for name in names:
        wide = arrays[name].reshape(*arrays[name].shape[:-1], GATES[kind], 4)
        chosen = slice(None) if gates is None else gates
        wide[..., chosen, 3] = wide[..., chosen, 0]
    return network(kind).with_weights({"layer": arrays})


@KINDS
def test_units_that_are_told_the_same_are_twins(kind):
    (finding,) = search(twins(kind)).found
    assert (finding.units.tolist(), finding.why) == ([3], ("duplicate",))


@KINDS
def test_units_that_are_told_the_same_at_all_gates_but_one_are_two(kind):
    for gate in range(GATES[kind]):
        assert search(twins(kind, [other for other in range(GATES[kind]) if other != gate])).found == ()


@KINDS
@pytest.mark.parametrize("name", ["kernel", "recurrent_kernel", "bias"])
def test_units_that_differ_in_one_weight_are_two(kind, name):
    same = [other for other in ("kernel", "recurrent_kernel", "bias") if other != name]
    assert search(twins(kind, names=same)).found == ()


@KINDS
def test_what_nobody_reads_goes(kind):
    before = network(kind)
    arrays = {name: array.copy() for name, array in before["layer"].weights.items()}
    arrays["recurrent_kernel"][2] = 0.0
    last = before["last"].weights["kernel"].copy()
    last[2] = 0.0
    (finding,) = search(before.with_weights({"layer": arrays, "last": {"kernel": last}})).found
    assert (finding.units.tolist(), finding.why) == ([2], ("unused",))


def test_an_input_bias_may_not_stand_in_for_the_other_bias_of_a_gru():
    """Equal sums of both are not enough: the reset gate scales one of them only."""
    arrays = weights("gru")
    for array in arrays.values():
        wide = array.reshape(-1, 3, 4)
        wide[..., 1] = wide[..., 0]
    arrays["bias"][0, 9] += 1.0
    arrays["bias"][1, 9] -= 1.0
    assert search(network("gru").with_weights({"layer": arrays})).found == ()
