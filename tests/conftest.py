"""What all tests share: pytest's own way to test plugins, and one pinned profile for Hypothesis."""

import pytest
from hypothesis import settings

from redundancy.profiles import fields

pytest_plugins = ["pytester"]

settings.register_profile("tests", **{**fields("standard"), "max_examples": 100})
settings.load_profile("tests")


@pytest.fixture
def in_float64():
    """Keras layers compute in float64 unless they say otherwise."""
    import keras

    keras.utils.clear_session(free_memory=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


def pytest_collection_modifyitems(config, items):
    """What is measured in minutes is left out unless it is asked for, by `-m slow`."""
    if not config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
