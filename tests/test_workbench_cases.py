"""Cases that every engine of this kind should pass: what may merge, what may not, and what has to survive."""

import keras
import pytest
from keras import layers
from planting_by_hand import checked, copied, weighted

from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")


def chain(first, *others, shape=(4,)):
    return weighted(keras.Sequential([keras.Input(shape), first, *others, layers.Flatten(), layers.Dense(3)]))


def changed(layer, change):
    """Sets the weights of a layer to copies that were changed in place."""
    weights = [weight.copy() for weight in layer.get_weights()]
    change(*weights)
    layer.set_weights(weights)


def times(layer, source, copy, factor):
    """Makes unit `copy` of a layer `factor` times unit `source`, bias and all."""

    def change(*weights):
        for weight in weights:
            weight[..., copy] = factor * weight[..., source]

    changed(layer, change)


@pytest.mark.parametrize(
    ("activation", "factor", "removed"),
    [
        ("relu", 2.0, 1),
        ("sigmoid", 2.0, 0),
        ("tanh", 2.0, 0),
        ("relu", -1.0, 0),
        ("linear", -1.0, 1),
        ("tanh", -1.0, 1),
        ("sigmoid", -1.0, 1),
        ("softplus", -1.0, 0),
        ("gelu", -1.0, 0),
    ],
)
def test_multiples_of_a_kernel(activation, factor, removed):
    for first, shape in ((layers.Dense(4, activation=activation), (4,)), (layers.Conv1D(4, 3), (8, 2))):
        first.activation = keras.activations.get(activation)
        model = chain(first, shape=shape)
        times(first, 0, 2, factor)
        checked(model, removed)


def test_equal_kernels_with_different_statistics_stay():
    first, normal = layers.Conv2D(5, 3, use_bias=False), layers.BatchNormalization()
    model = chain(first, normal, layers.Activation("tanh"), shape=(6, 6, 2))
    copied(first, 0, 2)
    checked(model, 0)


def test_unequal_kernels_that_their_statistics_make_equal_merge():
    first, normal = layers.Conv2D(5, 3, use_bias=False), layers.BatchNormalization(epsilon=0.0)
    model = chain(first, normal, layers.Activation("tanh"), shape=(6, 6, 2))
    times(first, 0, 2, 4.0)

    def change(gamma, beta, mean, variance):
        gamma[2], beta[2], mean[2], variance[2] = gamma[0], beta[0], 4.0 * mean[0], 16.0 * variance[0]

    changed(normal, change)
    checked(model, 1)


NORMALIZATIONS = {
    "no scale": {"scale": False},
    "no centre": {"center": False},
    "neither": {"scale": False, "center": False},
    "frozen": {"trainable": False},
    "synchronized": {"synchronized": True},
    "along the first axis": {"axis": 1},
}


@pytest.mark.parametrize("options", NORMALIZATIONS.values(), ids=NORMALIZATIONS)
def test_every_option_of_a_batch_normalization(options):
    first, normal = layers.Conv2D(5, 3, activation="relu", name="first"), layers.BatchNormalization(**options)
    model = chain(first, normal, layers.Activation("tanh"), shape=(6, 6, 2))
    copied(first, 0, 2)
    if "axis" not in options:
        copied(normal, 0, 2)
    result = checked(model, 0 if "axis" in options else 1)
    assert [type(layer).from_config(layer.get_config()).get_config() for layer in result.model.layers[1:2]] == [
        normal.get_config()
    ]
    assert not result.refusals or "along another axis" in result.refusals[0].reason


TYING = {
    "LayerNormalization": lambda: layers.LayerNormalization(name="tie"),
    "RMSNormalization": lambda: layers.RMSNormalization(name="tie"),
    "UnitNormalization": lambda: layers.UnitNormalization(name="tie"),
    "GroupNormalization": lambda: layers.GroupNormalization(3, name="tie"),
}


@pytest.mark.parametrize("made", TYING.values(), ids=TYING)
@pytest.mark.parametrize("before", [True, False])
def test_what_lies_between_and_around_what_ties_units_folds(made, before):
    """A residual block: what is added stays, what is only inside of it goes."""
    x = keras.Input((5, 6))
    hidden, back = layers.Dense(8, activation="gelu", name="hidden"), layers.Dense(6, name="back")
    ahead, behind = layers.Dense(7, activation="relu", name="ahead"), layers.Dense(4, activation="relu", name="behind")
    stream = layers.Dense(6, name="stream")(ahead(x))
    tie = made()
    y = stream + back(hidden(tie(stream))) if before else tie(stream + back(hidden(stream)))
    model = weighted(keras.Model(x, layers.Dense(2)(behind(y))))
    for layer in (ahead, hidden, back, behind):
        copied(layer, 0, 1)
    result = checked(model, 3)
    assert {removal.space for removal in result.removals} == {"ahead", "hidden", "behind"}


