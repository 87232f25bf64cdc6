"""From a network to a working Keras model."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redundancy.errors import RedundancyError, UnsupportedError
from redundancy.frameworks.keras.calls import Call, calls
from redundancy.frameworks.keras.exchange import push
from redundancy.frameworks.keras.making import NAMED, is_known, made
from redundancy.frameworks.keras.meaning import JOINS
from redundancy.frameworks.keras.origin import CallOrigin, LayerOrigin, ModelOrigin, Slot
from redundancy.network import Network

if TYPE_CHECKING:
    import keras


def write(network: Network, *, dtype: str | None = None) -> keras.Model:
    """A new Keras model that computes what the network says.

    What was read from Keras keeps its names, trainable flags, regularizers and the rest of its configuration, with
    the sizes that the weights have now. A Sequential model stays Sequential. Compile settings and the optimizer's
    state are not there; seeds of layers such as Dropout are new where they were not given. Python's own source of
    randomness, from which Keras draws seeds, is left as it was.

    Args:
        network: Read from Keras, or built by hand.
        dtype: A floating dtype that every layer computes and stores in, instead of its own; "float64" to check
            mathematics.

    Raises:
        UnsupportedError: A layer cannot be made again.
        NetworkError: The network does not say one thing: a layer's nodes differ, say.
    """
    with python_randomness_kept():
        planned = calls(network)
        builder = _Builder(dtype)
        if _is_chain(network, planned):
            model = builder.sequential(network, planned)
        else:
            model = builder.functional(network, planned)
    if isinstance(network.origin, ModelOrigin) and not network.origin.trainable:
        _freeze(model)
    push(network, model)
    return model


@contextmanager
def python_randomness_kept() -> Iterator[None]:
    """Keras draws seeds of initializers from Python's generator, even where all weights are then replaced."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _is_chain(network: Network, planned: tuple[Call, ...]) -> bool:
    """Whether it was a Sequential model and can still be one."""
    if not isinstance(network.origin, ModelOrigin) or not network.origin.sequential or len(planned) < 2:
        return False
    before = ["", *(call.output for call in planned)]
    chained = all(call.node.inputs == ((read,) if read else ()) for call, read in zip(planned, before, strict=False))
    once = len({call.layer for call in planned}) == len(planned)
    return chained and once and network.outputs == (planned[-1].output,)


def _freeze(model: Any) -> None:
    own = [(layer, layer.trainable) for layer in model.layers]
    model.trainable = False
    # The flag of a model is handed down to its layers, which may have had others.
    for layer, trainable in own:
        layer.trainable = trainable


class _Builder:
    """Makes layers and calls them."""

    def __init__(self, dtype: str | None) -> None:
        self._dtype = dtype
        self._layers: dict[str, Any] = {}

    def sequential(self, network: Network, planned: tuple[Call, ...]) -> Any:
        """A Sequential model."""
        import keras

        layers: list[Any] = []
        inherited = "float32"
        for call in planned:
            layers.append(self._layer(call, inherited))
            inherited = str(layers[-1].dtype if call.node.kind == "input" else layers[-1].compute_dtype)
        with _refusing(planned[-1], "its layers do not follow each other"):
            return keras.Sequential(layers, name=network.origin.name)

    def functional(self, network: Network, planned: tuple[Call, ...]) -> Any:
        """A functional model."""
        import keras

        results: dict[str, list[Any]] = {}
        for call in planned:
            read = [_tensor(network, name, results) for name in call.node.inputs]
            results[call.output] = self._called(call, read)
        inputs = _nested(network, "inputs", [_tensor(network, name, results) for name in network.inputs])
        outputs = _nested(network, "outputs", [_tensor(network, name, results) for name in network.outputs])
        name = network.origin.name if isinstance(network.origin, ModelOrigin) else "network"
        return keras.Model(inputs, outputs, name=name)

    def _called(self, call: Call, inputs: list[Any]) -> list[Any]:
        """The outputs of one call, flat."""
        import keras

        layer = self._layer(call, str(inputs[0].dtype) if inputs else "float32")
        if call.node.kind == "input":
            return [layer.output]
        args, kwargs = _arguments(call, inputs)
        with _refusing(call, "it cannot be called"):
            flat: list[Any] = keras.tree.flatten(layer(*args, **kwargs))
        return flat

    def _layer(self, call: Call, inherited: str) -> Any:
        if call.layer not in self._layers:
            self._layers[call.layer] = self._made(call, inherited)
        return self._layers[call.layer]

    def _made(self, call: Call, inherited: str) -> Any:
        import keras

        origin = call.node.origin.layer if isinstance(call.node.origin, CallOrigin) else None
        if origin is not None and origin.problem:
            raise UnsupportedError(f"cannot write layer '{call.layer}' ({call.node.kind}) back: {origin.problem}")
        with _refusing(call, "it cannot be made again"):
            cls, config = _configured(call, origin, inherited)
            if self._dtype is not None:
                config = _retyped(config, self._dtype)
            with keras.saving.custom_object_scope(dict(origin.objects) if origin else {}):
                return cls.from_config(config)


