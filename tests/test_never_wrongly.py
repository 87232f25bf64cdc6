"""Random Keras models out of all layers: all that was planted and is legal is found, no decoy merges, outputs agree."""

import keras
import pytest
from composing import OPERATIONS, sketched
from composing.sketch import sketches
from composing.trial import tried
from hypothesis import given, settings


@pytest.fixture(autouse=True)
def _clear():
    keras.utils.clear_session(free_memory=False)
    yield
    keras.utils.clear_session(free_memory=False)


def held(sketch, **options):
    trial = tried(sketch, **options)
    assert not trial.wrong, "\n".join([*trial.wrong, *trial.log])


@settings(max_examples=150)
@given(sketches(["dense", *sorted(set(OPERATIONS) - {"dense"})]))
def test_random_models_are_compacted_completely_and_never_wrongly(sketch):
    held(sketch, files=sketch.seed % 8 == 0)


@pytest.mark.parametrize("seed", range(12))
def test_a_larger_model_is_compacted_completely_and_never_wrongly(seed):
    held(sketched(seed, sorted(OPERATIONS), most=16))