def test_units_that_only_a_normalisation_reads_are_refused_by_its_name():
    first = layers.Dense(6, name="first")
    model = chain(first, layers.LayerNormalization(name="tie"))
    copied(first, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert (refusal.space, refusal.layer) == ("first", "tie")
    assert "normalises over its units" in refusal.reason


def test_a_spectral_normalization_keeps_its_own_units_and_no_others():
    first, wrapped = layers.Dense(6, activation="relu", name="first"), layers.SpectralNormalization(layers.Dense(4))
    last = layers.Dense(5, activation="relu", name="last")
    model = chain(first, wrapped, last)
    copied(first, 0, 1)
    copied(last, 0, 1)
    result = checked(model, 1)
    assert {removal.space for removal in result.removals} == {"last"}


def test_a_generator_of_images_from_units():
    """The shape of a decoder: a dense layer, reshaped, two transposed convolutions, a dense layer."""
    width = 8
    dense = layers.Dense(4 * 4 * width, activation="relu")
    first, second = (layers.Conv2DTranspose(n, 3, strides=2, padding="same", activation="relu") for n in (6, 5))
    model = chain(dense, layers.Reshape((4, 4, width)), first, second)
    copied(first, 0, 1, axis=-2)
    copied(second, 2, 3, axis=-2)

    def change(kernel, bias):
        for weight in (kernel.reshape(-1, 16, width), bias.reshape(16, width)):
            weight[..., 3] = weight[..., 1]

    changed(dense, change)
    result = checked(model, 3)
    assert [layer.filters for layer in result.model.layers[2:4]] == [5, 4]


@pytest.mark.parametrize(("padding", "removed"), [("valid", 1), ("same", 0)])
def test_a_zero_kernel_with_a_bias(padding, removed):
    first = layers.Conv2D(4, 3, activation="relu")
    model = chain(first, layers.Conv2D(3, 3, padding=padding, activation="relu"), shape=(8, 8, 1))

    def change(kernel, bias):
        kernel[..., 2], bias[2] = 0.0, 0.7

    changed(first, change)
    checked(model, removed)


@pytest.mark.parametrize("merge", [layers.Add, layers.Concatenate])
def test_a_whole_branch_that_is_dead_leaves_its_biases(merge):
    x = keras.Input((6, 6, 2))
    live, dead = layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(4, 3, activation="relu", name="dead")
    after = layers.Conv2D(4, 1, name="after")
    y = layers.Conv2D(3, 3)(merge()([live(x), after(dead(x))]))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    changed(dead, lambda kernel, bias: (kernel.fill(0.0), bias.__setitem__(slice(None), [0.5, -1.0, 0.2, 0.3])))
    # A layer without units is none: one unit stays in each.
    checked(model, 6 if merge is layers.Concatenate else 3)


DTYPES = ["float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"]


@pytest.mark.parametrize("policy", DTYPES)
def test_dtypes_stay(policy):
    keras.config.set_dtype_policy(policy)
    first = layers.Dense(6, activation="relu")
    model = chain(first, layers.BatchNormalization(), layers.PReLU(), layers.Dense(4, activation="tanh"))
    copied(first, 0, 1)
    for layer in model.layers[1:3]:
        copied(layer, 0, 1)
    result = compact(model)
    assert [removal.unit for removal in result.removals] == [1]
    assert [layer.dtype_policy.name for layer in result.model.layers] == [policy] * 6
    assert [weight.dtype for weight in result.model.weights] == [weight.dtype for weight in model.weights]


def test_what_else_is_said_of_layers_and_models_stays(tmp_path):
    options = {
        "kernel_regularizer": keras.regularizers.L1L2(0.01, 0.02),
        "bias_regularizer": keras.regularizers.L2(0.02),
        "activity_regularizer": keras.regularizers.L1(0.01),
        "kernel_constraint": "non_neg",
        "bias_constraint": keras.constraints.MaxNorm(2.0),
        "kernel_initializer": "he_normal",
    }
    x = keras.Input((4,), name="question")
    first, second = layers.Dense(6, activation="relu", name="first", **options), layers.Dense(5, name="second")
    model = weighted(keras.Model(x, layers.Dense(2, name="answer")(second(first(x))), name="oracle"))
    second.trainable = False
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse", metrics=["mae"], run_eagerly=True)
    copied(first, 0, 1)
    small = compact(model).model
    small.save(tmp_path / "small.keras")
    for after in (small, keras.models.load_model(tmp_path / "small.keras", compile=False)):
        config = first.get_config()
        assert after.get_layer("first").get_config() == {**config, "units": 5}
        assert [layer.name for layer in after.layers] == ["question", "first", "second", "answer"]
        assert [layer.trainable for layer in after.layers] == [True, True, False, True]
        assert after.name == "oracle"
    assert small.optimizer.get_config() == model.optimizer.get_config()
    assert (small.loss, small.run_eagerly) == ("mse", True)


@pytest.mark.parametrize("sequential", [True, False])
def test_what_a_mask_changes_is_refused_and_the_rest_folds(sequential):
    first, normal = layers.Dense(5, activation="relu", name="first"), layers.BatchNormalization()
    second = layers.Dense(4, activation="relu", name="second")
    stack = [layers.Masking(), first, normal, second, layers.GlobalAveragePooling1D(name="mean"), layers.Dense(2)]
    x = keras.Input((5, 3))
    y = x
    for layer in stack if not sequential else ():
        y = layer(y)
    model = weighted(keras.Sequential([x, *stack]) if sequential else keras.Model(x, y))
    for layer in (first, normal, second):
        copied(layer, 0, 1)
    result = checked(model, 1)
    assert {removal.space for removal in result.removals} == {"first"}
    (refusal,) = result.refusals
    assert (refusal.space, refusal.layer) == ("second", "mean")
    assert "given a mask" in refusal.reason


def test_a_layer_that_hides_rows_keeps_the_units_that_it_compares():
    first = layers.Dense(5, activation="relu", name="first")
    last = layers.LSTM(3, name="last")
    model = weighted(keras.Sequential([keras.Input((5, 3)), first, layers.Masking(name="mask"), last]))
    copied(first, 0, 1)
    (refusal,) = checked(model, 0).refusals
    assert (refusal.space, refusal.layer) == ("first", "mask")
    assert "hides the rows" in refusal.reason
