import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.algebra import NAMES, Scale, algebra_of, certain

CONFIGS = [
    *({"function": name} for name in NAMES if name not in ("leaky_relu", "elu")),
    *({"function": "leaky_relu", "negative_slope": slope} for slope in (0.0, 0.2, 2.0, -0.5)),
    *({"function": "elu", "alpha": alpha} for alpha in (0.5, 1.0, -1.0)),
]
Z = np.linspace(-8, 8, 401)

algebras = pytest.mark.parametrize("algebra", [algebra_of(config) for config in CONFIGS], ids=str)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("leaky_relu", "elu")])
def test_it_is_the_function_that_keras_means(name):
    import keras

    expected = np.asarray(keras.activations.get(name)(Z))
    assert np.allclose(algebra_of({"function": name}).function(Z), expected, atol=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.2, 2.0, -0.5])
def test_leaky_relu_has_its_slope(slope):
    algebra = algebra_of({"function": "leaky_relu", "negative_slope": slope})
    assert algebra.function(np.array([-1.0, 2.0])).tolist() == [-slope, 2.0]


@algebras
@given(s=st.floats(0.01, 100))
def test_the_factors_that_pass_do(algebra, s):
    if algebra.scale is not Scale.NONE:
        assert np.allclose(algebra.function(s * Z), s * algebra.function(Z))
    if algebra.scale is Scale.ANY:
        assert np.allclose(algebra.function(-s * Z), -s * algebra.function(Z))


@algebras
def test_factors_that_do_not_pass_are_not_said_to(algebra):
    passes = np.allclose(algebra.function(2 * Z), 2 * algebra.function(Z))
    assert passes == (algebra.scale is not Scale.NONE)


@algebras
def test_the_mirror_is_one_exactly_where_there_is_one(algebra):
    sums = algebra.function(Z) + algebra.function(-Z)
    constant = np.ptp(sums) < 1e-9
    assert constant == (algebra.mirror is not None)
    assert algebra.mirror is None or np.allclose(sums, algebra.mirror)


@algebras
@given(a=st.floats(-6, 6), b=st.floats(-6, 6))
def test_bounds_hold(algebra, a, b):
    low, high = algebra.bounds(np.array([min(a, b)]), np.array([max(a, b)]))
    values = algebra.function(np.linspace(min(a, b), max(a, b), 50))
    assert low[0] <= values.min() + 1e-12
    assert values.max() - 1e-12 <= high[0]


def test_an_unknown_function_has_no_algebra():
    assert algebra_of({"function": "softmax"}) is None


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-1.0, 2.0, (-1, 2)),
        (-1e200, 1e200, (-np.inf, np.inf)),
        (np.nan, np.nan, (-np.inf, np.inf)),
        (-np.inf, np.inf, (-np.inf, np.inf)),
        (1e200, np.inf, (1e150, np.inf)),
        (-np.inf, -1e200, (-np.inf, -1e150)),
    ],
)
def test_nothing_enormous_is_certain(low, high, said):
    """Products with it could overflow, and what follows would be no number."""
    assert tuple(bound[0] for bound in certain(np.array([low]), np.array([high]))) == said
