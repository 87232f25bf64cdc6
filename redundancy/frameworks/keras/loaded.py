"""Keras and TensorFlow, loaded when this room is entered: for whoever has to choose the moment.

Whatever Keras computes with, it loads TensorFlow when it first looks at a model's configuration, and the zoo draws by
it. Keras comes first: PyTorch, which it may load, does not bear to be loaded after TensorFlow.

Raises:
    UnsupportedError: The library that Keras is told to compute with is not installed, or it knows none of that name.
"""

from redundancy.errors import UnsupportedError

try:
    import keras
except ModuleNotFoundError as error:
    missing = str(error.name).partition(".")[0]
    if missing not in ("jax", "jaxlib", "torch", "openvino", "tensorflow"):
        raise
    raise UnsupportedError(
        f"Keras is told to compute with {missing}, which is not installed: install it, or set KERAS_BACKEND to one"
        " that is, such as tensorflow"
    ) from error
except ValueError as error:  # what Keras raises for a backend that it does not know
    if "backend" not in str(error):
        raise
    raise UnsupportedError(
        f"Keras does not load ({' '.join(str(error).split())}): set KERAS_BACKEND to tensorflow, jax or torch"
    ) from error

import tensorflow

__all__ = ["keras", "tensorflow"]
