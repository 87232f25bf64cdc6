import json
import math
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import RecipeError
from redundancy.zoo import (
    Initializer,
    Layer,
    Optimizer,
    Recipe,
    Twins,
    activation,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    dropout,
    flatten,
    global_average_pooling,
    max_pooling,
)
from redundancy.zoo.choices import INITIALIZERS, OPTIMIZERS

PLAIN = (conv(4, 3, activation="relu"), flatten(), dense(10))
ALL_KINDS = (
    conv(4, (3, 1), padding="same", strides=2, use_bias=False, name="a"),
    batch_normalization(epsilon=1e-4, momentum=0.9),
    activation("leaky_relu", negative_slope=0.1, name="left"),
    conv(4, 3, padding="same", strides=2, inputs="a", name="right"),
    add("left", "right", name="sum"),
    max_pooling(2, strides=1, padding="same"),
    average_pooling((1, 2), padding="same", name="mean"),
    concatenate("mean", "mean"),
    dropout(0.25),
    global_average_pooling(),
    dense(10),
)

sizes = st.integers(1, 300)
layers = st.one_of(
    st.builds(conv, sizes, st.tuples(sizes, sizes), padding=st.sampled_from(["same", "valid"])),
    st.builds(dense, sizes, activation=st.sampled_from([None, "tanh", "elu"]), use_bias=st.booleans()),
    st.builds(dropout, st.floats(0, 1, exclude_max=True)),
    st.builds(activation, st.just("elu"), alpha=st.floats(-1e9, 1e9)),
)
recipes = st.builds(
    Recipe,
    st.lists(layers, max_size=4).map(lambda few: (dense(7, name="first"), *few, dense(10))),
    st.one_of(
        st.sampled_from(sorted(INITIALIZERS)),
        st.builds(Initializer, st.just("random_normal"), stddev=st.floats(1e-300, 1e300)),
    ),
    st.one_of(st.sampled_from(sorted(OPTIMIZERS)), st.builds(Optimizer, st.just("sgd"), momentum=st.floats(0, 1))),
    learning_rate=st.floats(0, 1e300, exclude_min=True),
    steps=st.integers(0, 2**31 - 1),
    batch_size=st.integers(1, 2**31 - 1),
    regularizer=st.none() | st.tuples(st.sampled_from(["l1", "l2"]), st.floats(0, 1)),
    twins=st.lists(
        st.builds(Twins, st.just("first"), st.sampled_from([(0, 1), (6, 2)]), st.floats(0.5, 3), st.booleans()),
        max_size=2,
    ),
    data=st.text(st.characters(codec="utf-8"), min_size=1),
    dtype=st.sampled_from(["float32", "bfloat16", "float64"]),
)


@given(recipes)
def test_json_and_pickle_give_the_same_recipe_back(recipe):
    for again in (Recipe.from_json(recipe.to_json()), pickle.loads(pickle.dumps(recipe))):
        assert again == recipe
        assert hash(again) == hash(recipe)
        assert again.digest == recipe.digest


@given(recipes, recipes)
def test_equal_recipes_are_those_with_the_same_digest(one, other):
    assert (one == other) == (one.digest == other.digest)


@given(recipes)
def test_a_recipe_is_told_in_one_printable_line(recipe):
    assert str(recipe).isprintable()


def test_every_kind_of_layer_goes_through_json():
    recipe = Recipe(ALL_KINDS)
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_what_is_told():
    recipe = Recipe(PLAIN, Initializer("random_normal", stddev=0.1), Optimizer("sgd", momentum=0.9), 0.5, 20, 32,
                    ("l2", 1e-4), (Twins("conv_1", (0, 3), 2.0, outgoing=False),))  # fmt: skip
    assert str(recipe) == (
        "conv(4, 3x3, relu) -> flatten -> dense(10); random_normal(stddev=0.1); sgd(momentum=0.9) at 0.5; "
        "20 steps of 32; l2 0.0001; twins conv_1[0, 3] times 2 incoming only; mnist-5k; float32"
    )


def test_names_and_inputs_are_told_where_they_are_not_the_usual_ones():
    told = str(Recipe(ALL_KINDS))
    assert "right: conv(4, 3x3, padding=same, strides=2x2) of a -> sum: add of left, right ->" in told


def test_defaults_written_out_make_the_same_recipe():
    spelled = Recipe(
        (conv(4, (3, 3), activation="relu", name="conv_1", inputs="input"), flatten(name="flatten_1"), dense(10)),
        Initializer("glorot_uniform"),
        Optimizer("adam", beta_1=0.9),
    )
    assert spelled == Recipe(PLAIN)
    assert spelled.digest == Recipe(PLAIN).digest


