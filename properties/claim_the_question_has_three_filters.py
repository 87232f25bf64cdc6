"""The network of the question: Conv2D(f, (3, 1)), Flatten, Dense(10), with f filters and no activation between.

The convolution is linear and a filter has three weights, so whatever f is, its filters span three dimensions at most.
Whoever looks for pairs of similar filters sees nothing of it.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy import claim, compact, judge_pairs, observe
from redundancy.frameworks.keras import evaluate
from redundancy.zoo import Recipe, conv, dense, flatten, seeds

WIDTHS = (1, 2, 4, 8, 16)
NEARLY = 0.05
# A logit is a sum of 2,184 products or more in float32; its rounding errors mostly cancel.
ROUNDING = 64 * 2.0**-23


def question(filters, dataset):
    layers = (conv(filters, (3, 1), name="filters"), flatten(), dense(dataset.classes))
    return Recipe(layers, optimizer="adam", learning_rate=1e-3, batch_size=128, steps=200, data=dataset.name)


@pytest.fixture(scope="session")
def networks(dataset, trained, root_seed):
    """Five runs of each width: both claims are about these."""
    return lambda f: trained(question(f, dataset), seeds("the question's network", f, root=root_seed, count=5))


@claim("1, 2, 4 and 8 filters of 3x1 reach the accuracy of 16 within five points")
def test_accuracy(networks):
    accuracy = {f: [float(run.accuracy) for run in networks(f)] for f in WIDTHS}
    observe("accuracy on the test images, mean of 5 runs, by filters", {f: np.mean(a) for f, a in accuracy.items()})
    for f in WIDTHS[:-1]:
        judge_pairs(accuracy[16], accuracy[f], claim="equivalent", margin=NEARLY, what="accuracy, 16 filters and fewer")


@claim("however many they are, they compact to at most three, with the same predictions")
@given(filters=st.sampled_from(WIDTHS))
def test_compacts(filters, dataset, networks):
    for run in networks(filters):
        small = compact(run.network).network
        before, after = evaluate(run.network, dataset.x_test), evaluate(small, dataset.x_test)
        left = small["filters"].weights["kernel"].shape[-1]
        largest = float(np.max(np.abs(after - before)))
        observe("filters left, by filters", {str(filters): left})
        observe("largest difference of a logit", largest)
        observe("changed predictions", int(np.sum(after.argmax(1) != before.argmax(1))))
        assert left <= 3
        assert np.array_equal(after.argmax(1), before.argmax(1))
        assert largest <= ROUNDING * np.max(np.abs(before)), f"logits changed by {largest:.2g}"
