import importlib
import random
from dataclasses import replace

import numpy as np
import pytest

from redundancy.errors import RecipeError
from redundancy.zoo import (
    Initializer,
    Optimizer,
    Recipe,
    Twins,
    batch_normalization,
    conv,
    dense,
    dropout,
    flatten,
    initial,
    train,
)
from redundancy.zoo.choices import OPTIMIZERS
from redundancy.zoo.seeds import batches

training = importlib.import_module("redundancy.zoo.fused.training")

# No bias before BatchNormalization: its gradient is nothing but rounding errors, and Adam makes whole steps of them.
CONV = Recipe(
    (conv(4, 3, use_bias=False, name="first"), batch_normalization(momentum=0.5), dropout(0.3), flatten(), dense(3)),
    optimizer=Optimizer("adam"),
    learning_rate=0.01,
    steps=12,
    batch_size=16,
    data="toy",
)
SMALL = {"steps": 5, "batch_size": 16, "data": "toy"}


def bits(run):
    return [array.tobytes() for node in run.network for array in node.weights.values()]


def alike(one, other):
    """Whether all weights of two runs are the same but for rounding."""
    pairs = [
        (array, other.network[node.name].weights[name]) for node in one.network for name, array in node.weights.items()
    ]
    return all(np.abs(a - b).max() <= 1e-6 * np.abs(b).max() + 1e-7 for a, b in pairs)


@pytest.fixture(scope="module")
def two_runs(toy):
    return train(CONV, (1, 2), data=toy)


def test_training_learns(toy):
    untrained, trained = (
        train(Recipe((flatten(), dense(3)), learning_rate=0.1, steps=steps, batch_size=30, data="toy"), (0,), data=toy)[
            0
        ]
        for steps in (0, 20)
    )
    assert trained.loss < 0.5 * untrained.loss
    assert trained.accuracy > 0.9


def test_the_order_of_the_seeds_and_what_was_trained_before_decide_nothing(toy, two_runs):
    random.seed(5)
    train(Recipe((flatten(), dense(3)), **SMALL), (9,), data=toy)
    again = train(CONV, (2, 7, 1, 2), data=toy)
    assert [run.seed for run in again] == [2, 7, 1, 2]
    assert bits(again[0]) == bits(again[3])
    assert alike(again[0], two_runs[1])
    assert alike(again[2], two_runs[0])
    assert again[0].loss == pytest.approx(two_runs[1].loss, rel=1e-5)


def test_the_same_call_gives_the_same_bits(toy, two_runs):
    again = train(CONV, (1, 2), data=toy)
    assert [bits(run) for run in again] == [bits(run) for run in two_runs]
    assert [(run.loss, run.accuracy) for run in again] == [(run.loss, run.accuracy) for run in two_runs]


def test_two_seeds_share_no_kernel(two_runs):
    first, second = ([node.weights["kernel"] for node in run.network if "kernel" in node.weights] for run in two_runs)
    for one, other in zip(first, second, strict=True):
        assert not np.any(one == other)


def test_dropout_is_seeded_by_the_run(toy, two_runs, monkeypatch):
    def all_from_seed_1(seed, *rest):
        return batches(1, *rest)

    monkeypatch.setattr(training, "batches", all_from_seed_1)
    monkeypatch.setattr(training, "initial", lambda recipe, seed, shape: initial(recipe, 1, shape))
    one, other = train(CONV, (1, 2), data=toy)
    assert alike(one, two_runs[0])
    assert bits(one) != bits(other)


def test_the_order_of_the_data_is_the_runs(toy, monkeypatch):
    seen = []

    def noted(*asked):
        for chosen in batches(*asked):
            seen.append((asked[0], len(chosen)))
            yield chosen

    monkeypatch.setattr(training, "batches", noted)
    train(Recipe((flatten(), dense(3)), **SMALL), (3, 4), data=toy)
    assert sorted(seen) == [(3, 16)] * 5 + [(4, 16)] * 5


def test_global_sources_of_randomness_are_neither_read_nor_moved(toy, two_runs):
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002 - to see that nothing reads it
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    runs = train(CONV, (1, 2), data=toy)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002
    assert [bits(run) for run in runs] == [bits(run) for run in two_runs]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_starts_anew_for_every_seed(toy, name):
    options = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
    recipe = Recipe((flatten(), dense(3)), optimizer=Optimizer(name, **options), learning_rate=0.01, **SMALL)
    _, after_another = train(recipe, (1, 2), data=toy)
    (alone,) = train(recipe, (2,), data=toy)
    assert alike(after_another, alone)
    assert bits(alone)[0] != initial(recipe, 2, toy.input_shape)["dense_1"].weights["kernel"].tobytes()


