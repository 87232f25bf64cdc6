"""What was found by trying to break audit and compaction."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import copied, weighted

import redundancy
from redundancy.errors import OptionError, UnsupportedError
from redundancy.fold import Holds
from redundancy.frameworks.keras import probes, read
from redundancy.layers.tying import WHOLE
from redundancy.spaces import trace


def twins(first=None, shape=(4,), batch=None):
    """A model whose first layer has two equal units."""
    first = first or layers.Dense(5, activation="relu")
    x = keras.Input(shape, batch_size=batch)
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Flatten()(first(x)))))
    copied(first, 0, 2)
    return model


def rows(count, last=0.5):
    data = np.random.default_rng(0).normal(size=(count, 4))
    data[-1, -1] = last
    return data


def test_a_layer_that_keeps_its_state_is_run_in_batches_of_its_own_size():
    x = keras.Input((5, 3), batch_size=6)
    dense = layers.Dense(4)
    model = weighted(keras.Model(x, layers.Dense(2)(dense(layers.GRU(4, stateful=True)(x)))))
    copied(dense, 0, 2)
    small = redundancy.compact(model)
    assert small.removals
    assert small.model.input_shape == (6, 5, 3)


@pytest.mark.parametrize("count", [60, 61, 62])
def test_data_need_not_fill_the_batches_of_a_model_that_fixes_their_size(count):
    small = redundancy.compact(twins(batch=3), data=rows(count))
    assert small.removals
    assert small.difference < 1e-5


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("use", [redundancy.compact, redundancy.audit])
def test_data_that_is_no_number_is_refused(use, number):
    with pytest.raises(OptionError, match="NaN or infinite"):
        use(twins(), data=rows(60, number))


@pytest.mark.parametrize("dtype", [str, complex, "datetime64[s]"])
def test_data_of_no_real_numbers_is_refused(dtype):
    with pytest.raises(OptionError, match="no real numbers"):
        redundancy.compact(twins(), data=np.ones((60, 4), int).astype(dtype))


def test_data_of_ragged_rows_is_refused():
    with pytest.raises(OptionError, match="different lengths"):
        redundancy.compact(twins(), data=[[[1.0, 2.0], [3.0]]])


def test_data_under_which_values_overflow_fits_nothing():
    model = twins(layers.Dense(5, kernel_initializer="ones"))
    model.layers[1].set_weights([np.full((4, 5), 1e3, "float32"), np.arange(5, dtype="float32")])
    found = redundancy.audit(model, data=np.full((60, 4), 1e37, "float32"))
    assert all(finding.certainty != "on data" for finding in found.findings)


@pytest.mark.parametrize("box", [3, "ab", (0,), (0, 1, 2), {"x": 3}])
def test_a_box_that_is_no_pair_is_refused(box):
    with pytest.raises(OptionError, match="no pair"):
        redundancy.compact(twins(), box=box)


@pytest.mark.parametrize("tolerance", ["a", None, 1j, [0.1]])
def test_a_tolerance_that_is_no_number_is_refused(tolerance):
    with pytest.raises(OptionError, match="tolerance"):
        redundancy.compact(twins(), tolerance=tolerance)


def test_notions_that_are_no_list_are_refused():
    with pytest.raises(OptionError, match="no list"):
        redundancy.audit(twins(), notions=5)


@pytest.mark.parametrize("shared", [[3], [1, 2, 3]])
def test_slopes_that_all_units_share_are_not_counted_as_saved(shared):
    x = keras.Input((5, 5, 2))
    first = layers.Conv2D(5, 3)
    model = weighted(keras.Model(x, layers.Conv2D(2, 2)(layers.PReLU(shared_axes=shared)(first(x)))))
    copied(first, 0, 2)
    assert redundancy.audit(model).after.parameters == redundancy.compact(model).parameters_after


def test_a_bias_that_a_layer_gains_is_counted():
    x = keras.Input((4,))
    first = layers.Dense(5, activation="relu")
    model = weighted(keras.Model(x, layers.Dense(3, use_bias=False)(first(x))))
    first.set_weights([first.get_weights()[0] * (np.arange(5) > 0), np.ones(5, "float32")])
    assert redundancy.audit(model).after.parameters == redundancy.compact(model).parameters_after


@pytest.mark.parametrize("use", [redundancy.compact, redundancy.audit])
def test_data_that_the_model_does_not_run_on_is_refused(use):
    model = weighted(keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(4, 3), layers.Dense(2)]))
    with pytest.raises(OptionError, match=r"holds 8, and layer .* knows 0 to 3"):
        use(model, data=np.full((60, 3), 8))


def test_a_layer_may_be_called_as_several_others_are_together():
    x = keras.Input((4,))
    one, other, third = (layers.Dense(5, activation="relu", name=name) for name in ("a", "b", "a+b"))
    model = weighted(
        keras.Model(x, [layers.Dense(2)(layers.Add()([one(x), other(x)])), layers.Dense(2)(third(x))]),
    )
    for layer in (one, other, third):
        copied(layer, 0, 2)
    assert len({removal.space for removal in redundancy.compact(model).removals}) == 2


def test_a_layer_that_is_called_inside_a_model_and_outside_of_it_is_refused():
    shared = layers.Dense(4, name="shared")
    inside, x = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(inside, layers.Dense(3)(shared(inside)), name="inner")
    with pytest.raises(UnsupportedError, match="'shared' and 'inner/shared' share their weight"):
        redundancy.compact(keras.Model(x, inner(shared(x))))


def test_an_equation_that_makes_units_in_no_single_way_is_audited():
    x = keras.Input((5, 6))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.EinsumDense("abf,bfg->abg", (5, 4))(x))))
    assert redundancy.audit(model).before.parameters == model.count_params()


class Noisy(keras.layers.Layer):
    """Adds noise in inference, from no fixed seed; its own arguments leave out its name."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        return inputs + self.scale * keras.random.normal(keras.ops.shape(inputs))


