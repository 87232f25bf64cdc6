"""Keras models with redundancy planted by hand, one for each way in which layers can handle units.

What goes is counted, and outputs are compared in float64.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops
from planting_by_hand import checked, copied, weighted

import redundancy
from redundancy.errors import OptionError, UnsupportedError, VerificationError
from redundancy.workbench import compact

pytestmark = pytest.mark.usefixtures("in_float64")


def chain(shape, *stack, **options):
    return weighted(keras.Sequential([keras.Input(shape, **options), *stack, layers.Flatten(), layers.Dense(3)]))


def test_convolutions_along_one_axis():
    first, second = layers.Conv1D(6, 3, padding="causal", activation="relu"), layers.Conv1D(5, 3, dilation_rate=2)
    model = chain((12, 2), first, second, layers.ReLU(), layers.MaxPooling1D(2))
    copied(first, 0, 2)
    copied(second, 1, 4)
    checked(model, 2)


def test_convolutions_along_three_axes():
    first = layers.Conv3D(4, 3, activation="relu")
    model = chain((6, 6, 6, 1), first, layers.ReLU(), layers.Conv3D(3, 2))
    copied(first, 0, 2)
    checked(model, 1)


@pytest.mark.parametrize(("pairs", "removed"), [([(0, 1), (4, 6)], 2), ([(0, 1)], 0), ([(0, 4), (1, 5)], 0)])
def test_what_a_grouped_convolution_reads_folds_in_groups_of_one_size(pairs, removed):
    first = layers.Conv2D(8, 3, activation="relu")
    model = chain((8, 8, 3), first, layers.Conv2D(8, 3, groups=2, activation="relu"), layers.Conv2D(4, 1))
    for source, copy in pairs:
        copied(first, source, copy)
    result = checked(model, removed)
    assert bool(result.refusals) == (not removed)


def test_what_a_grouped_convolution_makes_folds_in_groups_of_one_size():
    grouped = layers.Conv2D(8, 3, groups=2, activation="relu")
    model = chain((8, 8, 4), grouped, layers.Conv2D(4, 1))
    copied(grouped, 0, 1)
    copied(grouped, 4, 6)
    checked(model, 2)


@pytest.mark.parametrize(
    "options", [{"strides": 2, "padding": "same"}, {"strides": 1}, {"strides": 2, "output_padding": 1}]
)
def test_a_generator_of_reshaped_units(options):
    dense, transposed = (
        layers.Dense(4 * 4 * 6, activation="relu"),
        layers.Conv2DTranspose(5, 3, activation="relu", **options),
    )
    model = chain((5,), dense, layers.Reshape((4, 4, 6)), transposed, layers.Conv2DTranspose(4, 3))
    copied(transposed, 0, 1, axis=-2)
    kernel, bias = (weight.copy() for weight in dense.get_weights())
    for weight in (kernel.reshape(5, 16, 6), bias.reshape(16, 6)):
        weight[..., 3] = weight[..., 1]
    dense.set_weights([kernel, bias])
    checked(model, 2)


def test_a_copy_at_some_positions_only_is_none():
    dense = layers.Dense(4 * 4 * 6, activation="relu")
    model = chain((5,), dense, layers.Reshape((4, 4, 6)), layers.Conv2DTranspose(4, 3))
    kernel, bias = (weight.copy() for weight in dense.get_weights())
    for weight in (kernel.reshape(5, 16, 6), bias.reshape(16, 6)):
        weight[..., :15, 3] = weight[..., :15, 1]
    dense.set_weights([kernel, bias])
    checked(model, 0)


def inverted_residual(multiplier, padding="same"):
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(6, 3, use_bias=False, name="expand")(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization(name="first")(y))
    y = layers.DepthwiseConv2D(3, padding=padding, depth_multiplier=multiplier, name="depthwise")(y)
    y = layers.ReLU(6.0)(layers.BatchNormalization(name="second")(y))
    y = layers.Conv2D(4, 1)(y)
    return weighted(keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y))))


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_depthwise_twins(multiplier, padding):
    model = inverted_residual(multiplier, padding)
    copied(model.get_layer("expand"), 1, 4)
    copied(model.get_layer("first"), 1, 4)
    for name in ("depthwise", "second"):
        weights = [weight.copy() for weight in model.get_layer(name).get_weights()]
        for weight in weights:
            units = weight if weight.ndim > 1 else weight.reshape(6, multiplier)
            units[..., 4, :] = units[..., 1, :]
        model.get_layer(name).set_weights(weights)
    checked(model, 1)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_kernels_that_differ_keep_twins_apart(multiplier):
    model = inverted_residual(multiplier)
    copied(model.get_layer("expand"), 1, 4)
    copied(model.get_layer("first"), 1, 4)
    checked(model, 0)


def test_separable_convolutions():
    first, second = layers.SeparableConv2D(6, 3, activation="relu"), layers.SeparableConv2D(5, 3, depth_multiplier=2)
    model = chain((8, 8, 3), first, second, layers.ReLU())
    for layer, among in ((first, ()), (second, (0,))):
        depthwise, pointwise, bias = (weight.copy() for weight in layer.get_weights())
        pointwise[..., 3], bias[3] = pointwise[..., 0], bias[0]
        if among:
            depthwise[:, :, 3] = depthwise[:, :, 0]
        layer.set_weights([depthwise, pointwise, bias])
    result = checked(model, 2)
    assert [type(layer).__name__ for layer in result.model.layers[:2]] == ["SeparableConv2D"] * 2


def test_einsum_layers_with_several_axes():
    heads = layers.EinsumDense("abc,cde->abde", (5, 3, 4), bias_axes="de", activation="relu")
    merge = layers.EinsumDense("abde,def->abf", (5, 7), bias_axes="f", activation="relu")
    x = keras.Input((5, 6))
    y = layers.EinsumDense("abx,xy->aby", (5, 5))(merge(heads(x)))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    copied(heads, 0, 1)
    kernel, bias = heads.get_weights()
    bias[:, 1] = bias[:, 0]
    heads.set_weights([kernel, bias])
    copied(merge, 0, 1)
    checked(model, 2)


@pytest.mark.parametrize(
    ("equation", "size", "shape", "removed"),
    [("...x,xy->...y", 6, (4,), 1), ("...x,xy->...y", 6, (3, 4), 1), ("abc,cy->aby", (3, 6), (3, 4), 1)],
)
def test_einsum_layers_with_axes_that_are_not_named(equation, size, shape, removed):
    layer = layers.EinsumDense(equation, size, bias_axes="y", activation="relu")
    model = chain(shape, layer)
    copied(layer, 0, 1)
    checked(model, removed)


def test_an_einsum_layer_that_is_left_with_one_unit_has_a_bias():
    layer = layers.EinsumDense("abc,cde->abde", (5, 3, 4), bias_axes="de", activation="relu")
    model = chain((5, 6), layer)
    kernel, bias = layer.get_weights()
    layer.set_weights([np.repeat(kernel[..., :1], 4, axis=-1), np.repeat(bias[..., :1], 4, axis=-1)])
    checked(model, 3)


def test_an_einsum_layer_that_leaves_its_last_axes_alone_is_left_alone():
    """Both axes have four entries: that of the units cannot be told by its extent."""
    layer = layers.EinsumDense("ab...,bc->ac...", 5, bias_axes="c", activation="relu")
    first = layers.Dense(4, activation="relu")
    model = chain((4, 4), first, layer)
    copied(first, 0, 1)
    checked(model, 0)


def test_embeddings():
    embedding, conv = layers.Embedding(11, 6), layers.Conv1D(5, 3, activation="relu")
    model = chain((7,), embedding, conv, layers.GlobalMaxPooling1D(), dtype="int32")
    copied(embedding, 0, 1)
    copied(conv, 0, 1)
    checked(model, 2)


MERGES = {
    "add": layers.Add,
    "subtract": layers.Subtract,
    "multiply": layers.Multiply,
    "average": layers.Average,
    "maximum": layers.Maximum,
    "minimum": layers.Minimum,
}


@pytest.mark.parametrize("merge", MERGES.values(), ids=MERGES)
def test_only_what_is_alike_in_both_branches_folds_across_a_merge(merge):
    x = keras.Input((6, 6, 2))
    first, second = (layers.Conv2D(5, 3, activation=name) for name in ("relu", "tanh"))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(merge()([first(x), second(x)])))))
    copied(first, 0, 1)
    copied(second, 0, 1)
    copied(second, 2, 3)
    checked(model, 1)


def test_joining_maps_one_below_the_other():
    x = keras.Input((6, 6, 2))
    first, second = (layers.Conv2D(5, 3, activation="relu") for _ in range(2))
    y = layers.Conv2D(4, 3)(layers.Concatenate(axis=1)([first(x), second(x)]))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    copied(first, 0, 1)
    copied(second, 0, 1)
    copied(second, 2, 3)
    checked(model, 1)


def test_squeeze_and_excite():
    x = keras.Input((6, 6, 2))
    conv, excite = layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(8, 1, activation="sigmoid")
    squeeze = layers.Conv2D(3, 1, activation="relu")
    y = conv(x)
    y = layers.Multiply()([y, excite(squeeze(layers.GlobalAveragePooling2D(keepdims=True)(y)))])
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Conv2D(4, 3)(y)))))
    for layer in (conv, squeeze, excite):
        copied(layer, 0, 1)
    checked(model, 2)


def test_a_layer_that_is_called_twice():
    first, second = layers.Dense(6, activation="relu"), layers.Dense(5, activation="tanh")
    x, z = keras.Input((4,)), keras.Input((4,))
    model = weighted(keras.Model([x, z], layers.Dense(3)(layers.Concatenate()([second(first(x)), second(first(z))]))))
    copied(first, 0, 3)
    copied(second, 1, 2)
    checked(model, 2)


def test_a_shared_layer_with_differently_duplicated_inputs_is_refused_by_name():
    shared, first, second = layers.Dense(5, name="shared"), *(layers.Dense(4, activation="relu") for _ in range(2))
    x = keras.Input((4,))
    model = weighted(keras.Model(x, layers.Concatenate()([shared(first(x)), shared(second(x))])))
    copied(first, 0, 1)
    copied(second, 2, 3)
    (refusal,) = (refusal for refusal in checked(model, 0).refusals if "shared" in refusal.layer)
    assert "elsewhere" in refusal.reason


def test_nested_models_stay_nested():
    inner_input = keras.Input((8, 8, 1))
    y = layers.ReLU()(layers.BatchNormalization(name="normal")(layers.Conv2D(6, 3, name="conv")(inner_input)))
    backbone = keras.Model(inner_input, y, name="backbone")
    head = keras.Sequential(
        [layers.GlobalAveragePooling2D(), layers.Dense(5, activation="relu", name="hidden"), layers.Dense(2)],
        name="head",
    )
    x = keras.Input((8, 8, 1))
    model = weighted(keras.Model(x, head(backbone(x))))
    for layer in (backbone.get_layer("conv"), backbone.get_layer("normal"), head.get_layer("hidden")):
        copied(layer, 0, 1)
    small = checked(model, 2).model
    assert small.get_layer("backbone").get_layer("conv").filters == 5
    assert isinstance(small.get_layer("head"), keras.Sequential)


def test_a_nested_model_that_is_called_twice():
    stack = [layers.Dense(6, activation="relu"), layers.Dense(5, activation="relu")]
    twin = keras.Sequential([keras.Input((4,)), *stack], name="twin")
    x, z = keras.Input((4,)), keras.Input((4,))
    model = weighted(keras.Model([x, z], layers.Dense(2)(layers.Subtract()([twin(x), twin(z)]))))
    for layer in stack:
        copied(layer, 0, 1)
    checked(model, 2)


def test_padding_cropping_and_scaling_of_maps():
    conv = layers.Conv2D(5, 3, activation="relu")
    between = [
        layers.ZeroPadding2D(1),
        layers.Cropping2D(((1, 0), (0, 1))),
        layers.UpSampling2D(2, interpolation="bilinear"),
    ]
    model = chain((6, 6, 2), conv, *between, layers.Permute((2, 1, 3)), layers.Conv2D(4, 3))
    copied(conv, 0, 1)
    checked(model, 1)


@pytest.mark.parametrize(("padding", "removed"), [("valid", 1), ("same", 0)])
def test_a_constant_is_a_bias_where_there_is_no_border(padding, removed):
    first = layers.Conv2D(4, 3, activation="relu")
    model = chain((8, 8, 1), first, layers.Conv2D(3, 3, padding=padding, activation="relu"))
    kernel, bias = first.get_weights()
    kernel[..., 2], bias[2] = 0.0, 0.7
    first.set_weights([kernel, bias])
    checked(model, removed)


def test_constants_before_zeros_fold_into_one_constant():
    first = layers.Conv2D(5, 3, activation="relu")
    model = chain((8, 8, 1), first, layers.ZeroPadding2D(1), layers.Conv2D(3, 3))
    kernel, bias = first.get_weights()
    kernel[..., 2:], bias[2:] = 0.0, (0.7, 1.4, 0.3)
    first.set_weights([kernel, bias])
    checked(model, 2)


def test_a_dead_branch_leaves_a_constant():
    x = keras.Input((6, 6, 2))
    live, dead = layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(4, 3, activation="relu")
    y = layers.Conv2D(3, 3)(layers.Concatenate()([live(x), dead(x)]))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(y))))
    dead.set_weights([0 * dead.get_weights()[0], np.array([0.5, -1.0, 0.2, 0.3])])
    # A layer without units is none: one constant unit stays.
    checked(model, 3)


def test_the_question_without_flatten():
    """16 filters of three weights before a Dense that reads their maps as they are: three are enough."""
    x = keras.Input((8, 8, 1))
    y = layers.Dense(5, activation="relu")(layers.Conv2D(16, (3, 1))(x))
    checked(weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(y)))), 13)


def test_operators_on_tensors():
    x = keras.Input((6, 6, 2))
    first, second = (layers.Conv2D(5, 3, activation="relu") for _ in range(2))
    y = 1 - (2 * first(x) - second(x) / 3)
    y = ops.transpose(y[:, 1:, :3], (0, 2, 1, 3))
    y = ops.reshape(ops.concatenate([y, -y], axis=1), (-1, 18, 5))
    model = weighted(
        keras.Model(x, [layers.Dense(2)(layers.Flatten()(layers.Conv1D(3, 3)(y))), layers.Dense(2)(y[:, 0])])
    )
    copied(first, 0, 1)
    copied(second, 0, 1)
    checked(model, 1)


def test_what_a_normalisation_ties_stays_and_what_lies_between_does_not():
    x = keras.Input((5, 6))
    hidden, back = layers.Dense(8, activation="relu"), layers.Dense(6)
    y = layers.LayerNormalization(name="norm")(x + back(hidden(x)))
    model = weighted(keras.Model(x, layers.Dense(2)(y)))
    copied(hidden, 0, 1)
    copied(back, 0, 1)
    result = checked(model, 1)
    assert {removal.space for removal in result.removals} == {hidden.name}


def test_what_is_not_about_units_survives():
    policy = keras.DTypePolicy("mixed_float16")
    first = layers.Dense(5, dtype=policy, kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(3))
    model = weighted(keras.Sequential([keras.Input((6,)), first, layers.ReLU(), layers.Dense(2, dtype="float32")]))
    first.trainable = False
    model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"], loss_weights=[2.0])
    copied(first, 0, 1)
    small = compact(model).model
    new = small.layers[0]
    assert (new.name, new.trainable, new.dtype_policy.name) == (first.name, False, "mixed_float16")
    assert (new.kernel_regularizer.l2, new.kernel_constraint.max_value) == (first.kernel_regularizer.l2, 3)
    assert small.optimizer is not model.optimizer
    assert small.optimizer.get_config() == model.optimizer.get_config()
    x, y = np.ones((4, 6)), np.ones((4, 2))
    assert small.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-3)


def test_a_model_without_redundancy_comes_back_as_it_was():
    model = chain((4,), layers.Dense(3, activation="tanh"))
    small = compact(model).model
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), small.get_weights(), strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "mixed_bfloat16"])
def test_a_wrong_fold_is_caught_and_named(monkeypatch, dtype):
    """The last line of defence: surgery that forgets to add what it removes."""
    import redundancy.surgery as surgery

    first, x = layers.Dense(6, activation="relu", name="broken", dtype=dtype), keras.Input((4,))
    model = weighted(keras.Model(x, layers.Dense(3, dtype=dtype)(first(x))))
    copied(first, 0, 1)
    right = surgery._read

    def wrong(node, reads, source, followed, stays, folds, weights):
        right(node, reads, source, followed, stays, {}, weights)

    monkeypatch.setattr(surgery, "_read", wrong)
    with pytest.raises(VerificationError, match=r"mistake of this package.*broken: h1 = h0"):
        compact(model)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tolerance": -1.0}, "no difference of outputs"),
        ({"tolerance": float("nan")}, "no difference of outputs"),
        ({"tolerance": "1"}, "the tolerance '1' is a str, and no number"),
        ({"tolerance": True}, "is a bool, and no number"),
        ({"notions": "duplicate"}, "is one word"),
        ({"notions": []}, "nothing would be looked for: leave it out"),
        ({"notions": ["twin"]}, "no notion is called 'twin'"),
        ({"data": np.ones((3, 5))}, "the data has shape"),
        ({"data": np.ones((0, 4))}, "the data has 0 rows"),
    ],
)
def test_options_that_cannot_be(arguments, said):
    with pytest.raises(OptionError, match=said):
        compact(chain((4,), layers.Dense(3)), **arguments)


def test_what_is_no_model():
    with pytest.raises(UnsupportedError, match="a list is no model"):
        compact([1, 2])


def test_a_network_is_compacted_as_one():
    from redundancy.frameworks.keras import read

    first = layers.Dense(6, activation="relu")
    model = chain((4,), first)
    copied(first, 0, 1)
    result = redundancy.compact(read(model))
    assert (len(result.removals), result.model, result.difference) == (1, None, None)


def test_kernels_in_float64_are_told_apart_as_such():
    """An input stores nothing: it must not make the weights behind it count as float32."""
    first, second = layers.Dense(4, activation="relu"), layers.Dense(4, activation="relu")
    model = chain((3,), first, second)
    kernel, bias = (weight.astype(np.float32) for weight in second.get_weights())
    kernel[:, 1], bias[1] = 2 * kernel[:, 0], 2 * bias[0]
    kernel[0, 1] = np.nextafter(kernel[0, 1], np.float32(9))
    second.set_weights([kernel, bias])
    checked(model, 0)


def test_a_constant_is_one_whatever_is_done_to_the_others_at_each_position():
    conv = layers.Conv2D(4, 3, activation="tanh")
    x = keras.Input((5, 5, 1))
    norm = layers.BatchNormalization()
    model = weighted(keras.Model(x, layers.Dense(2)(norm(layers.Flatten()(conv(x))))))
    kernel, bias = conv.get_weights()
    kernel[..., 2] = 0.0
    conv.set_weights([kernel, bias])
    statistics = [weight.reshape(9, 4).copy() for weight in norm.get_weights()]
    for values in statistics:
        values[:, 2] = values[0, 2]
    norm.set_weights([values.reshape(-1) for values in statistics])
    checked(model, 1)


@pytest.mark.parametrize("function", ["leaky_relu", "gelu"])
def test_a_constant_of_a_function_that_is_computed_coarsely_is_no_mistake(function):
    hidden = layers.Dense(4, activation=function)
    model = chain((3,), hidden)
    kernel, bias = hidden.get_weights()
    kernel[:, 1], bias[1] = 0.0, -3.0
    hidden.set_weights([kernel, bias])
    assert len(compact(model).removals) == 1


@pytest.mark.parametrize(("pairs", "removed"), [([(0, 1)], 0), ([(0, 1), (4, 5)], 2)])
def test_what_a_grouped_convolution_reads_of_several_layers_folds_in_groups_of_one_size(pairs, removed):
    branches = [layers.Conv2D(3, 3, activation="relu") for _ in range(2)]
    x = keras.Input((6, 6, 2))
    grouped = layers.Conv2D(4, 2, groups=2)(layers.Concatenate()([branch(x) for branch in branches]))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(grouped))))
    for source, copy in pairs:
        copied(branches[source // 3], source % 3, copy % 3)
    checked(model, removed)


def test_a_model_without_finite_outputs_is_not_the_packages_mistake():
    hidden = layers.Dense(4, activation="exponential")
    model = chain((3,), hidden)
    kernel, bias = hidden.get_weights()
    bias[0] = 800
    hidden.set_weights([kernel, bias])
    copied(hidden, 0, 1)
    kernel, bias = model.layers[-1].get_weights()
    kernel[:2] = [[1.0], [-2.0]]
    model.layers[-1].set_weights([kernel, bias])
    with pytest.raises(UnsupportedError, match="cannot be verified"):
        compact(model)


def test_a_constant_in_a_map_that_is_stretched_is_no_mistake():
    conv = layers.Conv2D(4, 3, activation="relu")
    model = chain((5, 5, 1), conv, layers.UpSampling2D(2, interpolation="bilinear"), layers.Conv2D(2, 3))
    kernel, bias = conv.get_weights()
    kernel[..., 2], bias[2] = 0.0, 0.7
    conv.set_weights([kernel, bias])
    assert len(compact(model).removals) == 1


def never_a_number():
    inputs = keras.Input((3,))
    return weighted(keras.Model(inputs, layers.Dense(2)(ops.log(-1.0 - ops.abs(layers.Dense(2)(inputs))))))


def test_a_model_whose_outputs_are_no_numbers_is_refused():
    with pytest.raises(UnsupportedError, match="is infinite, or no number, wherever it was tried; give data"):
        compact(never_a_number())


def test_a_model_is_verified_on_data_where_probes_give_no_numbers():
    inputs = keras.Input((3,))
    model = weighted(keras.Model(inputs, layers.Dense(2)(ops.log(inputs - 9.0))))
    with pytest.raises(UnsupportedError, match="cannot be verified"):
        compact(model)
    assert compact(model, data=np.full((60, 3), 10.0) + np.eye(60, 3)).difference == 0.0
