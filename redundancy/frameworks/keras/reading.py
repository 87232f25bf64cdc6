"""From a Keras model to a network.

The graph is taken from the calls that Keras recorded, not from the model's configuration: a configuration exists only
where every layer and every argument can be serialized, and says no shapes. So a model with a layer that nothing can
write back is still read, and only writing refuses.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.meaning import JOINS, VARIABLES, Meaning, meaning_of
from redundancy.frameworks.keras.origin import CallOrigin, ItemOrigin, LayerOrigin, ModelOrigin, Slot, layer_origin
from redundancy.network import Array, Network, Node

if TYPE_CHECKING:
    import keras


def read(model: keras.Model) -> Network:
    """The network of a Sequential or functional model.

    A layer with an activation argument becomes two nodes, "name" and "name/activation"; a layer that is called again
    gives "name/1", "name/2", ...; a call with several outputs is followed by "name/output/0" and so on. A layer that
    the house has no word for becomes a node whose kind is its class's name. Compile settings, the optimizer's state
    and seeds are not read.

    Args:
        model: Built; its weights may have any dtype, and stay as they are stored.

    Raises:
        UnsupportedError: The model is subclassed, not built, or no model.
    """
    import keras

    graph = _graph(model)
    reader = _Reader()
    for tensor in graph.inputs:
        reader.input(tensor)
    sequential = isinstance(model, keras.Sequential)
    for call in _calls(graph):
        # Between the layers of a Sequential model lie only masks, which Keras makes again by itself.
        if not sequential or any(call.operation is layer for layer in model.layers):
            reader.call(call)
    origin = ModelOrigin(
        name=model.name,
        sequential=sequential,
        trainable=bool(model.trainable),
        inputs=keras.tree.pack_sequence_as(graph.input, list(range(len(graph.inputs)))),
        outputs=keras.tree.pack_sequence_as(graph.output, list(range(len(graph.outputs)))),
    )
    return Network(tuple(reader.nodes), tuple(reader.names[id(tensor)] for tensor in graph.outputs), origin)


def _graph(model: Any) -> Any:
    """The functional graph of a model."""
    import keras
    from keras.src.models.functional import Functional

    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"a {type(model).__name__} is no Keras model; give a Sequential or functional one")
    known = keras.Sequential if isinstance(model, keras.Sequential) else Functional
    if not isinstance(model, known) or type(model).call is not known.call:
        what = f"model '{model.name}' ({type(model).__name__}) is subclassed, and its code cannot be read as a graph"
        raise UnsupportedError(f"{what}; rebuild it with keras.Sequential or keras.Model(inputs, outputs)")
    graph = model._functional if known is keras.Sequential else model
    if graph is None:
        what = f"the Sequential model '{model.name}' is not built, so its layers have no shapes"
        raise UnsupportedError(f"{what}; begin it with keras.Input(shape) or call model.build((None, ...))")
    return graph


def _calls(graph: Any) -> Iterator[Any]:
    """The calls that Keras recorded, each after those it reads."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from (call for call in graph._nodes_by_depth[depth] if not call.is_input)


class _Reader:
    """Collects nodes while a graph is walked.

    Attributes:
        nodes: So far.
        names: The node that made a tensor, by the tensor's id.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.names: dict[int, str] = {}
        self._origins: dict[int, LayerOrigin] = {}
        self._called: Counter[str] = Counter()
        self._shapes: dict[str, tuple[int | None, ...]] = {}

    def input(self, tensor: Any) -> None:
        """An input of the model."""
        layer = tensor._keras_history.operation
        config, origin = {"dtype": str(tensor.dtype)}, CallOrigin(layer_origin(layer))
        self._add(Node(layer.name, "input", (), tensor.shape[1:], config, origin=origin), tensor)

    def call(self, call: Any) -> None:
        """One call of a layer, or of another operation."""
        operation = call.operation
        again = self._called[operation.name]
        self._called[operation.name] += 1
        name = f"{operation.name}/{again}" if again else operation.name
        inputs = tuple(self.names[id(tensor)] for tensor in call.input_tensors if id(tensor) in self.names)
        shapes = tuple(self._shapes[read] for read in inputs)
        meaning = meaning_of(operation, shapes) if _is_plain(call) else None
        if meaning is not None and len(inputs) > 1 and meaning.kind not in JOINS:
            meaning = None  # it was given a mask
        origin = self._origin(call)
        if meaning is None:
            self._unknown(call, name, inputs, origin)
        else:
            self._known(call, name, inputs, origin, meaning)

    def _known(self, call: Any, name: str, inputs: tuple[str, ...], origin: CallOrigin, meaning: Meaning) -> None:
        operation, (tensor,) = call.operation, call.outputs
        weights = {key: stored(getattr(operation, VARIABLES[key])) for key in meaning.weights}
        shape = tensor.shape[1:]
        node = Node(name, meaning.kind, inputs, shape, meaning.config, weights, operation.name, origin)
        self._add(node, tensor)
        if meaning.activation is not None:
            activation = meaning.activation
            act = Node(f"{name}/activation", "activation", (name,), shape, activation, layer=operation.name)
            self._add(act, tensor)

    def _unknown(self, call: Any, name: str, inputs: tuple[str, ...], origin: CallOrigin) -> None:
        operation, first = call.operation, call.outputs[0]
        weights = _named(operation)
        kind = type(operation).__name__
        self._add(Node(name, kind, inputs, first.shape[1:], {}, weights, operation.name, origin), first)
        if len(call.outputs) == 1:
            return
        for index, tensor in enumerate(call.outputs):
            place, config, item = f"{name}/output/{index}", {"index": index}, ItemOrigin(index)
            self._add(Node(place, "output", (name,), tensor.shape[1:], config, {}, operation.name, item), tensor)

    def _add(self, node: Node, tensor: Any) -> None:
        self.nodes.append(node)
        self.names[id(tensor)] = node.name
        self._shapes[node.name] = node.shape

    def _origin(self, call: Any) -> CallOrigin:
        import keras

        key = id(call.operation)
        if key not in self._origins:
            self._origins[key] = layer_origin(call.operation)
        slots = itertools.count()

        def slotted(leaf: Any) -> Any:
            if not isinstance(leaf, keras.KerasTensor):
                return leaf
            return Slot(next(slots)) if id(leaf) in self.names else None

        # Keras lists the tensors of a call in the order in which its arguments are flattened.
        arguments = keras.tree.map_structure(slotted, (call.arguments.args, call.arguments.kwargs))
        return CallOrigin(self._origins[key], arguments, next(slots))


def _is_plain(call: Any) -> bool:
    """Whether a call passes tensors and nothing that changes what the layer does in inference."""
    import keras

    kwargs = dict(call.arguments.kwargs)
    if kwargs.get("training") is False:
        del kwargs["training"]
    if kwargs.get("mask") is not None:
        return False
    leaves = keras.tree.flatten((call.arguments.args, kwargs))
    return all(leaf is None or isinstance(leaf, keras.KerasTensor) for leaf in leaves)


def stored(variable: Any) -> Array:
    """A variable's values, as stored."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))


def _named(operation: Any) -> dict[str, Array]:
    """The weights of a layer of any class, by their paths, in Keras's order."""
    weights: dict[str, Array] = {}
    for number, variable in enumerate(getattr(operation, "weights", ())):
        name = variable.path if variable.path not in weights else f"{variable.path}:{number}"
        weights[name] = stored(variable)
    return weights
