import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import OptionError
from redundancy.neighbours import coincident, neighbours
from redundancy.similarity import cosine, directions
from redundancy.sketches import norms_of, sketched


def found(rows, threshold, signed=True):
    return {
        (int(i), int(j))
        for pairs in neighbours(rows, threshold, signed=signed)
        for i, j in zip(pairs.first, pairs.second, strict=True)
    }


def expected(rows, threshold, signed=True):
    alike = cosine(rows) if signed else np.abs(cosine(rows))
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(alike, 1) >= threshold), strict=True)}


def with_near_pairs(kind, n, d, seed):
    """Rows of a kind, and beside a fifth of them one at a cosine of .992, of either sign and another length."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, d))
    rows = {
        "random": noise,
        "common mean": noise + 3 * rng.standard_normal(d),
        "low rank": rng.standard_normal((n, 3)) @ rng.standard_normal((3, d)) + 0.1 * noise,
        "heavy tails": noise**5,
        "sparse": noise * (rng.random((n, d)) < 0.05) + 1e-6 * noise,
        "equal": np.ones((n, d)),
    }[kind]
    rows = rows.astype(np.float32)
    for i in range(0, n - 1, 5):
        x = directions(rows[i : i + 1])[0]
        across = directions((lambda z: z - x * (z @ x))(rng.standard_normal(d))[None])[0]
        rows[i + 1] = rng.choice([-3, -1, 1, 2]) * (0.992 * x + np.sqrt(1 - 0.992**2) * across)
    return rows


KINDS = ["random", "common mean", "low rank", "heavy tails", "sparse", "equal"]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_near_pair_is_missed(kind, signed):
    rows = with_near_pairs(kind, 500, 2000, seed=1)
    assert found(rows, 0.99, signed) == expected(rows, 0.99, signed)


@given(
    st.sampled_from(KINDS),
    st.integers(2, 60),
    st.integers(2, 90),
    st.sampled_from([0.2, 0.9, 0.99, 0.9999]),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_near_pairs_are_those_of_all_cosines(kind, n, d, threshold, signed, seed):
    rows = with_near_pairs(kind, n, d, seed)
    assert found(rows, threshold, signed) == expected(rows, threshold, signed)


@pytest.mark.parametrize("k", [32, 64, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_sketches_of_near_pairs_pass(kind, k):
    rows = with_near_pairs(kind, 400, 3000, seed=2)
    sketches = sketched(rows, norms_of(rows), k, 0.99, 1e-12, np.random.default_rng(0), signed=True)
    near = np.array(sorted(expected(rows, 0.99)))
    assert sketches.pairs(near[:, 0], near[:, 1]).all()
    assert np.all(np.abs(np.diff(sketches.places[near], axis=1)) <= sketches.window)


def test_sketches_tell_random_rows_apart():
    rows = np.random.default_rng(0).standard_normal((400, 3000)).astype(np.float32)
    sketches = sketched(rows, norms_of(rows), 64, 0.99, 1e-20, np.random.default_rng(0), signed=True)
    every = np.arange(400)
    assert np.count_nonzero(sketches.tile(every, every)) == 400


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_may_have_any_dtype(dtype):
    rows = with_near_pairs("random", 300, 700, seed=3).astype(dtype)
    assert found(rows, 0.99) == expected(rows, 0.99)


def test_rows_may_be_tiny_or_huge():
    rows = with_near_pairs("random", 300, 700, seed=3).astype(np.float64)
    rows *= 10.0 ** np.random.default_rng(0).integers(-200, 200, (300, 1))
    assert found(rows, 0.99) == expected(rows, 0.99)


def test_a_row_of_zeros_is_near_nothing():
    assert found(np.zeros((4, 3)), 0.5) == set()


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.5, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(threshold):
    with pytest.raises(OptionError, match="threshold"):
        list(neighbours(np.ones((2, 2)), threshold))


def test_multiples_coincide_and_opposites_only_where_sign_does_not_matter():
    rows = np.array([[1.0, 2.0], [3.0, 6.0], [-1.0, -2.0], [1.0, 2.1], [0.0, 0.0]])
    assert coincident(rows).tolist() == [0, 0, 2, 3, 4]
    assert coincident(rows, signed=False).tolist() == [0, 0, 0, 3, 4]


def test_few_pairs_are_sketched_once(monkeypatch):
    """A row with itself is no pair that passes: longer sketches cost as much as thousands of those."""
    made, rows = [], np.random.default_rng(0).standard_normal((1500, 3000))
    rows[7] = rows[3]
    monkeypatch.setattr("redundancy.neighbours.sketched", lambda *args, **kw: made.append(1) or sketched(*args, **kw))
    assert found(rows, 0.99) == {(3, 7)}
    assert len(made) == 1
