"""Configurations in words, by which verdicts are kept and seeds are drawn."""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.planting import beds, plant
from redundancy.verdict import ClaimError
from redundancy.wording import told
from redundancy.zoo import Recipe, dense, flatten

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=2).map(tuple),
    max_leaves=4,
)


def network(seed=0, activation="relu"):
    b = Builder()
    rng = np.random.default_rng(seed)
    hidden = b.add("dense", b.input((3,)), weights={"kernel": rng.standard_normal((3, 4))})
    return b.network(
        b.add("dense", b.add("activation", hidden, function=activation), weights={"kernel": np.ones((4, 2))})
    )


@given(plain, plain)
def test_words_are_equal_as_values_are(a, b):
    assert (told("x", a) == told("x", b)) == (repr(a) == repr(b))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (network(0), network(1)),
        (network(activation="relu"), network(activation="tanh")),
        (np.zeros(2000), np.r_[np.zeros(1000), 1.0, np.zeros(999)]),
        (np.zeros(3), np.zeros(3, np.float32)),
        (np.array([None, "a"]), np.array([None, "b"])),
        ({"a", "b"}, {"a", "c"}),
        (Recipe((flatten(), dense(3)), steps=1), Recipe((flatten(), dense(3)), steps=2)),
    ],
    ids=["weights", "functions", "long arrays", "dtypes", "objects", "sets", "recipes"],
)
def test_what_differs_is_told_apart(first, second):
    """Networks of one shape and other weights had the same words, so that one was judged by the other's runs."""
    assert told("x", first) != told("x", second)
    assert told("x", [first]) != told("x", [second])


def test_what_is_planted_is_told_by_its_network():
    space = beds(network())[0].space.name
    first, second, again = (plant(network(seed), space, (0, 1), "duplicate") for seed in (0, 1, 0))
    assert told("x", first) != told("x", second)
    assert told("x", first) == told("x", again)


def test_words_do_not_depend_on_the_process():
    """Sets are in another order in each."""
    source = "from redundancy.wording import told; print(told('x', {'a', 'b', 'c', 'd', 'e', ('f', 1)}))"
    said = {
        subprocess.run([sys.executable, "-c", source], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, text=True, check=True).stdout
        for seed in "1234"
    }  # fmt: skip
    assert len(said) == 1


@dataclass
class Holder:
    value: object


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, [object()], Holder(object()), {"a": {object()}}],
    ids=lambda value: type(value).__name__,
)
def test_what_says_nothing_is_refused(value):
    with pytest.raises(ClaimError, match="which says nothing that tells it from others"):
        told("x", value)
