"""Fusing is invisible: what a run is depends on its recipe, its seed and the data, and on nothing beside it."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from fused_architectures import ARCHITECTURES

from redundancy.zoo import Initializer, Optimizer, Store, Twins, initial, train
from redundancy.zoo.alone import alone
from redundancy.zoo.fused import training
from redundancy.zoo.groups import trained_together
from redundancy.zoo.layer import KINDS
from redundancy.zoo.seeds import batches

SEEDS = (5, 6, 7)


@pytest.fixture
def grouped(toy, groups_of):
    """The runs of seeds 5, 6 and 7, trained alone; and among others, in another order, three at once."""

    def both(recipe):
        groups_of(1)
        single = train(recipe, SEEDS, data=toy)
        groups_of(3)
        among = train(recipe, (9, 7, 6, 8, 5), data=toy)
        return single, (among[4], among[2], among[1])

    return both


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_group_decides_nothing(recipe, grouped, apart, name):
    single, among = grouped(recipe(name))
    assert max(map(apart, single, among)) < 1e-12


@pytest.mark.parametrize(("steps", "tolerance"), [(3, 1e-6), (200, 1e-4)])
@pytest.mark.parametrize("name", ["one matrix", "plain"])
def test_in_float32_the_group_decides_rounding_only(recipe, grouped, apart, name, steps, tolerance):
    single, among = grouped(recipe(name, steps=steps, dtype="float32"))
    assert max(map(apart, single, among)) < tolerance


def test_runs_of_a_group_share_nothing(recipe, grouped, apart):
    single, _ = grouped(recipe("dropped"))
    assert min(apart(single[0], single[1]), apart(single[1], single[2])) > 0.1


def test_each_run_drops_what_its_own_seed_says(recipe, toy, apart, monkeypatch):
    monkeypatch.setattr(training, "batches", lambda seed, *rest: batches(1, *rest))
    monkeypatch.setattr(training, "initial", lambda one, seed, *rest: initial(one, 1, *rest))
    one, other = train(recipe("dropped"), (1, 2), data=toy)
    assert apart(one, other) > 1e-3
    plain = train(recipe("plain"), (1, 2), data=toy)
    assert apart(*plain) < 1e-12


def test_rates_initializers_and_twins_may_differ_within_a_group(recipe, toy, groups_of, apart):
    base = recipe("plain")
    recipes = [
        base,
        replace(base, learning_rate=0.2),
        replace(base, initializer=Initializer("he_normal")),
        replace(base, twins=(Twins("conv_1", (0, 3)),)),
    ]
    groups_of(4)
    together = list(trained_together([(one, 3) for one in recipes], toy))
    groups_of(1)
    for one, run in zip(recipes, together, strict=True):
        assert run.recipe == one
        assert apart(run, train(one, (3,), data=toy)[0]) < 1e-12
    assert apart(together[0], together[1]) > 1e-3


def test_recipes_that_cannot_share_a_group_are_trained_all_the_same(recipe, toy):
    asked = [(recipe("plain"), 1), (recipe("dropped"), 1), (recipe("plain"), 2)]
    done = {(run.recipe, run.seed) for run in trained_together(asked, toy)}
    assert done == set(asked)


def wild(recipe, rate):
    """Of a rate that overflows within a few steps."""
    return replace(recipe("one matrix", optimizer=Optimizer("sgd"), steps=12, dtype="float32"), learning_rate=rate)


def test_a_run_that_diverges_is_recorded_and_harms_no_other(recipe, toy, groups_of, apart):
    tame, fierce = wild(recipe, 0.05), wild(recipe, 1e30)
    groups_of(3)
    first, bad, last = trained_together([(tame, 1), (fierce, 2), (tame, 3)], toy)
    groups_of(1)
    for run in (first, last):
        assert run.diverged is None
        assert apart(run, train(tame, (run.seed,), data=toy)[0]) < 1e-5
    assert 1 < bad.diverged < 12
    (alone,) = train(fierce, (2,), data=toy)
    assert alone.diverged == bad.diverged


def test_a_run_that_diverges_ends_as_it_was_before_that_step(recipe, toy, apart):
    fierce = wild(recipe, 1e18)
    (run,) = train(fierce, (2,), data=toy)
    (sooner,) = train(replace(fierce, steps=run.diverged - 1), (2,), data=toy)
    assert sooner.diverged is None
    for node in run.network:
        for name, array in node.weights.items():
            np.testing.assert_array_equal(array, sooner.network[node.name].weights[name])


def test_the_store_keeps_that_a_run_diverged(recipe, toy, tmp_path):
    store, fierce = Store(tmp_path), wild(recipe, 1e30)
    (run,) = train(fierce, (2,), data=toy, store=store)
    (again,) = train(fierce, (2,), data=toy, store=store)
    assert again.diverged == run.diverged is not None
    assert "diverged at step" in str(again)


def test_every_kind_of_layer_has_a_fused_form():
    from redundancy.zoo.fused.forms import FORMS

    assert set(KINDS) <= set(FORMS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"optimizer": "nadam"}, "no fused form for the optimizer nadam"),
        ({"dtype": "bfloat16"}, "no fused form for bfloat16"),
    ],
)
def test_what_has_no_fused_form_is_trained_alone_and_says_so(recipe, toy, tmp_path, change, reason):
    store = Store(tmp_path)
    asked = {"steps": 2, "optimizer": "sgd", **change}
    runs = train(recipe("plain", **asked), (1, 2), data=toy, store=store)
    kept = train(recipe("plain", **asked), (1, 2), data=toy, store=store)
    assert [run.alone for run in (*runs, *kept)] == [reason] * 4


@pytest.mark.parametrize(
    ("name", "changes"),
    [("dropped", {}), ("normalised", {}), ("plain", {"regularizer": ("l2", 0.125)})],
    ids=["dropped", "normalised", "regularized"],
)
def test_alone_a_run_is_what_it_is_beside_others(recipe, toy, apart, name, changes):
    asked = recipe(name, **changes)
    one_by_one = alone(asked, (1, 2), toy, "asked for")
    assert max(map(apart, one_by_one, train(asked, (1, 2), data=toy))) < 1e-8


@pytest.mark.parametrize("optimizer", ["sgd", "nadam"], ids=["beside others", "alone"])
def test_the_step_that_diverges_moves_no_statistics(recipe, toy, optimizer):
    fierce = recipe("normalised", optimizer=Optimizer(optimizer), steps=12, dtype="float32", learning_rate=1e30)
    (run,) = train(fierce, (2,), data=toy)
    (sooner,) = train(replace(fierce, steps=run.diverged - 1), (2,), data=toy)
    for name in ("mean", "variance"):
        kept, before = (one.network["batch_normalization_1"].weights[name] for one in (run, sooner))
        np.testing.assert_array_equal(kept, before)


def test_alone_a_run_that_diverges_is_recorded_too(recipe, toy):
    fierce = replace(wild(recipe, 1e30), optimizer=Optimizer("nadam"))
    (run,) = train(fierce, (2,), data=toy)
    (sooner,) = train(replace(fierce, steps=run.diverged - 1), (2,), data=toy)
    assert run.alone
    assert run.diverged > 1
    assert sooner.diverged is None
    assert all(np.isfinite(array).all() for node in run.network for array in node.weights.values())


def test_graphs_are_let_go_with_their_engine(recipe, toy):
    train(recipe("pooled"), (1, 2), data=toy)
    training._engine.cache_clear()
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing).__name__ == "FuncGraph" and thing.name == "_steps"]