def noisy(scale):
    first, x = layers.Dense(5, activation="relu"), keras.Input((4,))
    model = weighted(keras.Model(x, Noisy(scale, name="noisy")(layers.Dense(2)(first(x)))))
    copied(first, 0, 2)
    return model


def test_a_model_that_is_random_in_inference_is_refused_and_no_mistake_of_ours():
    with pytest.raises(UnsupportedError, match="does not compute the same twice"):
        redundancy.compact(noisy(1.0))


def test_a_layer_whose_configuration_leaves_out_its_name_keeps_it():
    assert redundancy.compact(noisy(0.0)).model.get_layer("noisy").scale == 0.0


class Scaled(keras.layers.Layer):
    """Has no arguments of its own: its configuration then leaves out its name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, shape):
        self.factor = self.add_weight(shape=shape[-1:], initializer="ones", name="factor")

    def call(self, x):
        return x * self.factor


def test_a_layer_without_arguments_of_its_own_keeps_its_name():
    first, x = layers.Dense(5, activation="relu"), keras.Input((4,))
    model = weighted(keras.Model(x, layers.Dense(2)(Scaled(name="own")(layers.Dense(3)(first(x))))))
    copied(first, 0, 2)
    small = redundancy.compact(model).model
    assert np.array_equal(small.get_layer("own").factor, model.get_layer("own").factor)


def test_a_function_without_a_name_stays_where_it_is():
    doubled = layers.Lambda(lambda x: 2 * x)
    x = keras.Input((4,))
    dense = layers.Dense(5, activation=lambda x: keras.ops.sin(x))
    later = layers.Dense(4, activation="relu")
    model = weighted(keras.Model(x, layers.Dense(2)(later(dense(doubled(x))))))
    copied(later, 0, 2)
    small = redundancy.compact(model)
    assert [removal.unit for removal in small.removals] == [2]
    assert small.model.get_layer(dense.name).activation is dense.activation


def test_what_folds_behind_what_was_measured_is_measured_too():
    """Of units in groups nothing is measured: twins but for what a dead unit gives them are found when that is gone."""
    first, second = (layers.Conv1D(4, 1, activation="relu") for _ in range(2))
    x = keras.Input((3, 4))
    model = weighted(keras.Model(x, layers.Flatten()(layers.Conv1D(4, 1, groups=2)(second(first(x))))))
    kernel, bias = first.get_weights()
    kernel[..., 0], bias[0] = -np.abs(kernel[..., 0]), -1
    first.set_weights([kernel, bias])
    for twin, of in ((1, 0), (3, 2)):
        copied(second, of, twin)
        kernel, bias = second.get_weights()
        kernel[0, 0, twin] += 1
        second.set_weights([kernel, bias])
    small = redundancy.compact(model, data=np.abs(np.random.default_rng(0).normal(size=(60, 3, 4))))
    of_groups = [removal for removal in small.removals if removal.space.startswith(second.name)]
    assert len(of_groups) == 2
    assert {removal.holds for removal in small.removals} == {Holds.DATA}


def wide():
    """A model of maps of any size, which are wrong where they are 8 wide: Keras adds the bias to rows then."""
    free = layers.Conv2D(8, 3, padding="same", data_format="channels_first", activation="relu")
    x = keras.Input((2, None, None))
    last = layers.Conv2D(3, 3, padding="same", data_format="channels_first")
    model = weighted(keras.Model(x, last(free(x))))
    copied(free, 0, 2)
    return model


def test_maps_that_are_as_wide_as_they_have_channels_are_not_tried():
    assert [removal.unit for removal in redundancy.compact(wide()).removals] == [2]


def test_data_of_maps_that_are_as_wide_as_they_have_channels_are_refused():
    with pytest.raises(OptionError, match="as wide as they have channels"):
        redundancy.compact(wide(), data=np.ones((60, 2, 8, 8), "float32"))


@pytest.mark.parametrize("use", [redundancy.compact, redundancy.audit])
def test_a_handful_of_rows_says_nothing_of_others(use):
    with pytest.raises(OptionError, match="the data have 3 rows"):
        use(twins(), data=rows(3))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_trained_model_goes_on_where_it_was(tmp_path, policy):
    model = twins(layers.Dense(5, activation="relu", dtype=policy))
    slower = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    model.compile(keras.optimizers.Adam(slower), "mse")
    model.fit(rows(8), np.zeros((8, 2)), batch_size=2, verbose=0)
    copied(model.layers[1], 0, 2)
    small = redundancy.compact(model).model
    assert small.optimizer.iterations == model.optimizer.iterations == 4
    small.save(tmp_path / "small.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")  # a warning of another state is an error here
    assert loaded.optimizer.iterations == 4


def test_equal_units_before_a_function_that_is_not_looked_at_are_called_equal():
    dense = layers.Dense(5, activation="relu")
    model = weighted(keras.Sequential([keras.Input((4,)), dense, layers.Lambda(lambda x: 2 * x), layers.Dense(3)]))
    copied(dense, 0, 2)
    (finding,) = redundancy.audit(model).findings
    assert (finding.notion, finding.certainty, finding.equations) == ("duplicate", "proved", ("h2 = h0 (duplicate)",))
    assert not finding.removable


def test_what_is_only_alike_is_not_listed_where_notions_are_named():
    dense = layers.Dense(5, activation="relu")
    model = twins(dense)
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel * [1, 1, 2, 1, 1], bias * [1, 1, 2, 1, 1]])
    assert [finding.notion for finding in redundancy.audit(model).findings] == ["scaled"]
    assert redundancy.audit(model, notions=["duplicate"]).findings == ()


def test_only_the_fold_that_keras_would_compute_wrongly_is_refused():
    """Without one of its 6 units the layer would have as many channels as its map is wide."""
    first = layers.Conv2D(6, 1, data_format="channels_first", activation="relu")
    second = layers.Conv2D(4, 1, data_format="channels_first", activation="relu")
    x = keras.Input((2, 5, 5))
    last = layers.Conv2D(3, 1, data_format="channels_first")
    model = weighted(keras.Model(x, last(second(first(x)))))
    copied(first, 0, 2)
    copied(second, 0, 2)
    small = redundancy.compact(model)
    assert [removal.space for removal in small.removals] == [second.name]
    assert [refusal.layer for refusal in small.refusals] == [first.name]


def test_a_reshape_is_followed_where_channels_come_first():
    """Surgery changes the shape that it has, not the target that it was given."""
    first, x = layers.Dense(6, activation="relu"), keras.Input((4,))
    conv = layers.Conv2D(3, 1, data_format="channels_first")
    model = weighted(keras.Model(x, conv(layers.Reshape((6, 1, 1))(first(x)))))
    copied(first, 0, 2)
    small = redundancy.compact(model)
    assert small.difference < 1e-6


def test_what_reads_nothing_but_constants_is_constant():
    """Behind a function none of whose units stays, there is nothing to be made of."""
    first, second, x = layers.Dense(3, activation="relu"), layers.Dense(12, activation="relu"), keras.Input((4,))
    model = weighted(keras.Model(x, layers.Dense(2)(second(first(x)))))
    first.set_weights([np.zeros((4, 3)), np.ones(3)])
    assert len(redundancy.compact(model).removals) >= 11


@pytest.mark.parametrize(("dtype", "variance"), [("float32", 1e-16), ("float16", 1e-6), ("bfloat16", 1e-4)])
@pytest.mark.parametrize("units", [6, 20])
def test_weights_that_are_small_beside_others_tell_units_apart(dtype, variance, units):
    """Behind a normalisation the weights of one input are enormous, and its values small: the others decide."""
    x = keras.Input((6,), dtype=dtype)
    normal = layers.Normalization(mean=np.zeros(6), variance=[variance, 1, 1, 1, 1, 1], dtype=dtype)
    y = layers.Dense(units, activation="relu", dtype=dtype)(normal(x))
    model = weighted(keras.Model(x, layers.Dense(3, dtype=dtype)(y)))
    assert redundancy.compact(model).removals == ()


def test_units_at_two_readers_are_not_taken_for_each_other():
    x = keras.Input((6,), dtype="float16")
    first, second, both = (layers.Dense(n, dtype="float16") for n in (10, 10, 20))
    a, b, c = first(x), second(x), both(x)
    total = layers.Add(dtype="float16")([layers.Concatenate(dtype="float16")([a, b]), c])
    model = weighted(keras.Model(x, [layers.Dense(4, dtype="float16")(y) for y in (a, b, total)]))
    kernels = [layer.get_weights()[0] for layer in (first, second, both)]
    kernels[1][:, 3], kernels[2][:, 13] = kernels[0][:, 3], kernels[2][:, 3]
    for layer, kernel in zip((first, second, both), kernels, strict=True):
        layer.set_weights([kernel, np.zeros(len(kernel[0]))])
    assert redundancy.compact(model).removals == ()


def test_a_model_that_gathers_gradients_is_compacted():
    model = twins()
    model.compile(keras.optimizers.Adam(gradient_accumulation_steps=2), "mse")
    model.fit(rows(8), np.zeros((8, 2)), batch_size=2, verbose=0)
    small = redundancy.compact(model).model
    assert small.optimizer.iterations == model.optimizer.iterations == 2


@pytest.mark.parametrize("function", ["relu", "linear"])
def test_equal_weights_that_are_enormous_make_no_units_equal(function):
    """Where the input with the enormous weight is zero, the others are all there is."""
    x = keras.Input((6,))
    first, second = layers.Dense(6), layers.Dense(5, activation=function)
    model = weighted(keras.Model(x, layers.Dense(3)(second(first(x)))))
    first.set_weights([np.diag([1e14, 1, 1, 1, 1, 1]), np.zeros(6)])
    kernel, bias = second.get_weights()
    kernel[0] = 1
    second.set_weights([kernel, bias])
    assert redundancy.compact(model).removals == ()


def test_axes_of_a_transposition_may_be_counted_from_the_end():
    x = keras.Input((6, 4))
    dense = layers.Dense(8)
    model = weighted(keras.Model(x, layers.Dense(2)(keras.ops.transpose(dense(x), (0, -1, 1)))))
    assert redundancy.compact(model).model.output_shape == (None, 8, 2)
    x = keras.Input((6, 4))
    turned = keras.ops.transpose(keras.ops.transpose(dense(x), (0, -1, -2)), (-3, -1, 1))
    model = weighted(keras.Model(x, layers.Dense(2)(layers.ReLU()(turned))))
    copied(dense, 0, 2)
    assert len(redundancy.compact(model).removals) == 1


@pytest.mark.parametrize(("shape", "wide", "target"), [((6, 4), 8, (-1, 8)), ((12,), 12, (-1, 3, 8))])
def test_a_reshape_that_moves_values_into_the_batch_is_named_and_kept(shape, wide, target):
    x = keras.Input(shape)
    dense = layers.Dense(wide)
    model = weighted(keras.Model(x, layers.Dense(2)(keras.ops.reshape(dense(x), target))))
    copied(dense, 0, 2)
    small = redundancy.compact(model)
    assert not small.removals
    assert "moves values from one row of the batch to another" in small.refusals[0].reason
    assert redundancy.audit(model).refusals


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_units_that_are_alike_behind_one_number_for_each_go_under_a_tolerance():
    first, last = layers.Dense(6), layers.Dense(2)
    x = keras.Input((4,))
    hidden = layers.ReLU()(layers.Rescaling([1.0, 1.0, 2.0, 3.0, 4.0, 5.0])(first(x)))
    model = weighted(keras.Model(x, last(hidden)))
    copied(first, 0, 1)
    kernel, bias = first.get_weights()
    kernel[0, 1] += 0.001
    first.set_weights([kernel, bias])
    small = redundancy.compact(model, tolerance=0.5, box=(0, 1))
    assert "near-duplicate" in {removal.why for removal in small.removals}
    assert 0 < small.bound < 0.01


def test_a_frozen_model_comes_back_with_frozen_inputs():
    model = twins()
    model.trainable = False
    small = redundancy.compact(model).model
    assert [layer.trainable for layer in small.layers] == [layer.trainable for layer in model.layers]


WORDS = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 0]] * 4)


def gated(join, words=10, mask_zero=True, wrap=lambda layer: layer):
    """A masked sequence and one without a mask, joined unit by unit; the sequence's layer, and the other's."""
    x, c = keras.Input((5,), dtype="int32"), keras.Input((5, 4))
    first, gate = layers.Dense(6), layers.Dense(6)
    seen = first(wrap(layers.Embedding(words, 3, mask_zero=mask_zero))(x))
    return weighted(keras.Model([x, c], layers.Dense(2)(join([seen, gate(c)])))), first, gate


def constant(layer, unit, value):
    """Makes a unit of a dense layer one number."""
    kernel, bias = layer.get_weights()
    kernel[:, unit], bias[unit] = 0, value
    layer.set_weights([kernel, bias])


def outputs_kept(model, small, *inputs):
    np.testing.assert_allclose(model(list(inputs)), small.model(list(inputs)), rtol=1e-5, atol=1e-5)


def inside_a_model(layer):
    """A layer in a model of its own, of which Keras records no mask."""
    x = keras.Input((5,), dtype="int32")
    return keras.Model(x, layer(x))


class Inside(keras.layers.Layer):
    """A layer in another, of which Keras records no mask."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def build(self, shape):
        self.layer.build(shape)

    def call(self, x):
        return self.layer(x)


