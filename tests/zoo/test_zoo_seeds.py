import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import RecipeError
from redundancy.zoo import Recipe, dense, seeds
from redundancy.zoo.seeds import DROPOUT, KERNEL, ORDER, batches, sequence, state_words

roots = st.integers(0, 2**64)


@given(roots, st.integers(0, 5), st.integers(0, 5))
def test_the_first_seeds_stay_when_more_are_asked_for(root, few, more):
    assert seeds("claim", root=root, count=few + more)[:few] == seeds("claim", root=root, count=few)


def test_seeds_fill_63_bits_and_never_repeat():
    made = seeds("claim", root=0, count=10_000)
    assert len(set(made)) == len(made)
    assert 0 <= min(made) < 2**52
    assert 2**63 - 2**52 < max(made) < 2**63


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((("a",), 0), (("b",), 0)),
        ((("a",), 0), (("a",), 1)),
        ((("a",), 1), (("a",), 2**32 + 1)),
        ((("ab",), 0), (("a", "b"), 0)),
        (((1,), 0), (("1",), 0)),
        (((), 0), (("",), 0)),
        (((Recipe((dense(3),)),), 0), ((Recipe((dense(4),)),), 0)),
    ],
)
def test_other_keys_or_another_root_give_unrelated_seeds(one, other):
    first, second = (set(seeds(*keys, root=root, count=50)) for keys, root in (one, other))
    assert not first & second


def test_seeds_do_not_depend_on_the_process():
    assert seeds("the sentence", 3, root=7, count=2) == (7839389865453581658, 3048478159448771356)


@pytest.mark.parametrize("bad", [-1, 1.5, True, "7", None])
def test_what_is_no_seed_is_refused(bad):
    with pytest.raises(RecipeError, match="whole number from 0 up"):
        seeds("claim", root=bad, count=1)
    with pytest.raises(RecipeError, match="whole number from 0 up"):
        sequence(KERNEL, 0, bad)


def test_a_negative_count_is_refused():
    with pytest.raises(RecipeError, match="0 or more"):
        seeds("claim", root=0, count=-1)


def test_purposes_places_and_seeds_do_not_run_into_each_other():
    asked = [(p, k, s) for p in (KERNEL, ORDER, DROPOUT) for k in (0, 1) for s in (0, 1, 2**32, 2**32 + 1, 2**64)]
    assert len({tuple(state_words(sequence(*one))) for one in asked}) == len(asked)


@given(st.integers(0, 2**63), st.integers(1, 20), st.integers(0, 9), st.integers(1, 50))
def test_batches_are_one_permutation_after_another(seed, images, steps, batch_size):
    made = list(batches(seed, images, steps, batch_size))
    assert [batch.shape for batch in made] == [(batch_size,)] * steps
    order = np.concatenate([np.empty(0, int), *made])
    for start in range(0, len(order) - images + 1, images):
        assert sorted(order[start : start + images]) == list(range(images))


def test_each_epoch_has_its_own_order():
    first, second = batches(0, 50, 2, 50)
    assert not np.array_equal(first, second)
