"""Pruning takes the units that matter least: by Optimal Brain Damage better than by chance or by their weights.

Of few units: the diagonal of the Hessian says what each costs if all others stay. Of half of the units at once it is
no better than their weights, and worse than what takes into account that others take over, as Optimal Brain Surgeon.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy import claim, judge_pairs, observe, prune, train
from redundancy.data import Dataset
from redundancy.frameworks.keras import evaluate, write
from redundancy.frameworks.keras.timing import latencies
from redundancy.viewing import replaced
from redundancy.zoo import Recipe, dense, flatten, initial


def hidden(dataset, first=100, second=50, **settings):
    layers = (flatten(), dense(first, activation="relu"), dense(second, activation="relu"), dense(dataset.classes))
    return Recipe(layers, data=dataset.name, **{"steps": 300, **settings})


@claim("pruning a fifth of all units by Optimal Brain Damage mostly harms less than by weights or chance", at_least=0.5)
@pytest.mark.parametrize("other", ["norm", "random"])
def test_damage(other, dataset, run):
    network = run.trained(hidden(dataset)).network
    shares, rows = {"dense_1": 0.2, "dense_2": 0.2}, slice(1000)
    few = {"data": dataset.x_train[rows], "labels": dataset.y_train[rows]}
    damage, rest = (prune(network, **few, by=by, remove=shares, repair=False) for by in ("obd", other))
    observe("divergence of classes by Optimal Brain Damage, in nats", damage.harm)
    observe(f"divergence of classes by {other}, in nats", rest.harm)
    assert damage.harm < rest.harm


@claim("a model that lost nine tenths of its units is smaller as a file and faster in measurement", at_least=0.8)
def test_smaller_and_faster(dataset, run, tmp_path_factory):
    network = initial(hidden(dataset, 800, 400, steps=0), run.seed, dataset.input_shape)
    shares = {"dense_1": 0.9, "dense_2": 0.9}
    small = prune(network, data=dataset.x_train[:200], by="norm", remove=shares, repair=False).network
    models, place = [write(network), write(small)], tmp_path_factory.mktemp("sizes")
    for number, model in enumerate(models):
        model.save(place / f"{number}.keras")
    before, after = ((place / f"{number}.keras").stat().st_size for number in (0, 1))
    slow, fast = latencies(models, (dataset.x_test[:128],))
    observe("the file is so many times as small", before / after)
    observe("a batch takes so many times less", slow / fast)
    assert after < before
    assert fast < slow


@claim("some pruning improves the accuracy of a network that was trained on little")
def test_better(dataset, store, seeds):
    count = len(dataset.x_train) * 3 // 4
    rest = Dataset(
        dataset.name, *(a[:count] for a in (dataset.x_train, dataset.y_train)), dataset.x_test, dataset.y_test
    )
    images, labels = dataset.x_train[count:], dataset.y_train[count:]
    (run,) = train(hidden(dataset), seeds(1), data=rest, store=store)

    def right(network, x, y):
        return evaluate(network, x).argmax(axis=1) == y

    tried = [prune(run.network, data=rest.x_train[:500], remove=share).network for share in (0.1, 0.3)]
    best = max(tried, key=lambda network: np.mean(right(network, images, labels)))
    before, after = (right(network, dataset.x_test, dataset.y_test) for network in (run.network, best))
    observe("accuracy before", np.mean(before))
    observe("accuracy of the one that was chosen on held out images", np.mean(after))
    judge_pairs(before, after, claim="better")


@claim("repair never makes what is read of the units worse, on its sample, than leaving them out")
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(2, 12), rows=st.integers(1, 60))
def test_repair(seed, units, rows):
    rng = np.random.default_rng(seed)
    samples = np.maximum(rng.normal(size=(rows, units)) * 10.0 ** rng.integers(-3, 4, units), 0.0)
    order, gone = rng.permutation(units), int(rng.integers(1, units))
    dropped, keep = np.sort(order[:gone]), np.sort(order[gone:])
    stated = np.hstack([samples[:, keep], np.ones((rows, 1))]) @ replaced(samples, keep, dropped)
    worse = np.sum((samples[:, dropped] - stated) ** 2)
    observe("error, as a share of that of leaving them out", worse / max(np.sum(samples[:, dropped] ** 2), 1e-300))
    assert worse <= np.sum(samples[:, dropped] ** 2) * (1 + 1e-9) + 1e-12
