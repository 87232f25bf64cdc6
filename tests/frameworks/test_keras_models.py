"""Whole models: read, written back, and equal to the bit in what they compute."""

import random

import numpy as np
import pytest

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras import evaluate, read, write


@pytest.fixture(autouse=True, scope="module")
def _keras():
    # Imported for the first test, so that collecting them does not take the time that this takes.
    global keras, layers
    import keras
    from keras import layers


def my_dense(units, **config):
    class MyDense(layers.Dense):
        """Not Dense: it doubles what Dense computes."""

        def call(self, inputs):
            return 2.0 * super().call(inputs)

    return MyDense(units, **config)


def cubed(x):
    return x**3


def outputs_of(model, *inputs):
    given = keras.tree.pack_sequence_as(0 if isinstance(model, keras.Sequential) else model.input, list(inputs))
    return [np.asarray(keras.ops.convert_to_numpy(y)) for y in keras.tree.flatten(model(given, training=False))]


def randomized(model, seed=0):
    """The model with weights, statistics included, that are not what it began with."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(rng.uniform(0.1, 1.0, variable.shape) * rng.choice([1.0, 0.5], variable.shape))
    return model


def inputs_of(model, rows=3):
    rng = np.random.default_rng(1)
    return [rng.normal(size=(rows, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]


def same_again(model):
    """Reads and writes a model, compares what both compute, and returns (network, the new model)."""
    network = read(randomized(model))
    again = write(network)
    x = inputs_of(model)
    for before, after in zip(outputs_of(model, *x), outputs_of(again, *x), strict=True):
        np.testing.assert_array_equal(before, after)
    assert [v.path.split("/")[-1] for v in again.weights] == [v.path.split("/")[-1] for v in model.weights]
    return network, again


def sequential(*stack, shape):
    return keras.Sequential([keras.Input(shape), *stack], name="stack")


def functional(outputs, shape=(4,)):
    x = keras.Input(shape, name="x")
    return keras.Model(x, outputs(x), name="graph")


def kinds(network):
    return [node.kind for node in network]


STACKS = {
    "dense": lambda: [layers.Dense(3, activation="tanh"), layers.Dense(2, use_bias=False)],
    "leaky argument": lambda: [layers.Dense(3, activation="leaky_relu"), layers.Dense(3, activation="elu")],
    "activation layers": lambda: [
        layers.Activation("leaky_relu"),
        layers.LeakyReLU(),
        layers.ELU(0.5),
        layers.Softmax(),
    ],
    "rectifiers": lambda: [layers.ReLU(), layers.ReLU(6), layers.ReLU(negative_slope=0.1)],
    "other rectifiers": lambda: [layers.ReLU(max_value=3), layers.ReLU(threshold=0.5), layers.PReLU()],
    "normalisation": lambda: [layers.BatchNormalization(), layers.Dropout(0.5), layers.LayerNormalization()],
    "no gain": lambda: [layers.BatchNormalization(scale=False), layers.BatchNormalization(center=False, epsilon=0.1)],
}
IMAGES = {
    "convolution": lambda: [
        layers.Conv2D(4, (3, 2), strides=(2, 1), activation="relu"),
        layers.Conv2D(2, 2, padding="same"),
    ],
    "dilated": lambda: [layers.Conv2D(4, 3, dilation_rate=2, use_bias=False), layers.Conv2D(4, 1, groups=2)],
    "pooling": lambda: [layers.MaxPooling2D((2, 1)), layers.AveragePooling2D(2, strides=1, padding="same")],
    "global maximum": lambda: [layers.Conv2D(3, 3), layers.GlobalMaxPooling2D(keepdims=True), layers.Flatten()],
    "global mean": lambda: [layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)],
    "channels first": lambda: [layers.BatchNormalization(axis=1), layers.Flatten(data_format="channels_first")],
    "dense on maps": lambda: [layers.Dense(3, activation="softmax"), layers.Softmax(axis=1), layers.Flatten()],
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_vectors_comes_back(name):
    stack = STACKS[name]()
    _, again = same_again(sequential(*stack, shape=(4,)))
    assert isinstance(again, keras.Sequential)
    assert again.name == "stack"
    assert [layer.name for layer in again.layers] == [layer.name for layer in stack]


@pytest.mark.parametrize("name", IMAGES)
def test_a_stack_of_maps_comes_back(name):
    stack = IMAGES[name]()
    _, again = same_again(sequential(*stack, shape=(6, 6, 2)))
    assert [layer.name for layer in again.layers] == [layer.name for layer in stack]


def test_a_residual_branch_and_a_concatenation():
    def graph(x):
        h = layers.Dense(4, activation="relu")(x)
        return layers.Dense(2)(layers.Concatenate(axis=1)([layers.Add()([x, h]), h]))

    network, _ = same_again(functional(graph))
    assert kinds(network) == ["input", "dense", "activation", "add", "concatenate", "dense"]
    assert network[network.nodes[4].name].config["axis"] == 0


def test_a_layer_that_is_called_twice_has_two_nodes_and_one_set_of_weights():
    shared = layers.Dense(4, activation="relu", name="shared")
    network, again = same_again(functional(lambda x: layers.Dense(2)(shared(shared(x)))))
    names = ["x", "shared", "shared/activation", "shared/1", "shared/1/activation"]
    assert [node.name for node in network][:-1] == names
    assert [node.layer for node in network][1:-1] == ["shared"] * 4
    assert network.parameters == again.count_params() == 30


def test_operations_on_tensors_have_kinds_and_come_back():
    def graph(x):
        h = layers.Dense(4)(x) + x
        return keras.ops.reshape(h * 2.0 + 1.0, (-1, 2, 2))[:, 0]

    network, _ = same_again(functional(graph))
    assert kinds(network) == ["input", "dense", "add", "affine", "affine", "reshape", "slice"]


def test_sums_that_broadcast_come_back():
    network, _ = same_again(functional(lambda x: layers.Dense(1)(x) + x))
    assert kinds(network)[-1] == "add"


def test_several_inputs_and_outputs_keep_their_order_and_names():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    h = layers.Dense(2)(a)
    model = keras.Model({"b": b, "a": a}, {"z": h, "y": h + b, "w": h})
    network, again = same_again(model)
    assert len(network.outputs) == 3
    assert network.outputs[0] == network.outputs[2]
    assert set(again.output) == {"w", "y", "z"}
    assert set(again.input) == {"a", "b"}


def test_a_call_with_several_outputs():
    network, _ = same_again(functional(lambda x: list(keras.ops.split(x, 2, axis=1))))
    assert kinds(network) == ["input", "Split", "output", "output"]
    assert network.outputs == ("split/output/0", "split/output/1") or network.outputs[0].endswith("/output/0")


def test_a_nested_model_is_read_and_comes_back_nested():
    inner = keras.Sequential([keras.Input((4,)), my_dense(3, name="mine"), layers.BatchNormalization()], name="inner")
    inner.layers[1].trainable = False
    network, again = same_again(functional(lambda x: layers.Dense(2)(inner(x))))
    assert network["inner/mine"].kind == "MyDense"
    assert isinstance(again.get_layer("inner"), keras.Sequential)
    assert not again.get_layer("inner").layers[1].trainable


def test_a_subclass_of_a_known_layer_is_unknown():
    network, _ = same_again(sequential(my_dense(3, name="mine"), shape=(4,)))
    assert network["mine"].kind == "MyDense"


@pytest.mark.parametrize("kind", ["Dense", "Activation"])
def test_a_function_of_the_users_own_is_unknown_and_comes_back(kind):
    layer = layers.Dense(3, activation=cubed) if kind == "Dense" else layers.Activation(cubed)
    network, again = same_again(sequential(layer, shape=(4,)))
    assert network[layer.name].kind == kind
    assert again.layers[0].activation is cubed


def test_a_function_called_like_kerass_own_is_not_taken_for_it():
    def relu(x):
        return x + 1.0

    network = read(sequential(layers.Dense(2, activation=relu, name="d"), shape=(2,)))
    assert network["d"].kind == "Dense"
    with pytest.raises(UnsupportedError, match=r"cannot write layer 'd' .* 'relu' is called like one of Keras's own"):
        write(network)


@pytest.mark.parametrize("training", [True, False])
def test_a_call_that_fixes_the_mode_keeps_it(training):
    network, _ = same_again(functional(lambda x: layers.BatchNormalization(name="n")(x, training=training)))
    assert network["n"].kind == ("BatchNormalization" if training else "batch_normalization")


def test_a_call_with_a_mask_is_unknown():
    network, _ = same_again(functional(lambda x: layers.Softmax(name="s")(x, x > 0.0)))
    assert network["s"].kind == "Softmax"


@pytest.mark.parametrize("alter", [lambda d: d.enable_lora(2), lambda d: d.quantize("int8")], ids=["lora", "int8"])
def test_a_layer_whose_weights_were_altered_is_unknown_and_comes_back(alter):
    model = sequential(layers.Dense(4, name="d"), layers.Dense(2), shape=(8,))
    alter(model.layers[0])
    network, x = read(model), inputs_of(model)
    assert network["d"].kind == "Dense"
    np.testing.assert_array_equal(outputs_of(write(network), *x)[0], outputs_of(model, *x)[0])


def test_masks_reach_the_layers_that_use_them():
    model = sequential(layers.Masking(), layers.LSTM(3, return_sequences=True), layers.Dense(2), shape=(5, 2))
    network, again = same_again(model)
    x = np.ones((1, 5, 2), "float32")
    x[:, 2:] = 0.0
    np.testing.assert_array_equal(outputs_of(model, x)[0], outputs_of(again, x)[0])
    assert kinds(network) == ["input", "Masking", "lstm", "dense"]


def test_integers_that_are_embedded():
    x = keras.Input((5,), dtype="int32")
    model = randomized(keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Embedding(7, 3)(x)))))
    given = np.arange(10).reshape(2, 5) % 7
    out = evaluate(read(model), given, dtype="float64")
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, outputs_of(model, given)[0], rtol=1e-6)


def test_statistics_that_a_layer_was_adapted_to():
    scale = layers.Normalization()
    scale.adapt(np.random.default_rng(0).normal(3.0, 2.0, (50, 4)))
    model = sequential(scale, layers.Dense(2), shape=(4,))
    x = inputs_of(model)[0]
    np.testing.assert_array_equal(evaluate(read(model), x), outputs_of(model, x)[0])


def test_what_only_matters_in_training_is_kept():
    frozen = layers.Dense(3, kernel_regularizer="l1", kernel_constraint="max_norm", trainable=False)
    model = sequential(frozen, layers.Dense(2, kernel_regularizer=keras.regularizers.L2(1e-3)), shape=(4,))
    network, again = same_again(model)
    assert [node.config.get("regularizer") for node in network] == [None, ("l1", 0.01), ("l2", 1e-3)]
    assert isinstance(again.layers[0].kernel_constraint, keras.constraints.MaxNorm)
    assert [layer.trainable for layer in again.layers] == [False, True]
    np.testing.assert_array_equal(again.losses, model.losses)


def test_a_model_that_is_frozen_as_a_whole_stays_so():
    model = sequential(layers.Dense(3), layers.Dense(2), shape=(4,))
    model.trainable = False
    model.layers[0].trainable = True
    _, again = same_again(model)
    assert again.trainable_variables == []
    assert [layer.trainable for layer in again.layers] == [True, False]


def test_a_model_cut_out_of_another():
    whole = sequential(layers.Dense(3), layers.Dense(3, activation="tanh"), layers.Dense(2), shape=(4,))
    network, _ = same_again(keras.Model(whole.layers[0].output, whole.layers[1].output))
    assert kinds(network) == ["input", "dense", "activation"]


def test_a_model_from_a_file(tmp_path):
    def graph(x):
        return layers.Dense(2, activation="softmax")(layers.BatchNormalization()(layers.Dense(4)(x)) + x)

    model = randomized(functional(graph))
    write(read(model)).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = inputs_of(model)
    np.testing.assert_array_equal(outputs_of(again, *x)[0], outputs_of(model, *x)[0])
    same_again(again)


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "bfloat16", "float64"])
def test_layers_compute_and_store_as_their_policy_says(policy):
    model = sequential(
        layers.Conv2D(3, 3, dtype=policy, activation="relu"),
        layers.Flatten(dtype=policy),
        layers.Dense(2),
        shape=(4, 4, 1),
    )
    network, again = same_again(model)
    assert [layer.dtype_policy.name for layer in again.layers] == [policy, policy, "float32"]
    stored = "float32" if policy == "mixed_float16" else policy
    assert {array.dtype.name for array in network.nodes[1].weights.values()} == {stored}


@pytest.mark.parametrize("sequential", [True, False])
def test_a_default_policy_of_now_does_not_get_into_the_model(sequential):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    if not sequential:
        model = keras.Model(model.inputs, model.outputs)
    default = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        again = write(read(model))
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(default)
    assert again.dtype_policy.name == model.dtype_policy.name
    assert [layer.dtype_policy.name for layer in again._layers] == [layer.dtype_policy.name for layer in model._layers]


@pytest.mark.parametrize("policy", ["mixed_float16", "float32"])
def test_everything_is_computed_in_float64_where_that_is_asked(policy):
    inner = keras.Sequential([keras.Input((3,), dtype="float16"), layers.Dense(3, dtype=policy)])
    model = randomized(functional(lambda x: inner(layers.Dense(3, dtype=policy, activation="tanh")(x)) + 1.0))
    network, x = read(model), inputs_of(model)[0].astype("float64")
    (first, second) = (list(network.nodes[i].weights.values()) for i in (1, 3))
    exact = np.tanh(x @ first[0].astype("float64") + first[1]) @ second[0].astype("float64") + second[1] + 1.0
    np.testing.assert_allclose(evaluate(network, x, dtype="float64"), exact, rtol=1e-13)


def test_writing_draws_nothing_from_pythons_generator():
    network = read(sequential(layers.Dense(3), layers.Dropout(0.5), shape=(4,)))
    random.seed(5)
    state = random.getstate()
    write(network)
    assert random.getstate() == state


def test_the_model_that_was_read_is_untouched_by_training_the_written():
    model = randomized(sequential(layers.Dense(3), shape=(4,)))
    network = read(model)
    before = [array.copy() for array in model.get_weights()]
    write(network).layers[0].kernel.assign(np.zeros((4, 3)))
    model.layers[0].bias.assign(np.zeros(3))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    np.testing.assert_array_equal(network.nodes[1].weights["bias"], before[1])


def subclass(of):
    class Mine(of):
        def call(self, x, **_):
            return x

    return Mine


REFUSED = {
    "subclassed": (lambda: subclass(keras.Model)(), r"model '\w+' \(Mine\) is subclassed, .*; rebuild it with"),
    "overridden": (
        lambda: subclass(keras.Sequential)([keras.Input((2,)), layers.Dense(1)]),
        "is subclassed, .*; rebuild",
    ),
    "unbuilt": (lambda: keras.Sequential([layers.Dense(1)], name="m"), "model 'm' is not built, .*; begin it with"),
    "no model": (lambda: layers.Dense(1), "a Dense is no Keras model; give"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(name):
    make, text = REFUSED[name]
    with pytest.raises(UnsupportedError, match=text) as refused:
        read(make())
    assert "\n" not in str(refused.value)


def without_config():
    class Table(layers.Layer):
        def __init__(self, values):
            super().__init__(name="table")
            self.values = values

        def call(self, x):
            return x

    return Table(np.ones(2))


def test_what_cannot_be_written_is_read_all_the_same_and_refused_in_one_line():
    network = read(sequential(without_config(), shape=(2,)))
    with pytest.raises(UnsupportedError, match="cannot write layer 'table'") as refused:
        write(network)
    assert "\n" not in str(refused.value)


def test_what_this_machine_does_not_compute_is_refused_in_one_line():
    network = read(sequential(layers.Conv2D(2, 3, data_format="channels_first"), shape=(2, 5, 5)))
    error = None
    try:
        assert evaluate(network, np.ones((1, 2, 5, 5), "float32")).shape == (1, 2, 3, 3)
    except UnsupportedError as refused:
        error = str(refused)
    assert error is None or ("does not run on this machine: The Conv2D op" in error and "\n" not in error)
