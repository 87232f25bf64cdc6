"""What attention does with units, on networks built by hand."""

import numpy as np
import pytest

from redundancy.building import Builder
from redundancy.costs import cost, cost_without
from redundancy.fold import drop, merge
from redundancy.layers import RULES
from redundancy.search import search
from redundancy.spaces import trace
from redundancy.surgery import operate

HEADS, KEYS, VALUES = 2, 3, 4


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def network():
    b = Builder()
    x = b.input((5, 6), "x")
    widths = {"query": KEYS, "key": KEYS, "value": VALUES}
    made = {
        name: b.add(
            f"attention_{name}",
            x,
            name=name,
            weights={"kernel": normal(6, HEADS, n, seed=n), "bias": normal(HEADS, n, seed=-n % 7)},
        )
        for name, n in widths.items()
    }
    seen = b.add("attention", made["value"], made["query"], made["key"], name="seen", heads=HEADS)
    back = {"kernel": normal(HEADS, VALUES, 6, seed=8), "bias": normal(6, seed=9)}
    return b.network(b.add("attention_output", seen, name="back", weights=back))


def test_shapes():
    built = network()
    assert {node.name: node.shape for node in built} == {
        "x": (5, 6),
        "query": (5, HEADS * KEYS),
        "key": (5, HEADS * KEYS),
        "value": (5, HEADS * VALUES),
        "seen": (5, HEADS * VALUES),
        "back": (5, 6),
    }


@pytest.mark.parametrize("name", ["query", "key", "value", "back"])
def test_loose_weights_pack_into_what_they_were(name):
    node = network()[name]
    again = RULES[node.kind].packed(node, RULES[node.kind].loose(node))
    assert all(np.array_equal(again.weights[key], array) for key, array in node.weights.items())


def test_queries_and_keys_are_pairs_and_values_are_read_head_by_head():
    spaces = {space.name: space for space in trace(network()).spaces}
    assert [(tap.name, tap.mate) for tap in spaces["query+key"].taps] == [("query", "key"), ("key", "query")]
    assert [tap.name for tap in spaces["value"].taps] == ["seen:0", "seen:1"]


def test_a_fold_of_queries_is_taken_over_by_the_keys():
    before = network()
    fold = merge(6, {2: (0, 2.0, 0.0), 5: (3, -1.0, 0.0)}, "scaled")
    small = operate(before, {"query": fold}).network
    kernel = before["key"].weights["kernel"]
    expected = np.stack([kernel[:, 0, 0] + 2 * kernel[:, 0, 2], kernel[:, 0, 1]], axis=-1)
    np.testing.assert_allclose(small["key"].weights["kernel"][:, 0], expected)
    np.testing.assert_allclose(
        small["query"].weights["kernel"], np.sqrt(2 / 3) * before["query"].weights["kernel"][..., :2]
    )


def test_folds_of_both_sides_at_once_are_refused():
    fold = merge(6, {2: (0, 2.0, 0.0), 5: (3, -1.0, 0.0)}, "scaled")
    (refusal,) = operate(network(), {"query": fold, "key": fold}).refusals
    assert "multiplied" in refusal.reason


def test_heads_that_would_become_narrower_than_others_are_refused():
    (refusal,) = operate(network(), {"query": merge(6, {2: (0, 2.0, 0.0)}, "scaled")}).refusals
    assert "different sizes" in refusal.reason


def gone(size, first):
    """Of two heads, what the fold at each of their taps says where one goes as a whole."""
    return [
        drop(size, dict.fromkeys(range(size) if (number == 0) == first else (), 0.0), "unused") for number in (0, 1)
    ]


def test_a_head_goes_with_its_queries_and_keys():
    values = dict(zip(("seen:0", "seen:1"), gone(VALUES, True), strict=True))
    keys = {"query": drop(2 * KEYS, dict.fromkeys(range(KEYS), 0.0), "unused")}
    small = operate(network(), {**values, **keys}).network
    assert {node.weights["kernel"].shape for node in small if node.weights} == {
        (6, 1, KEYS),
        (6, 1, VALUES),
        (1, VALUES, 6),
    }
    assert small["seen"].config["heads"] == 1


@pytest.mark.parametrize("side", ["values", "queries", "another head"])
def test_a_head_that_goes_without_its_other_half_is_refused(side):
    folds = dict(zip(("seen:0", "seen:1"), gone(VALUES, side == "values"), strict=True)) if side != "queries" else {}
    if side != "values":
        folds["query"] = drop(2 * KEYS, dict.fromkeys(range(KEYS), 0.0), "unused")
    operation = operate(network(), folds)
    assert operation.network.parameters == network().parameters
    assert any("follows" in refusal.reason for refusal in operation.refusals)


def test_nothing_is_found_where_nothing_is():
    assert search(network()).found == ()


def test_products_of_queries_keys_and_values_are_counted():
    """25 pairs of positions: a product for each of 6 units of a query, and for each of 8 of a value."""
    by_weights = 5 * 6 * (6 + 6 + 8) + 5 * 8 * 6
    assert cost(network()).macs == by_weights + 25 * (6 + 8)


def test_attention_costs_less_without_some_of_its_units():
    followed = trace(network())
    gone = np.zeros(len(followed.roots), dtype=bool)
    gone[followed.made("query")[:2]] = True
    before, after = cost(followed.network).macs, cost_without(followed, gone).macs
    assert before - after == 2 * (2 * 5 * 6) + 25 * 2