def _tensor(network: Network, name: str, results: Mapping[str, list[Any]]) -> Any:
    """The output of a node, from the results of the calls that were made."""
    if name in results:
        return results[name][0]
    node = network[name]
    return results[node.inputs[0]][node.origin.index]


def _configured(call: Call, origin: LayerOrigin | None, inherited: str) -> tuple[Any, dict[str, Any]]:
    """The class of a layer and its configuration."""
    import keras

    node = call.node
    before = copy.deepcopy(dict(origin.config)) if origin else {}
    if not is_known(node):
        if origin is None:
            raise UnsupportedError(f"cannot write layer '{call.layer}': Keras has no layer for kind '{node.kind}'")
        return origin.cls, before
    name, says = made(node, call.activation, origin.cls.__name__ if origin else "")
    if origin is not None and origin.cls.__name__ == name:
        return origin.cls, _merged(before, says)
    kept = {key: before[key] for key in NAMED if key in before}
    stored = next((array.dtype.name for array in node.weights.values()), inherited)
    return getattr(keras.layers, name), {"dtype": stored, **kept, **says, "name": call.layer}


def _merged(before: dict[str, Any], says: dict[str, Any]) -> dict[str, Any]:
    if "batch_shape" in says:
        says = {**says, "batch_shape": (before["batch_shape"][0], *says["batch_shape"][1:])}
    return {**before, **says}


def _arguments(call: Call, inputs: list[Any]) -> tuple[Any, Any]:
    """(positional, by keyword) arguments of a call: as they were, if it reads as many tensors as then."""
    import keras

    origin = call.node.origin
    if isinstance(origin, CallOrigin) and origin.tensors == len(inputs):
        filled: tuple[Any, Any] = keras.tree.map_structure(
            lambda leaf: inputs[leaf.index] if isinstance(leaf, Slot) else leaf, origin.arguments
        )
        return filled
    return ((inputs,) if call.node.kind in JOINS else tuple(inputs)), {}


def _nested(network: Network, side: str, tensors: list[Any]) -> Any:
    """Inputs or outputs, nested as they were in the model that was read; one alone if there is one."""
    import keras

    structure = getattr(network.origin, side, 0 if len(tensors) == 1 else list(range(len(tensors))))
    if len(keras.tree.flatten(structure)) != len(tensors):
        return tensors
    return keras.tree.map_structure(lambda number: tensors[number], structure)


def _retyped(value: Any, dtype: str) -> Any:
    """A configuration with every floating dtype in it replaced, at any depth."""
    if isinstance(value, dict):
        return {
            key: dtype if key == "dtype" and _is_floating(inner) else _retyped(inner, dtype)
            for key, inner in value.items()
        }
    return type(value)(_retyped(inner, dtype) for inner in value) if type(value) in (list, tuple) else value


def _is_floating(policy: Any) -> bool:
    name = policy.get("config", {}).get("name", "") if isinstance(policy, dict) else policy
    return isinstance(name, str) and name.startswith(("float", "bfloat", "mixed_"))


@contextmanager
def _refusing(call: Call, what: str) -> Iterator[None]:
    """Says in one line what Keras, or a class of the user's own, says in many."""
    try:
        yield
    except RedundancyError:
        raise
    except Exception as error:  # there is no telling what the code of a layer raises
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = lines[0] if lines else type(error).__name__
        kind = call.node.kind
        raise UnsupportedError(f"cannot write layer '{call.layer}' ({kind}) back, {what}: {said}") from error