def test_zeros_of_either_sign_make_the_same_recipe():
    assert Recipe(PLAIN, "random_normal") == Recipe(PLAIN, Initializer("random_normal", mean=-0.0))
    assert Recipe(PLAIN, "random_normal").digest == Recipe(PLAIN, Initializer("random_normal", mean=-0.0)).digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"architecture": ()}, "no layers"),
        ({"architecture": (dense(10), 3)}, "only Layer values"),
        ({"architecture": (dense(3, name="a"), dense(3, name="a"))}, "'a' is taken"),
        ({"architecture": (dense(3, name="input"),)}, "'input' is taken"),
        ({"architecture": (dense(3, inputs="later"), dense(3, name="later"))}, "no layer before it"),
        ({"architecture": (dense(3), dense(4, inputs="input"))}, "no layer reads 'dense_1'"),
        ({"architecture": (dense(3), activation("sigmoid"))}, "takes logits"),
        ({"initializer": "zeros"}, "one of glorot_uniform"),
        ({"initializer": 3}, "one of glorot_uniform"),
        ({"optimizer": "momentum"}, "one of sgd"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"learning_rate": math.nan}, "finite"),
        ({"learning_rate": "fast"}, "finite number"),
        ({"learning_rate": 10**400}, "a float holds"),
        ({"steps": -1}, "from 0 up"),
        ({"steps": 1.5}, "whole number"),
        ({"steps": True}, "whole number"),
        ({"batch_size": 0}, "from 1 up"),
        ({"regularizer": ("l3", 1.0)}, "'l1', factor"),
        ({"regularizer": ("l1", -1.0)}, "'l1', factor"),
        ({"regularizer": 0.1}, "'l1', factor"),
        ({"twins": (Twins("flatten_1", (0, 1)),)}, "no conv or dense layer"),
        ({"twins": (Twins("conv_1", (0, 4)),)}, "no unit 4"),
        ({"data": ""}, "name of a data set"),
        ({"dtype": "int8"}, "one of float16"),
    ],
)
def test_what_nothing_can_be_trained_from_is_refused_in_one_line(change, reason):
    with pytest.raises(RecipeError, match=reason) as refused:
        Recipe(**{"architecture": PLAIN, **change})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Layer("gru"),
        lambda: Layer("conv", (("units", 3),)),
        lambda: Layer("flatten", (("colour", 3),)),
        lambda: Layer("flatten", 7),
        lambda: conv(3, (3, 3, 3)),
        lambda: conv(3, 0),
        lambda: conv(3, 3, padding="full"),
        lambda: dense(0),
        lambda: dense(3, activation="softmax"),
        lambda: dense(3, use_bias=1),
        lambda: dense(3, name="a/b"),
        lambda: dropout(1.0),
        lambda: activation("relu", alpha=1.0),
        lambda: flatten(inputs=("a", "b")),
        lambda: add("a"),
        lambda: Initializer("random_normal", spread=1.0),
        lambda: Initializer("variance_scaling", mode="fan"),
        lambda: Optimizer("adam", beta_1=1.0),
        lambda: Optimizer("sgd", nesterov="yes"),
        lambda: Optimizer("sgd", learning_rate=0.1),
        lambda: Twins("a", (1, 1)),
        lambda: Twins("a", (0, -1)),
        lambda: Twins("a", 3),
        lambda: Twins("a", (0, 1), factor=0.0),
        lambda: Twins("a", (0, 1), outgoing=1),
    ],
)
def test_what_is_no_layer_choice_or_twins_is_refused_in_one_line(make):
    with pytest.raises(RecipeError) as refused:
        make()
    assert "\n" not in str(refused.value)


def edited(change):
    raw = json.loads(Recipe(PLAIN, twins=(Twins("conv_1", (0, 1)),)).to_json())
    change(raw)
    return json.dumps(raw)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "[]",
        "nonsense\nand more",
        '{"steps": 1, "steps": 2}',
        edited(lambda raw: raw.update(epochs=3)),
        edited(lambda raw: raw.pop("architecture")),
        edited(lambda raw: raw.update(steps="many")),
        edited(lambda raw: raw.update(architecture={})),
        edited(lambda raw: raw.update(twins=[[]])),
        edited(lambda raw: raw.update(optimizer="adma")),
        edited(lambda raw: raw["optimizer"].pop("name")),
        edited(lambda raw: raw["optimizer"].update(parameters=[])),
        edited(lambda raw: raw["optimizer"]["parameters"].update({"momentum": 1})),
        edited(lambda raw: raw["architecture"][0].update(kind="lstm")),
        edited(lambda raw: raw["architecture"][0].update(inputs=3)),
        edited(lambda raw: raw["architecture"][0].pop("kind")),
        edited(lambda raw: raw["architecture"][0]["config"].update(strides=[10**400, 1])),
        edited(lambda raw: raw.update(batch_size=2**31)),
        edited(lambda raw: raw["twins"][0].update(units=[0, 9])),
    ],
)
def test_json_that_is_no_recipe_is_refused_in_one_line(source):
    with pytest.raises(RecipeError) as refused:
        Recipe.from_json(source)
    assert "\n" not in str(refused.value)


def test_recipes_are_frozen():
    recipe = Recipe(PLAIN)
    for thing in (recipe, recipe.architecture[0], recipe.optimizer):
        with pytest.raises(AttributeError):
            thing.name = "other"


def test_importing_the_zoo_loads_no_framework():
    code = "import sys, redundancy.zoo; print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_json_may_leave_out_what_has_a_default():
    said = {"architecture": [{"kind": "dense", "config": {"units": 3}}], "optimizer": "sgd"}
    source = {**said, "initializer": {"name": "he_normal"}}
    assert Recipe.from_json(json.dumps(source)) == Recipe((dense(3),), optimizer="sgd", initializer="he_normal")
