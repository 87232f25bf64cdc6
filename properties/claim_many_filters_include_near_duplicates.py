"""Among about a hundred filters some are near-duplicates, and that is not chance.

Near means: nearer than even one of all the pairs would be in 95% of random initialisations. That cosine depends on how
many filters there are and on how many weights each has, so each width has its own. Trained filters are no random
directions, and the claim says just that: training brings them together, initialisation does not.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy import claim, judge_against_chance, judge_pairs, observe
from redundancy.clustering import near_duplicates
from redundancy.similarity import cosine
from redundancy.zoo import Recipe, conv, dense, draw, flatten

WIDTHS = 25, 50, 100, 200
NEAR = 0.9


def wide(filters, dataset):
    layers = (conv(filters, 3, strides=3, activation="relu", name="filters"), flatten(), dense(dataset.classes))
    return Recipe(layers, optimizer="adam", learning_rate=2e-3, steps=150, data=dataset.name)


def clusters(run):
    """Near-duplicates among the filters of a run."""
    return near_duplicates(run.network["filters"].weights["kernel"].reshape(9, -1).T)


@claim("of about 100 trained 3x3 filters some are near-duplicates, beyond chance", at_least=0.8)
def test_trained(dataset, run):
    found = clusters(run.trained(wide(100, dataset)))
    observe("cosine that chance reaches in 1 of 20 networks", found.threshold)
    observe("pairs of near-duplicates", found.pairs)
    assert found.pairs > 0


def near_pairs(kernel) -> int:
    """Pairs of filters with at least that cosine: of 100 untrained ones about two."""
    alike = cosine(kernel.reshape(-1, kernel.shape[-1]).T)
    return int(np.sum(alike[np.triu_indices(len(alike), 1)] >= NEAR))


@claim("training brings more pairs of filters with a cosine of 0.9 than initialisation does")
def test_beyond_initialisation(dataset, trained, seeds):
    (run,) = trained(wide(100, dataset), seeds(1))
    untrained = [near_pairs(draw("glorot_uniform", (3, 3, 1, 100), seed)) for seed in seeds(199, "untrained")]
    found = near_pairs(run.network["filters"].weights["kernel"])
    judge_against_chance(found, untrained, what="pairs of 100 filters with a cosine of 0.9")


@claim(
    "random initialisation brings no more near-duplicates than chance does, whatever the kernel and the width",
    at_least=0.85,
    runs=300,
)
@settings(max_examples=10)
@given(
    size=st.sampled_from([2, 3, 5]), channels=st.sampled_from([1, 2, 8]), filters=st.sampled_from([16, 64, 100, 200])
)
def test_untrained(size, channels, filters, run):
    kernel = draw("random_normal", (size, size, channels, filters), run.seed)
    assert near_duplicates(kernel.reshape(-1, filters).T).pairs == 0


@claim("the number of near-duplicates grows with the width")
def test_growth(dataset, trained, seeds):
    rows = {width: [clusters(run) for run in trained(wide(width, dataset), seeds(5, width))] for width in WIDTHS}
    pairs = {width: float(np.mean([c.pairs for c in found])) for width, found in rows.items()}
    spare = {width: float(np.mean([c.spare for c in found])) for width, found in rows.items()}
    observe(
        "pairs of near-duplicates, mean of 5 runs, by filters", {str(width): count for width, count in pairs.items()}
    )
    observe(
        "filters that have a near-duplicate to stand for them", {str(width): count for width, count in spare.items()}
    )
    narrow, broad = ([float(c.pairs) for c in rows[width]] for width in (25, 200))
    judge_pairs(narrow, broad, claim="better", what="pairs of near-duplicates, 25 and 200 filters")