class Marking(keras.layers.Layer):
    """Puts a mask of its own on what it returns; Keras records none."""

    def __init__(self, layer):
        super().__init__()
        layer.mask_zero = False
        self.layer = layer

    def build(self, shape):
        self.layer.build(shape)

    def call(self, x):
        out = self.layer(x)
        out._keras_mask = x > 0
        return out


@pytest.mark.parametrize("wrap", [lambda layer: layer, inside_a_model, Inside, Marking])
@pytest.mark.parametrize("join", [layers.Multiply, layers.Maximum, layers.Minimum])
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_mask_makes_constants_of_a_joined_sequence_none(join, value, wrap):
    """Keras puts 1, or what is joined, where a sequence is masked."""
    model, first, gate = gated(join(), wrap=wrap)
    constant(first, 1, value)
    constant(gate, 1, 0.5)
    small = redundancy.audit(model)
    assert not any(finding.removable for finding in small.findings)


@pytest.mark.parametrize("join", [layers.Multiply, layers.Maximum, layers.Minimum])
def test_units_that_are_equal_go_under_a_mask(join):
    model, first, gate = gated(join())
    copied(first, 0, 1)
    copied(gate, 0, 1)
    small = redundancy.compact(model)
    assert len(small.removals) == 1
    outputs_kept(model, small, WORDS, np.random.default_rng(0).normal(size=(8, 5, 4)).astype("float32"))


