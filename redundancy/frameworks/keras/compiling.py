"""How a model is compiled, carried over to another."""

from __future__ import annotations

from typing import Any

from redundancy.frameworks.keras.writing import python_randomness_kept


def compiled_like(original: Any, model: Any) -> None:
    """Compiles a model as another is, if that is: loss, metrics, weights of losses, and a new optimizer of its kind.

    The optimizer's state is about weights that may be gone: it starts anew, but goes on counting steps, on which a
    schedule of the learning rate depends. One that has been used is made ready, as
    Keras makes that of a model that it loads.

    Args:
        original: Left as it is.
        model: Compiled in place.
    """
    if not getattr(original, "compiled", False):
        return
    with python_randomness_kept():
        settings = dict(original._compile_config.config)
        optimizer: Any = settings.get("optimizer")
        if hasattr(optimizer, "get_config"):
            settings["optimizer"] = type(optimizer).from_config(optimizer.get_config())
        model.compile(**settings)
        if getattr(optimizer, "built", False) and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
            # What counts every call, also where gradients are gathered over several of them.
            model.optimizer._iterations.assign(optimizer._iterations)
