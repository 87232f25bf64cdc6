"""Folds that lead where nothing can go are refused one by one, by compaction and audit alike."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import copied, weighted

import redundancy
from redundancy.frameworks.keras import read

MOST = {"float16": 6e4, "float32": 3e38, "bfloat16": 3e38}


def with_a_fold_too_large(dtype):
    """Twins in two layers; the weights that read the first pair add up to more than the type holds."""
    options = {"dtype": dtype, "activation": "relu"}
    first, second = layers.Dense(4, name="first", **options), layers.Dense(4, name="second", **options)
    last = layers.Dense(2, name="last", dtype=dtype)
    model = weighted(keras.Sequential([keras.Input((3,), dtype=dtype), first, second, last]))
    for layer in (first, second):
        copied(layer, 0, 1)
    kernel, bias = second.get_weights()
    kernel[:2, 2] = np.asarray(MOST[dtype], kernel.dtype)
    second.set_weights([kernel, bias])
    kernel, bias = last.get_weights()
    kernel[2] = 0
    last.set_weights([kernel, bias])
    return read(model)


@pytest.mark.parametrize("dtype", MOST)
def test_a_fold_whose_weight_is_too_large_for_its_type_is_refused_and_others_go(dtype):
    result = redundancy.compact(with_a_fold_too_large(dtype), notions=["duplicate"])
    assert [removal.space for removal in result.removals] == ["second"]
    (refusal,) = result.refusals
    assert (refusal.space, refusal.layer) == ("first", "second")
    assert f"is too large for {dtype}" in refusal.reason


def test_a_tolerance_does_not_change_that():
    result = redundancy.compact(with_a_fold_too_large("float32"), notions=["duplicate"], tolerance=1e-6)
    assert [removal.space for removal in result.removals] == ["second"]


def test_an_audit_says_what_compaction_refuses_for_its_size():
    network = with_a_fold_too_large("float32")
    audit = redundancy.audit(network, notions=["duplicate"])
    assert [(f.space, f.removable) for f in audit.findings] == [("first", False), ("second", True)]
    assert ["is too large for float32" in refusal.reason for refusal in audit.refusals] == [True]
    assert audit.after.parameters == redundancy.compact(network, notions=["duplicate"]).parameters_after


def test_an_audit_says_what_compaction_refuses_for_a_bias_that_keras_would_misplace():
    first = layers.Conv1D(5, 3, data_format="channels_first", name="first")
    model = weighted(keras.Sequential([keras.Input((2, 6)), first, layers.Flatten(), layers.Dense(2)]))
    copied(first, 0, 1)
    audit = redundancy.audit(model)
    assert [finding.removable for finding in audit.findings if finding.notion == "duplicate"] == [False]
    assert ["adds its bias along the wrong axis" in refusal.reason for refusal in audit.refusals] == [True]
    assert audit.after == audit.before


@pytest.mark.parametrize("bias", [False, True])
def test_what_one_finding_saves_is_what_compaction_saves(bias):
    first = layers.Dense(4, activation="relu", name="first")
    model = weighted(keras.Sequential([keras.Input((3,)), first, layers.Dense(2, use_bias=bias)]))
    kernel, offset = first.get_weights()
    kernel[:, 1], offset[1] = 0, 2.0
    first.set_weights([kernel, offset])
    (finding,) = (f for f in redundancy.audit(model).findings if f.notion == "constant")
    result = redundancy.compact(model)
    assert finding.saved.parameters == result.parameters_before - result.parameters_after == 6 - 2 * (not bias)