def test_one_step_of_sgd_is_the_gradient_of_the_mean_cross_entropy(toy):
    recipe = Recipe((flatten(), dense(3)), "glorot_uniform", "sgd", 0.1, 1, 16, data="toy", dtype="float64",
                    regularizer=("l2", 0.25))  # fmt: skip
    start = initial(recipe, 3, toy.input_shape)["dense_1"].weights["kernel"]
    (chosen,) = batches(3, len(toy.x_train), 1, 16)
    x = toy.x_train[chosen].reshape(16, -1).astype(np.float64)
    odds = np.exp(x @ start)
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[toy.y_train[chosen]]
    (run,) = train(recipe, (3,), data=toy)
    expected = start - 0.1 * (x.T @ error / 16 + 2 * 0.25 * start)
    np.testing.assert_allclose(run.network["dense_1"].weights["kernel"], expected, atol=1e-8)


def test_loss_and_accuracy_are_those_of_the_network(toy, outputs_of):
    # After two steps no two of them are equally good.
    for run in train(replace(CONV, steps=2), (1, 2, 3), data=toy):
        logits = outputs_of(run.network, toy.x_train)
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert run.loss == pytest.approx(-np.log(chances[np.arange(90), toy.y_train]).mean(), rel=1e-5)
        right = outputs_of(run.network, toy.x_test).argmax(axis=1) == toy.y_test
        assert run.accuracy == right.mean()
        assert run.data_digest == toy.digest


def test_no_steps_give_the_untrained_network(toy):
    recipe = Recipe(CONV.architecture, steps=0, data="toy")
    (run,) = train(recipe, (4,), data=toy)
    start = initial(recipe, 4, toy.input_shape)
    assert bits(run) == [array.tobytes() for node in start for array in node.weights.values()]


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_dtypes_train_and_stay_what_they_are(toy, dtype):
    recipe = Recipe((conv(2, 3, activation="relu"), flatten(), dense(3)), optimizer="sgd", learning_rate=0.1,
                    dtype=dtype, **SMALL)  # fmt: skip
    (run,) = train(recipe, (0,), data=toy)
    assert {array.dtype.name for node in run.network for array in node.weights.values()} == {dtype}
    assert np.isfinite(run.loss)
    start = initial(recipe, 0, toy.input_shape)
    assert not np.array_equal(run.network["conv_1"].weights["kernel"], start["conv_1"].weights["kernel"])


def twins_apart(toy, optimizer, *, outgoing, rate=0.0):
    """How far the kernels of planted twins are from each other after 20 steps, over the size of one."""
    layers = (conv(4, 3, name="first"), batch_normalization(), dropout(rate), flatten(), dense(3))
    recipe = Recipe(layers, Initializer("he_normal"), optimizer, 0.01, 20, 16, data="toy",
                    twins=(Twins("first", (0, 3), outgoing=outgoing),))  # fmt: skip
    (run,) = train(recipe, (0,), data=toy)
    kernel = run.network["first"].weights["kernel"]
    return np.abs(kernel[..., 0] - kernel[..., 3]).max() / np.abs(kernel[..., 0]).max()


@pytest.mark.parametrize("optimizer", [Optimizer("sgd", momentum=0.9), Optimizer("rmsprop")], ids=str)
def test_twins_with_equal_incoming_and_outgoing_weights_stay_twins(toy, optimizer):
    assert twins_apart(toy, optimizer, outgoing=True) < 1e-5


def test_twins_with_equal_incoming_weights_only_part(toy):
    assert twins_apart(toy, Optimizer("adam"), outgoing=False) > 1e-2


def test_dropout_parts_twins(toy):
    assert twins_apart(toy, Optimizer("adam"), outgoing=True, rate=0.5) > 1e-2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": "mnist"}, "for the data set 'mnist', not 'toy'"),
        ({"architecture": (flatten(), dense(2))}, "2 outputs for the 3 classes"),
    ],
)
def test_data_that_does_not_fit_is_refused_in_one_line(toy, change, reason):
    recipe = Recipe(**{"architecture": (flatten(), dense(3)), **SMALL, **change})
    with pytest.raises(RecipeError, match=reason) as refused:
        train(recipe, (0,), data=toy)
    assert "\n" not in str(refused.value)


def test_a_bad_seed_is_refused_before_anything_is_trained(toy):
    with pytest.raises(RecipeError, match="whole number"):
        train(CONV, (1, -2), data=toy)


def test_no_seeds_give_no_runs(toy):
    assert train(CONV, (), data=toy) == ()