@pytest.mark.parametrize("join", [lambda pair: pair[0] * pair[1], layers.Add()])
def test_what_reads_no_mask_is_followed_as_before(join):
    model, first, gate = gated(join)
    constant(first, 1, 0.0)
    constant(gate, 1, 0.0)
    small = redundancy.compact(model)
    assert len(small.removals) == 1
    outputs_kept(model, small, WORDS, np.ones((8, 5, 4), "float32"))


def test_a_product_that_no_mask_reaches_is_followed_as_before():
    x = keras.Input((5,), dtype="int32")
    seen = layers.LSTM(3)(layers.Embedding(10, 3, mask_zero=True)(x))
    first, gate = layers.Dense(6), layers.Dense(6)
    model = weighted(keras.Model(x, layers.Dense(2)(layers.Multiply()([first(seen), gate(seen)]))))
    constant(first, 1, 0.0)
    assert [removal.unit for removal in redundancy.compact(model).removals] == [1]


@keras.saving.register_keras_serializable("attacks")
class Unsaid(layers.Layer):
    """Computes with a number that is in no configuration and in no weight."""

    factor = 1.0

    def call(self, x):
        return x * self.factor


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_float16", "mixed_bfloat16"])
def test_what_a_layer_keeps_to_itself_is_refused(dtype):
    x = keras.Input((4,))
    first, unsaid = layers.Dense(5, activation="relu", dtype=dtype), Unsaid(name="unsaid", dtype=dtype)
    model = weighted(keras.Model(x, unsaid(layers.Dense(3, dtype=dtype)(first(x)))))
    copied(first, 0, 2)
    assert redundancy.compact(model).removals
    unsaid.factor = 3.0
    with pytest.raises(UnsupportedError, match=r"get_config.*'unsaid'") as refusal:
        redundancy.compact(model)
    assert "\n" not in str(refusal.value)


