"""A bound on how far two models' outputs can differ, whatever they come as: Keras models, files, or networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redundancy.boxing import Bounds, boxed
from redundancy.certification import Certificate
from redundancy.certification import certify as certified
from redundancy.errors import OptionError
from redundancy.network import Network
from redundancy.telling import FROM, TO

if TYPE_CHECKING:
    from redundancy.workbench import Model


def certify(a: Model, b: Model, *, box: Bounds = (FROM, TO), trust: bool = False) -> Certificate:
    """A proved bound on the largest difference of two models' outputs, for all inputs in a box; no data are needed.

    Args:
        a: A Keras model, the path of one, or a network.
        b: Another of the same inputs, outputs and layers, as a compacted, merged or pruned version.
        box: Bounds of inputs: (low, high) for all of them, or by name of the input of `a`, each broadcasting to its
            shape without the batch.
        trust: Run code that a model file brings along.

    Returns:
        `bound` in real arithmetic, and `rounding`, which computing both in the precision of their weights adds at most.
        Both are infinite where nothing is known of a layer; `why` says of which. Of probabilities, as a softmax gives
        them, no bound says much that is near 1: certify models without it.

    Raises:
        NetworkError: The inputs, outputs or layers are others, or the box is empty or of no input.
        OptionError: The box is no pair of bounds.
        UnsupportedError: A model cannot be read as a graph.
    """
    if box is None:
        raise OptionError("box=None bounds no input, and then no output is bounded: give box=(low, high)")
    first, second = _network(a, trust), _network(b, trust)
    return certified(first, second, boxed(first, box) or {})


def _network(model: Any, trust: bool) -> Network:
    if isinstance(model, Network):
        return model
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.opening import opened

    return read(opened(model, trust=trust))
