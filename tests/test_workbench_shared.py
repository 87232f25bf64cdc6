"""Layers and models that are called several times, and whose configuration says how wide they are."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import weighted

import redundancy
from redundancy.errors import NetworkError
from redundancy.frameworks.keras import read, write


def twice(shared, *twins):
    """A model whose layer is called behind two layers of four units; of each, pairs (source, copy) are equal."""
    x = keras.Input((3,))
    makers = [layers.Dense(4, name=name) for name in "ab"]
    outputs = [layers.Dense(2)(layers.Flatten()(layers.ReLU()(shared(maker(x))))) for maker in makers]
    model = weighted(keras.Model(x, outputs))
    for maker, pair in zip(makers, twins, strict=False):
        values = maker.get_weights()
        for source, copy in pair:
            for array in values:
                array[..., copy] = array[..., source]
        maker.set_weights(values)
    return model


def outputs_apart(model, small):
    x = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    pairs = zip(model(x), small.model(x), strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(a))) for a, b in pairs)


NUMBERED = {
    "rescaling": lambda: layers.Rescaling([1.0, 2.0, 3.0, 4.0]),
    "normalization": lambda: layers.Normalization(mean=[0.0, 1.0, 0.0, 1.0], variance=[1.0, 1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("kind", NUMBERED)
@pytest.mark.parametrize("twins", [([(1, 2)], [(0, 3)]), ([(1, 2)],)], ids=["others", "one"])
def test_a_layer_with_a_number_for_each_unit_never_gives_them_to_others(kind, twins):
    model = twice(NUMBERED[kind](), *twins)
    small = redundancy.compact(model)
    assert outputs_apart(model, small) < 1e-5
    assert {tuple(p.shape) for p in small.model.outputs} == {(None, 2)}


@pytest.mark.parametrize("kind", NUMBERED)
def test_units_that_are_alike_at_every_call_of_such_a_layer_go(kind):
    model = twice(NUMBERED[kind](), [(1, 0), (1, 2), (1, 3)], [(1, 0), (1, 2), (1, 3)])
    small = redundancy.compact(model)
    assert small.removals
    assert outputs_apart(model, small) < 1e-5
    assert {removal.space for removal in small.removals} <= {"a+b", "b+a"}


def test_one_number_for_all_units_ties_no_calls():
    model = twice(layers.Rescaling(2.0, 1.0), [(1, 2)])
    small = redundancy.compact(model)
    assert [removal.space for removal in small.removals] == ["a"]
    assert outputs_apart(model, small) < 1e-5


@pytest.mark.parametrize(
    "shared",
    [
        lambda: layers.Reshape((1, 4)),
        lambda: keras.Sequential([keras.Input((4,)), layers.ReLU(), layers.Dropout(0.5)], name="inner"),
    ],
    ids=["reshape", "nested"],
)
def test_only_the_fold_is_refused_after_which_two_calls_would_need_other_sizes(shared):
    model = twice(shared(), [(1, 2)])
    small = redundancy.compact(model)
    assert not small.removals
    assert "calls would need" in small.refusals[0].reason
    both = redundancy.compact(twice(shared(), [(1, 2)], [(1, 2)]))
    assert {removal.space for removal in both.removals} == {"a", "b"}


def test_a_reshape_that_is_called_on_two_sizes_is_written_again():
    reshape = layers.Reshape((-1, 2))
    x, y = keras.Input((4,)), keras.Input((6,))
    model = keras.Model([x, y], [reshape(x), reshape(y)])
    assert [tuple(t.shape) for t in write(read(model)).outputs] == [(None, 2, 2), (None, 3, 2)]


def test_nodes_of_one_layer_with_other_numbers_are_not_written_as_one():
    network = read(twice(layers.Rescaling([1.0, 2.0, 3.0, 4.0], name="r")))
    changed = network["r/1"]
    config = {**changed.config, "scale": (4.0, 3.0, 2.0, 1.0)}
    other = type(changed)(changed.name, "affine", changed.inputs, changed.shape, config, {}, "r", changed.origin)
    with pytest.raises(NetworkError, match="layer 'r': it is called several times"):
        write(network.with_nodes({"r/1": other}))


def test_one_number_that_is_laid_out_for_as_many_units_as_there_were_ties_calls():
    model = twice(layers.Normalization(mean=1.0, variance=2.0), [(1, 2)])
    assert outputs_apart(model, redundancy.compact(model)) < 1e-5


def test_numbers_along_another_axis_than_the_units_of_one_call_are_for_no_others():
    rescaling = layers.Rescaling(np.full((1, 4), 2.0).tolist())
    x = keras.Input((4, 4))
    permuted = layers.Permute((2, 1))(layers.Dense(4, name="a")(x))
    outputs = [layers.Flatten()(rescaling(t)) for t in (permuted, layers.Dense(4, name="b")(x))]
    model = weighted(keras.Model(x, [layers.Dense(2)(t) for t in outputs]))
    for name in "ab":
        kernel, bias = model.get_layer(name).get_weights()
        kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
        model.get_layer(name).set_weights([kernel, bias])
    small = redundancy.compact(model)
    assert "several times" in small.refusals[0].reason


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_initialiser_that_holds_an_array_of_the_old_shape_is_left_out(tmp_path, wrapped):
    array = np.random.default_rng(0).normal(size=(3, 4))
    start = keras.initializers.Constant(array.tolist())
    dense = layers.Dense(4, kernel_initializer=start)
    x = keras.Input((5, 3) if wrapped else (3,))
    hidden = layers.TimeDistributed(dense)(x) if wrapped else dense(x)
    last = layers.Dense(2, bias_initializer=keras.initializers.Constant([1.0, 2.0]), name="last")
    model = weighted(keras.Model(x, last(layers.ReLU()(hidden))))
    kernel, bias = dense.get_weights()
    kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
    dense.set_weights([kernel, bias])
    small = redundancy.compact(model)
    assert len(small.removals) == 1
    small.model.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    assert loaded.get_layer("last").get_config()["bias_initializer"]["class_name"] == "Constant"