def test_a_normalization_that_computes_with_what_it_held_before_is_refused():
    first, known = layers.Dense(5, activation="relu"), layers.Normalization()
    known.adapt(np.random.default_rng(0).normal(size=(99, 4)))
    model = keras.Sequential([keras.Input((4,)), known, first, layers.Dense(2)])
    copied(first, 0, 2)
    assert redundancy.compact(model).removals
    mean, *others = model.get_weights()
    model.set_weights([mean + 3, *others])
    with pytest.raises(UnsupportedError, match="set_weights on a Normalization"):
        redundancy.compact(model)
    known.finalize_state()
    assert redundancy.compact(model).removals


@pytest.mark.parametrize("factor", [1.0, 1e6])
def test_a_large_output_hides_no_change_of_a_small_one_on_data(factor):
    x = keras.Input((4,))
    first, small, large = layers.Dense(5), layers.Dense(1, name="small"), layers.Dense(2, name="large")
    model = weighted(keras.Model(x, [large(layers.Dense(3)(x)), small(first(x))]))
    kernel = first.get_weights()[0]
    kernel[:, 0] = [2e-4, 0, 0, 0]
    first.set_weights([kernel, np.array([1e3, 0, 0, 0, 0], "float32")])
    small.set_weights([np.array([[1], [1e-5], [1e-5], [1e-5], [1e-5]], "float32"), np.array([-1e3], "float32")])
    large.set_weights([factor * large.get_weights()[0], large.get_weights()[1]])
    data = rows(400).astype("float32")
    compacted = redundancy.compact(model, data=data)
    before, after = (np.asarray(each(data)[1]) for each in (model, compacted.model))
    assert np.abs(before - after).max() < 0.3 * np.abs(before).max()


