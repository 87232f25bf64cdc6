import numpy as np
from forward import forward
from hypothesis import given, settings

from redundancy.compaction import compact
from redundancy.strategies import decoys, networks, planted

MERGERS = {"duplicate", "scaled", "flipped", "dependent"}


def inputs_of(network, n=5):
    return np.random.default_rng(0).standard_normal((n, *network[network.inputs[0]].shape))


def difference(first, second):
    x = inputs_of(first)
    before, after = forward(first, x), forward(second, x)
    return np.max(np.abs(before - after)) / (1.0 + np.max(np.abs(before)))


@settings(max_examples=300, deadline=None)
@given(networks(dtype="float64"))
def test_a_compacted_network_computes_the_same(network):
    assert difference(network, compact(network).network) < 1e-9


@settings(max_examples=300, deadline=None)
@given(planted(source=networks(dtype="float64")))
def test_what_is_planted_is_found_and_changes_nothing(plant):
    result = compact(plant.network)
    assert result.network.parameters < plant.network.parameters
    assert difference(plant.network, result.network) < 1e-9
    gone = {removal.unit for removal in result.removals if removal.space == plant.space}
    assert gone & set(plant.units)


@settings(max_examples=300, deadline=None)
@given(decoys())
def test_a_decoy_stays(plant):
    result = compact(plant.network)
    assert difference(plant.network, result.network) < 1e-6
    fold = result.folds.get(plant.space)
    # It may be a multiple of a third unit by chance, as all units of one weight are, but not of the one it looks like.
    for unit, other in (plant.units, plant.units[::-1]):
        if fold is not None and unit in fold.dropped and fold.why[unit] in MERGERS and other in fold.keep:
            assert fold.into[unit, fold.keep.tolist().index(other)] == 0
