import numpy as np
import pytest

from redundancy.similarity import alike, cosine, identical, weighted_cosine


def test_cosines_have_signs():
    assert cosine(np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 0.0]]))[0].tolist() == [1.0, -1.0, 0.0]


def test_weights_on_inputs_that_never_vary_count_for_nothing():
    units = np.array([[1.0, 5.0], [1.0, -5.0]])
    assert cosine(units)[0, 1] < 0
    assert weighted_cosine(units, np.diag([1.0, 0.0]))[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_identical_rows_share_a_label(dtype):
    import ml_dtypes

    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    labels = identical(np.array([[1, 2], [3, 4], [1, 2]]).astype(kind))
    assert labels[0] == labels[2] != labels[1]


def test_rows_are_alike_up_to_rounding_and_no_further():
    rows = np.array([[1.0, 2.0], [1.0, 2.0 + 1e-15], [1.0, 2.0 + 1e-9], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    labels = alike(rows)
    assert (labels[:, None] == labels).tolist() == [[i in same for i in range(6)] for same in
        ({0, 1, 4}, {0, 1, 4}, {2}, {3, 5}, {0, 1, 4}, {3, 5})]  # fmt: skip