SCALES = np.array([1, 1, 2, 3, 4, 5], "float32")
WITH_AN_ARRAY = {
    "x * array": lambda x: x * SCALES,
    "array * x": lambda x: keras.ops.multiply(SCALES.reshape(1, 1, 6), x),
    "x / array": lambda x: x / SCALES,
    "x / whole numbers": lambda x: x / np.array([3, 3, 7, 9, 11, 13]),
    "x + array": lambda x: x + SCALES,
    "x - array": lambda x: x - SCALES.astype("int32"),
    "array - x": lambda x: keras.ops.subtract(SCALES, x),
}


@pytest.mark.parametrize("words", [10, 20_000])
@pytest.mark.parametrize("operation", WITH_AN_ARRAY.values(), ids=WITH_AN_ARRAY)
def test_an_operation_with_an_array_hands_on_no_mask_afterwards(operation, words):
    """It stays an operation: a layer in its place would tell the LSTM of the mask."""
    x, seen = keras.Input((5,), dtype="int32"), layers.Embedding(words, 6, mask_zero=True)
    model = weighted(keras.Model(x, layers.LSTM(3)(operation(seen(x)))))
    copied(seen, 0, 1)
    small = redundancy.compact(model)
    assert len(small.removals) == 1
    np.testing.assert_allclose(model(WORDS), small.model(WORDS), atol=1e-6)
    assert [type(a) for a in model.operations] == [type(b) for b in small.model.operations]


