"""Every claim of the table of algebras, and every claim that it does not make, against Keras itself."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.algebra import (
    ALIASES,
    LINEAR,
    MAXIMUM,
    NAMES,
    NOT_POINTWISE,
    OPERATIONS,
    PARAMETERS,
    Scale,
    algebra_of,
    certain,
)

GRID = np.linspace(-40, 40, 8001)
# A function that jumps may be symmetric but for one point, which is then among these.
EIGHTHS = np.linspace(-40, 40, 641)
CENTERS = np.linspace(-8, 8, 129)
QUARTERS = st.integers(-8, 8).map(lambda n: n / 4)
POSITIVE = st.integers(0, 8).map(lambda n: n / 4)
NUMBERS = st.one_of(
    st.floats(-9, 9),
    st.floats(-1e4, 1e4),
    st.floats(-1e-6, 1e-6, allow_subnormal=False),
    st.sampled_from([0.0, -0.0, 1e4, -1e4, 3.0, -3.0, 6.0, 1.0, -1.0, 0.5, -0.5]),
)
PARAMETER = {"max_value": st.none() | POSITIVE, "b": POSITIVE, "approximate": st.booleans()}

# TensorFlow keeps the constants of GELU, and slopes, in float32, even where it computes in float64.
ROUGH = {"gelu": 1e-7, "leaky_relu": 1e-7, "relu": 1e-7}


@st.composite
def configs(draw, name, values=QUARTERS):
    """Configurations of one function: its name alone, or with parameters."""
    given = {p: draw(PARAMETER.get(p, values)) for p in PARAMETERS.get(name, {})}
    if name == "celu":
        given["alpha"] = given["alpha"] or 0.5
    return {"function": name, **given}


def keras_function(config):
    import keras

    room = keras.ops if config["function"] in OPERATIONS else keras.activations
    function = getattr(room, config["function"])
    parameters = {name: value for name, value in config.items() if name != "function"}

    def phi(z):
        with np.errstate(all="ignore"):
            return np.asarray(function(keras.ops.convert_to_tensor(z, "float64"), **parameters))

    return phi


def known(config):
    algebra = algebra_of(config)
    assert algebra is not None, config
    return algebra, keras_function(config)


def close(a, b, tolerance=1e-6):
    with np.errstate(invalid="ignore"):
        return bool(np.all((a == b) | (np.abs(a - b) <= tolerance * (1 + np.abs(b)))))


every = pytest.mark.parametrize("name", [*NAMES, *OPERATIONS, "threshold"])


def pointwise(property_):
    """The property, of every function, with parameters that are drawn."""
    drawn = settings(max_examples=15)(given(data=st.data())(property_))
    return every(drawn)


@pointwise
def test_its_values_are_those_of_keras(name, data):
    config = data.draw(configs(name, st.floats(-2, 2, width=32, allow_subnormal=False)))
    z = np.array(data.draw(st.lists(NUMBERS, min_size=8, max_size=8)))
    algebra, phi = known(config)
    values, theirs = algebra.function(z), phi(z)
    with np.errstate(invalid="ignore"):
        rounding = ROUGH.get(name, 1e-14) * (np.abs(z) + np.abs(values)) + 1e-15
        assert np.all((values == theirs) | (np.abs(values - theirs) <= rounding))


@pointwise
def test_the_factors_that_pass_are_those_it_names(name, data):
    algebra, phi = known(data.draw(configs(name)))
    positive, negative = (close(phi(s * GRID), s * phi(GRID)) for s in (2.0, -2.0))
    assert algebra.scale is (Scale.NONE if not positive else Scale.ANY if negative else Scale.POSITIVE)


@pointwise
def test_every_factor_that_it_names_passes(name, data):
    algebra, phi = known(data.draw(configs(name)))
    s = data.draw(st.floats(1e-3, 1e3)) * (data.draw(st.sampled_from([1, -1])) if algebra.scale is Scale.ANY else 1)
    assert algebra.scale is Scale.NONE or close(phi(s * GRID), s * phi(GRID))


@pointwise
def test_constants_pass_where_it_says_so(name, data):
    algebra, phi = known(data.draw(configs(name)))
    assert algebra.shifts == close(phi(GRID + 0.75), phi(GRID) + 0.75)


@pointwise
def test_it_has_the_symmetry_that_it_names_and_no_other(name, data):
    algebra, phi = known(data.draw(configs(name)))
    mirrored, straight = phi(2 * CENTERS[:, None] - EIGHTHS), phi(EIGHTHS)
    found = {(float(CENTERS[i]), e) for e in (-1, 1) for i in np.flatnonzero(constant(mirrored - e * straight))}
    symmetry = algebra.symmetry
    assert bool(found) == (symmetry is not None)
    if symmetry is not None:
        assert (symmetry.center, symmetry.factor) in found
        assert close(phi(2 * symmetry.center - GRID), symmetry.constant + symmetry.factor * phi(GRID))


def constant(rows):
    with np.errstate(invalid="ignore"):
        return np.ptp(rows, axis=1) < 1e-5


@pointwise
def test_it_is_the_identity_where_it_says_so(name, data):
    algebra, phi = known(data.draw(configs(name)))
    assert algebra.linear == close(phi(GRID), GRID)


@pointwise
def test_it_rises_or_falls_and_then_rises_where_it_says_so(name, data):
    algebra, phi = known(data.draw(configs(name)))
    values = phi(GRID)
    steps = np.diff(values)
    slack = 1e-9 * (1 + np.abs(values[1:]))
    rises, falls = np.flatnonzero(steps > slack), np.flatnonzero(steps < -slack)
    assert algebra.monotone == (len(falls) == 0)
    once = bool(len(falls)) and (len(rises) == 0 or falls[-1] <= rises[0])
    assert (algebra.valley is not None) == once


@pointwise
def test_its_valley_is_where_it_is_least(name, data):
    algebra, phi = known(data.draw(configs(name)))
    valley, values = algebra.valley, phi(GRID)
    if valley is not None:
        assert valley.least <= values.min() + ROUGH.get(name, 0.0)
        assert valley.least >= values.min() - 0.02
        assert np.diff(phi(GRID[valley.at >= GRID])).max(initial=0.0) <= 1e-9
        assert np.diff(phi(GRID[valley.at < GRID])).min() >= -1e-9


@pytest.mark.parametrize("config", [{"function": "gelu"}, {"function": "silu"}, {"function": "mish"}])
def test_the_least_value_is_tight(config):
    algebra = algebra_of(config)
    near = algebra.function(algebra.valley.at + np.linspace(-1e-3, 1e-3, 2001)).min()
    assert abs(near - algebra.valley.least) <= 1e-16


@pointwise
def test_nowhere_is_it_steeper_than_it_says(name, data):
    algebra, phi = known(data.draw(configs(name)))
    near = data.draw(st.lists(st.floats(-9, 9), min_size=8, max_size=8, unique=True))
    z = np.sort([*near, *data.draw(st.lists(NUMBERS, min_size=4, max_size=4))])
    values = phi(z)
    if np.isfinite(algebra.lipschitz):
        slack = (1e-14 + ROUGH.get(name, 0.0)) * (1 + np.abs(z[1:]) + np.abs(z[:-1]))
        assert np.all(np.abs(np.diff(values)) <= algebra.lipschitz * np.diff(z) + slack)


@pointwise
def test_somewhere_it_is_as_steep_as_it_says(name, data):
    algebra, phi = known(data.draw(configs(name)))
    with np.errstate(invalid="ignore"):
        steepest = np.nanmax(np.abs(np.diff(phi(GRID)) / np.diff(GRID)))
    if np.isinf(algebra.lipschitz):
        assert steepest > 10
    else:
        assert 0.98 * algebra.lipschitz - 1e-9 <= steepest <= (1 + 1e-6) * algebra.lipschitz


@pointwise
def test_bounds_hold(name, data):
    algebra, phi = known(data.draw(configs(name)))
    least, most = sorted(data.draw(st.tuples(NUMBERS, NUMBERS)))
    low, high = algebra.bounds(np.array([least]), np.array([most]))
    values = phi(np.linspace(least, most, 101))
    slack = (1e-14 + ROUGH.get(name, 0.0)) * (1 + abs(least) + abs(most))
    assert low[0] <= values.min() + slack
    assert values.max() - slack <= high[0]


@pytest.mark.parametrize(
    ("config", "low", "high", "expected"),
    [
        ({"function": "silu"}, -np.inf, np.inf, (-0.27846454276107385, np.inf)),
        ({"function": "gelu"}, -np.inf, 0.0, (-0.16997120747990364, 0.0)),
        ({"function": "mish"}, -np.inf, -20.0, (-20 * np.log1p(np.exp(-20.0)), 0.0)),
        ({"function": "leaky_relu", "negative_slope": -0.5}, -4.0, 1.0, (0.0, 2.0)),
        ({"function": "threshold", "threshold": 1.0, "default_value": 5.0}, 1.0, 3.0, (1.0, 5.0)),
        ({"function": "relu", "threshold": -1.0}, -1.0, 3.0, (-1.0, 3.0)),
        ({"function": "squareplus"}, -np.inf, 0.0, (0.0, 1.0)),
        ({"function": "exponential"}, -np.inf, np.inf, (0.0, np.inf)),
    ],
)
def test_bounds_are_as_tight_as_its_shape_allows(config, low, high, expected):
    bounds = algebra_of(config).bounds(np.array([low]), np.array([high]))
    assert np.allclose([bound[0] for bound in bounds], expected, rtol=1e-12)


@pytest.mark.parametrize("algebra", [LINEAR, MAXIMUM], ids=str)
def test_the_identity_steepens_nothing(algebra):
    assert algebra.lipschitz == 1.0


def test_every_function_of_keras_is_known():
    import keras

    public = {n for n, f in vars(keras.activations).items() if inspect.isfunction(f)} - {"get", "serialize"}
    told = {*NAMES, "threshold", *ALIASES, *NOT_POINTWISE, "deserialize"}
    assert public == told, "add the new function to redundancy/algebra.py, or name it among NOT_POINTWISE"


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"threshold"}))
def test_its_defaults_are_those_of_keras(name):
    import keras

    signature = inspect.signature(getattr(keras.activations, name)).parameters
    assert {p: signature[p].default for p in PARAMETERS[name]} == PARAMETERS[name]


@pytest.mark.parametrize("name", NOT_POINTWISE)
def test_what_is_no_function_of_one_unit_has_no_algebra(name):
    """To change one unit changes another, or there is no other."""
    phi = keras_function({"function": name})
    before, after = phi(np.array([[2.0, 0.0, 0.0, 0.0]])), phi(np.array([[2.0, 0.0, 0.0, 2.0]]))
    assert before.shape[1] != 4 or np.any(before[0, :3] != after[0, :3])
    assert algebra_of({"function": name}) is None


@pytest.mark.parametrize(("name", "plain"), ALIASES.items())
def test_an_alias_is_the_same_function(name, plain):
    import keras

    assert getattr(keras.activations, name) is getattr(keras.activations, plain)
    assert algebra_of({"function": name}) is algebra_of({"function": plain})


@pytest.mark.parametrize(
    "config",
    [
        {"function": "relu", "max_value": -1.0},
        {"function": "relu", "threshold": np.nan},
        {"function": "relu", "negative_slope": None},
        {"function": "celu", "alpha": 0.0},
        {"function": "squareplus", "b": -1.0},
        {"function": "threshold", "threshold": 1.0},
        {"function": "tanh", "axis": 1},
        {"function": "elu", "slope": 1.0},
        {"function": "gelu", "approximate": "tanh"},
        {"function": "made_up"},
    ],
    ids=str,
)
def test_what_is_not_understood_has_no_algebra(config):
    assert algebra_of(config) is None


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
