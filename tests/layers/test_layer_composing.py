import numpy as np

from redundancy.building import Builder
from redundancy.compaction import compact


def with_a_copy(*shape, seed):
    kernel = np.random.default_rng(seed).standard_normal(shape)
    kernel[:, 1] = kernel[:, 0]
    return {"kernel": kernel}


def test_copies_are_found_in_layers_however_many_weights_they_have(monkeypatch):
    monkeypatch.setattr("redundancy.layers.composing.LARGEST", 1)
    b = Builder()
    first = b.add("activation", b.add("dense", b.input((3,)), weights=with_a_copy(3, 4, seed=0)), function="tanh")
    second = b.add("activation", b.add("dense", first, weights=with_a_copy(4, 5, seed=1)), function="tanh")
    network = b.network(b.add("dense", second, weights={"kernel": np.ones((5, 2))}))
    assert [removal.why for removal in compact(network).removals] == ["duplicate", "duplicate"]


def test_copies_are_found_where_what_they_read_is_too_much_to_follow(monkeypatch):
    """Behind a layer without a function, each weight would stand for all weights of that layer."""
    monkeypatch.setattr("redundancy.layers.composing.LARGEST", 1)
    b = Builder()
    first = b.add("dense", b.input((30,)), weights={"kernel": np.random.default_rng(0).standard_normal((30, 4))})
    second = b.add("activation", b.add("dense", first, weights=with_a_copy(4, 5, seed=1)), function="tanh")
    network = b.network(b.add("dense", second, weights={"kernel": np.ones((5, 2))}))
    assert [(removal.space, removal.why) for removal in compact(network).removals] == [("dense_2", "duplicate")]