def test_an_operation_with_an_array_is_cut_where_channels_come_first_by_default():
    x, first = keras.Input((5, 5, 2)), layers.Conv2D(6, 3, activation="relu", data_format="channels_last")
    model = weighted(keras.Model(x, layers.Dense(2)(first(x) * SCALES)))
    copied(first, 0, 1)
    keras.config.set_image_data_format("channels_first")
    try:
        assert len(redundancy.compact(model).removals) == 1
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_model_that_is_called_twice_keeps_one_array():
    inside = keras.Input((6,))
    inner = keras.Model(inside, inside * SCALES)
    x, first, second = keras.Input((4,)), layers.Dense(6), layers.Dense(6)
    model = weighted(keras.Model(x, [layers.Dense(2)(inner(first(x))), layers.Dense(2)(inner(second(x)))]))
    copied(first, 0, 1)
    copied(second, 4, 5)
    small = redundancy.compact(model)
    for before, after in zip(model(rows(8)), small.model(rows(8)), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-5)


def wrapping(dtype, made, signs):
    """Twins, if what is made of whole numbers were of real ones: cancelled by what reads the numbers themselves."""
    given = [keras.Input((4,), dtype=dtype) for _ in signs]
    dense = [layers.Dense(6) for _ in range(len(signs) + 1)]
    seen = [layers.Rescaling(1.0)(tensor) for tensor in (made(*given), *given)]
    joined = layers.Add()([layer(tensor) for layer, tensor in zip(dense, seen, strict=True)])
    model = weighted(keras.Model(given, layers.Dense(3)(layers.ReLU()(joined))))
    for layer, sign in zip(dense[1:], signs, strict=True):
        kernel, bias = layer.get_weights()
        kernel[:, :2] = -sign * dense[0].get_weights()[0][:, :2]
        layer.set_weights([kernel, bias])
    return model


WRAPS = {
    "Subtract": (lambda a, b: layers.Subtract()([a, b]), (1, -1)),
    "Add": (lambda a, b: layers.Add()([a, b]), (1, 1)),
    "a + b": (lambda a, b: a + b, (1, 1)),
    "2 * a": (lambda a: 2 * a, (2,)),
    "a + 100": (lambda a: a + 100, (1,)),
    "-a": (lambda a: -a, (-1,)),
    "2 * Add": (lambda a, b: 2 * layers.Add()([a, b]), (2, 2)),
    "Add of slices": (lambda a: layers.Add()([layers.Reshape((4,))(a), a[:, :]]), (2,)),
}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32"])
@pytest.mark.parametrize(("made", "signs"), WRAPS.values(), ids=WRAPS)
def test_sums_of_whole_numbers_wrap_around_and_are_not_followed(made, signs, dtype):
    assert redundancy.audit(wrapping(dtype, made, signs)).findings == ()


def test_a_sum_of_whole_numbers_is_named():
    x, first = keras.Input((4,)), layers.Dense(6)
    whole = keras.ops.cast(first(x), "int8")
    model = weighted(keras.Model(x, layers.Dense(3)(layers.Add(name="sum")([whole, whole]))))
    copied(first, 0, 1)
    assert redundancy.compact(model).removals == ()
    assert any(pin.reason == WHOLE for space in trace(read(model)).spaces for pin in space.pins)


FLOATS = {
    "a / 255": lambda a: a / 255,
    "a * 0.5": lambda a: a * 0.5,
    "a cast": lambda a: 2.0 * keras.ops.cast(a, "float32"),
    "Rescaling": lambda a: layers.Rescaling(2.0)(a),
}


@pytest.mark.parametrize("made", FLOATS.values(), ids=FLOATS)
def test_whole_numbers_that_become_floating_ones_are_followed(made):
    x, first = keras.Input((4,), dtype="uint8"), layers.Dense(6)
    y = made(x)
    model = weighted(keras.Model(x, layers.Dense(3)(layers.ReLU()(layers.Add()([first(y), first(y)])))))
    copied(first, 0, 1)
    assert len(redundancy.compact(model).removals) == 1


def test_a_token_that_is_masked_is_among_what_is_tried():
    x = keras.Input((5,), dtype="int32")
    model = keras.Model(x, layers.LSTM(2)(layers.Embedding(20_000, 3, mask_zero=True)(x)))
    (tokens,) = next(probes.probes(read(model)))
    assert (tokens == 0).any(axis=1).sum() == len(tokens) // 2
    assert (tokens != 0).any(axis=1).all()
