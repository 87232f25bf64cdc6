"""Makes Keras layers of a network's calls, and a model of the layers; models inside it as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from redundancy.errors import RedundancyError, UnsupportedError
from redundancy.frameworks.keras.agreement import check_agreement
from redundancy.frameworks.keras.beginning import Given, begun_with_zeros
from redundancy.frameworks.keras.biases import WRONG_AXIS, is_wrong
from redundancy.frameworks.keras.calls import Call, calls
from redundancy.frameworks.keras.configuring import configured, is_floating, retyped
from redundancy.frameworks.keras.keeping import give
from redundancy.frameworks.keras.kinds import JOINS, arguments_of, taking
from redundancy.frameworks.keras.origin import CallOrigin, ModelOrigin, NestedOrigin, Slot
from redundancy.network import Network

Step = Call | NestedOrigin
"""What a model does one after the other: it calls a layer, or a model."""


def _is_chain(origin: Any, steps: list[Step], outputs: tuple[str, ...]) -> bool:
    """Whether it was a Sequential model and can still be one."""
    if not isinstance(origin, ModelOrigin) or not origin.sequential or len(steps) < 2:
        return False
    before = [(), *(_results(step) for step in steps)]
    chained = all(_feeds(step) == read for step, read in zip(steps, before, strict=False))
    layers = not any(isinstance(step, Call) and step.node.kind == "gather" for step in steps)
    once = len({_path(step) for step in steps}) == len(steps)
    return chained and layers and once and outputs == _results(steps[-1])


def _path(step: Step) -> tuple[str, ...]:
    return step.path if isinstance(step, Call) else (*step.call.scope, step.model.name)


def _feeds(step: Step) -> tuple[str, ...]:
    return step.inputs if isinstance(step, Call) else step.feeds


def _results(step: Step) -> tuple[str, ...]:
    return step.outputs if isinstance(step, Call) else step.results


def _freeze(model: Any) -> None:
    import keras

    inside = model._flatten_layers(include_self=False)
    own = [(layer, layer.trainable) for layer in inside if not isinstance(layer, keras.layers.InputLayer)]
    model.trainable = False
    # The flag of a model is handed down to its layers, which may have had others.
    for layer, trainable in own:
        layer._trainable = trainable


class ModelBuilder:
    """Makes layers and calls them."""

    def __init__(self, network: Network, dtype: str | None) -> None:
        self._network = network
        self._dtype = dtype
        self._planned = {call.node.name: call for call in calls(network)}
        self._layers: dict[tuple[str, ...], Any] = {}
        self._given: dict[tuple[str, ...], dict[str, Given]] = {}

    @property
    def held(self) -> frozenset[tuple[tuple[str, ...], str]]:
        """The weights that layers began with, as (path of the layer, the layer's name of the weight)."""
        return frozenset((path, name) for path, given in self._given.items() for name in given if given[name].used)

    def model(self) -> Any:
        """The whole model; layers begin with zeros where that takes less time than what they would begin with."""
        check_agreement(self._network)
        with ExitStack() as self._later:
            model = self._model()
        self._keep()
        return model

    def _keep(self) -> None:
        """Gives layers what those that they were made like kept outside their configurations."""
        keepers = {call.path: call for call in self._planned.values() if isinstance(call.node.origin, CallOrigin)}
        for path, call in keepers.items():
            keeps = call.node.origin.layer.kept
            if keeps:
                with _refusing(call, "it cannot be given what it kept"):
                    give(self._layers[path], keeps)

    def _model(self) -> Any:
        import keras

        network, origin = self._network, self._network.origin
        steps = self._steps([node.name for node in network], origin)
        if _is_chain(origin, steps, network.outputs):
            return self._sequential(steps, origin)
        results: dict[str, list[Any]] = {}
        self._run(steps, results)
        inputs = _nested(origin, "inputs", [_tensor(network, name, results) for name in network.inputs])
        outputs = _nested(origin, "outputs", [_tensor(network, name, results) for name in network.outputs])
        name = origin.name if isinstance(origin, ModelOrigin) else "network"
        return self._frozen(keras.Model(inputs, outputs, name=name), origin)

    def _steps(self, nodes: Iterable[str], origin: Any) -> list[Step]:
        """What a model does: the calls of layers, and those of models for all that happens inside them."""
        home = {name: nested for nested in getattr(origin, "nested", ()) for name in nested.members}
        steps = dict.fromkeys(home.get(name) or self._planned.get(name) for name in nodes)
        return [step for step in steps if step is not None]

    def _frozen(self, model: Any, origin: Any) -> Any:
        if isinstance(origin, ModelOrigin) and not origin.trainable:
            _freeze(model)
        return model

    def _sequential(self, steps: list[Step], origin: ModelOrigin, first: Any = None) -> Any:
        import keras

        layers: list[Any] = [] if first is None else [first]
        inherited = "float32"
        for step in steps:
            if isinstance(step, Call):
                layers.append(self._layer(step, inherited))
                inherited = str(layers[-1].dtype if step.node.kind == "input" else layers[-1].compute_dtype)
            else:
                layers.append(self._inner(step))
                inherited = str(layers[-1].compute_dtype)
        with _refusing(_one_call(steps), "its layers do not follow each other"):
            return self._frozen(keras.Sequential(layers, name=origin.name), origin)

    def _run(self, steps: list[Step], results: dict[str, list[Any]]) -> None:
        """Calls layers and models, and keeps what they give by the name of the node."""
        for step in steps:
            read = [_tensor(self._network, name, results) for name in _feeds(step)]
            if isinstance(step, Call):
                called = self._called(step, read)
                several = len(step.outputs) > 1
                results.update({name: called[n:] if several else called for n, name in enumerate(step.outputs)})
            else:
                outputs = self._called_model(step, read)
                results.update({name: [tensor] for name, tensor in zip(step.results, outputs, strict=True)})

    def _called_model(self, nested: NestedOrigin, inputs: list[Any]) -> list[Any]:
        import keras

        args, kwargs = _filled(nested.call.arguments, inputs)
        flat: list[Any] = keras.tree.flatten(self._inner(nested)(*args, **kwargs))
        return flat

    def _inner(self, nested: NestedOrigin) -> Any:
        """A model inside the model; the same one for all its calls."""
        key = _path(nested)
        if key not in self._layers:
            self._layers[key] = self._made_inner(nested)
        return self._layers[key]

    def _made_inner(self, nested: NestedOrigin) -> Any:
        import keras

        steps = self._steps([node.name for node in self._network if node.name in nested.members], nested.model)
        inputs = [self._input(nested, number) for number in range(len(nested.feeds))]
        chain: list[Any] = [nested.entries, *(_results(step) for step in steps)]
        chained = all(_feeds(step) == read for step, read in zip(steps, chain, strict=False))
        if nested.model.sequential and chained and nested.results == chain[-1]:
            return self._sequential(steps, nested.model, inputs[0])
        results = {entry: [tensor] for entry, tensor in zip(nested.entries, inputs, strict=True)}
        self._run(steps, results)
        outputs = [_tensor(self._network, name, results) for name in nested.results]
        model = keras.Model(
            _nested(nested.model, "inputs", inputs), _nested(nested.model, "outputs", outputs), name=nested.model.name
        )
        return self._frozen(model, nested.model)

    def _input(self, nested: NestedOrigin, number: int) -> Any:
        """An input of a model inside the model, as wide as what it reads is now."""
        import keras

        name, before, dtype = nested.inputs[number]
        now = self._network[nested.feeds[number]].shape
        shape = tuple(None if was is None else extent for was, extent in zip(before[1:], now, strict=True))
        kept = self._dtype if self._dtype and is_floating(dtype) else dtype
        return keras.Input(batch_shape=(before[0], *shape), dtype=kept, name=name)

    def _called(self, call: Call, inputs: list[Any]) -> list[Any]:
        """The outputs of one call, flat."""
        import keras

        layer = self._layer(call, str(inputs[0].dtype) if inputs else "float32")
        if call.node.kind == "input":
            return [layer.output]
        args, kwargs = _arguments(call, inputs, type(layer))
        with _refusing(call, "it cannot be called"):
            flat: list[Any] = keras.tree.flatten(layer(*args, **kwargs))
        return flat

    def _layer(self, call: Call, inherited: str) -> Any:
        if call.path not in self._layers:
            self._layers[call.path] = self._made(call, inherited)
        return self._layers[call.path]

    def _made(self, call: Call, inherited: str) -> Any:
        import keras

        origin = call.node.origin.layer if isinstance(call.node.origin, CallOrigin) else None
        if origin is not None and origin.problem:
            raise UnsupportedError(f"cannot write layer '{call.layer}' ({call.node.kind}) back: {origin.problem}")
        for node in call.parts.values() or (call.node,):
            if is_wrong(node, node.shape):
                raise UnsupportedError(f"cannot write layer '{call.layer}': {WRONG_AXIS}")
        with _refusing(call, "it cannot be made again"):
            cls, config = configured(call, origin, inherited)
            if self._dtype is not None:
                config = retyped(config, self._dtype)
            with keras.saving.custom_object_scope(dict(origin.objects) if origin else {}):
                # Of a function itself, Keras's Lambda knows no way to take it from a configuration.
                given = cls is keras.layers.Lambda and callable(config["function"])
                layer = cls(**config) if given else cls.from_config(config)
        if "name" not in config:  # Keras leaves it out where a class has no other arguments than those of all layers
            layer.name = call.layer
        values = {path: node.weights[name] for node, name, path in call.variables()}
        self._given[call.path] = self._later.enter_context(begun_with_zeros(layer, values))
        return layer


def _tensor(network: Network, name: str, results: Mapping[str, list[Any]]) -> Any:
    """The output of a node, from the results of the calls that were made."""
    if name in results:
        return results[name][0]
    node = network[name]
    return results[node.inputs[0]][node.origin.index]


def _one_call(steps: list[Step]) -> Call:
    """Whom to name where a chain of layers cannot be made."""
    return next(step for step in reversed(steps) if isinstance(step, Call))


def _arguments(call: Call, inputs: list[Any], cls: type) -> Any:
    """(positional, by keyword) arguments of a call: as they were, if it is of the same class and as many tensors."""
    origin = call.node.origin
    if isinstance(origin, CallOrigin) and origin.tensors == len(inputs) and cls is origin.layer.cls:
        return _filled(arguments_of(call.node), inputs)
    if call.node.kind == "gather":
        return _filled(taking(call.node), inputs)
    return ((inputs,) if call.node.kind in JOINS else tuple(inputs)), {}


def _filled(arguments: tuple[Any, Any], inputs: list[Any]) -> Any:
    """The arguments of a call, with tensors where slots were."""
    import keras

    return keras.tree.map_structure(lambda leaf: inputs[leaf.index] if isinstance(leaf, Slot) else leaf, arguments)


def _nested(origin: Any, side: str, tensors: list[Any]) -> Any:
    """Inputs or outputs, nested as they were in the model that was read; one alone if there is one."""
    import keras

    structure = getattr(origin, side, 0 if len(tensors) == 1 else list(range(len(tensors))))
    if len(keras.tree.flatten(structure)) != len(tensors):
        return tensors
    return keras.tree.map_structure(lambda number: tensors[number], structure)


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
