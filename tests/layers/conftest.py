"""What the tests of all layers share: networks by hand, and the comparison of outputs."""

import numpy as np
import pytest
from forward import forward

from redundancy.building import Builder
from redundancy.compaction import compact


class Garden(Builder):
    """A builder that fills in weights: normally distributed, float64 unless said."""

    def __init__(self, seed=0):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def weights(self, *shape, bias=True, dtype="float64"):
        kernel = {"kernel": self.rng.standard_normal(shape).astype(dtype)}
        return {**kernel, "bias": self.rng.standard_normal(shape[-1]).astype(dtype)} if bias else kernel

    def twins(self, *shape, factor=1.0, **options):
        """Weights with unit 1 a multiple of unit 0."""
        weights = self.weights(*shape, **options)
        for array in weights.values():
            array[..., 1] = factor * array[..., 0]
        return weights

    def dense(self, name, units, **options):
        return self.add("dense", name, weights=self.weights(self.shape(name)[-1], units), **options)

    def conv(self, name, units, window=(1, 1), **options):
        return self.add("conv", name, weights=self.weights(*window, self.shape(name)[-1], units), **options)

    def act(self, name, function="relu", **options):
        return self.add("activation", name, function=function, **options)

    def finished(self, name):
        """The network with a head that reads all of it."""
        return self.network(self.dense(name if len(self.shape(name)) == 1 else self.add("flatten", name), 2))


@pytest.fixture
def garden():
    return Garden()


@pytest.fixture
def compacted():
    """Compacts a network, and compares what it computes."""

    def compare(network, box=None, tolerance=1e-9):
        result = compact(network, box=box)
        rng = np.random.default_rng(1)
        inputs = [drawn(rng, (7, *network[name].shape), (box or {}).get(name)) for name in network.inputs]
        before, after = (forward(n, *inputs) for n in (network, result.network))
        assert np.max(np.abs(before - after)) <= tolerance * (1 + np.max(np.abs(before)))
        return result

    return compare


def drawn(rng, shape, bounds):
    return 3 * rng.standard_normal(shape) if bounds is None else rng.uniform(*bounds, shape)
