"""From a Keras model to a network.

The graph is taken from the calls that Keras recorded, not from the model's configuration: a configuration exists only
where every layer and every argument can be serialized, and says no shapes. So a model with a layer that nothing can
write back is still read, and only writing refuses.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.keeping import kept
from redundancy.frameworks.keras.kinds import (
    JOINS,
    Meaning,
    Part,
    attribute,
    meaning_of,
    operation_name,
    operation_of,
    present,
)
from redundancy.frameworks.keras.masking import MASKED, Masks
from redundancy.frameworks.keras.origin import (
    ArgumentOrigin,
    CallOrigin,
    EntryOrigin,
    ItemOrigin,
    LayerOrigin,
    ModelOrigin,
    NestedOrigin,
    PartOrigin,
    layer_origin,
)
from redundancy.frameworks.keras.overriding import is_graph
from redundancy.frameworks.keras.recording import (
    MASKLESS,
    built_graph,
    calls_of,
    fits,
    graph_of,
    is_plain,
    slotted,
    stored,
    weights_by_path,
)
from redundancy.frameworks.keras.wholes import Wholes
from redundancy.network import Array, Network, Node, frozen_array

if TYPE_CHECKING:
    import keras


def read(model: keras.Model) -> Network:
    """The network of a Sequential or functional model.

    A layer with an activation argument becomes two nodes, "name" and "name/activation"; a layer that is called again
    gives "name/1", "name/2", ...; a call with several outputs is followed by "name/output/0" and so on. The nodes of
    a model inside the model stand among the others, as "inner/name". A layer that the house has no word for becomes
    a node whose kind is its class's name. Compile settings, the optimizer's state and seeds are not read.

    Args:
        model: Built; its weights may have any dtype, and stay as they are stored.

    Raises:
        UnsupportedError: The model is subclassed, not built, or no model, or has methods of its own; or layers in
            different places share a weight.
    """
    graph = built_graph(model)
    reader = _Reader()
    for tensor in graph.inputs:
        reader.input(tensor)
    origin, outputs = reader.model(model, graph, "", ())
    return Network(tuple(reader.nodes), outputs, origin)


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
        self._keepers: set[int] = set()
        self._weights: dict[tuple[int, str], Array] = {}
        self._called: Counter[str] = Counter()
        self._owners: dict[int, str] = {}
        self._shapes: dict[str, tuple[int | None, ...]] = {}
        self._masks, self._wholes = Masks(), Wholes()

    def input(self, tensor: Any) -> None:
        """An input of the model."""
        layer = tensor._keras_history.operation
        config, origin = {"dtype": str(tensor.dtype)}, CallOrigin(layer_origin(layer))
        self._add(Node(layer.name, "input", (), tensor.shape[1:], config, origin=origin), tensor)
        self._wholes.given(layer.name, tensor)

    def model(self, model: Any, graph: Any, prefix: str, scope: tuple[str, ...]) -> tuple[ModelOrigin, tuple[str, ...]]:
        """The nodes of a model whose inputs are known; how to write it, and the nodes that are its outputs."""
        import keras

        sequential = isinstance(model, keras.Sequential)
        nested: list[NestedOrigin] = []
        for call in calls_of(graph):
            # Between the layers of a Sequential model lie only masks, which Keras makes again by itself.
            if sequential and not any(call.operation is layer for layer in model.layers):
                continue
            inner = self._inner(call)
            if inner is None:
                self._call(call, prefix, scope)
            else:
                nested.append(self._nested(call, inner, prefix, scope))
        origin = ModelOrigin(
            name=model.name,
            sequential=sequential,
            trainable=bool(model.trainable),
            inputs=keras.tree.pack_sequence_as(graph.input, list(range(len(graph.inputs)))),
            outputs=keras.tree.pack_sequence_as(graph.output, list(range(len(graph.outputs)))),
            nested=tuple(nested),
            policy=model.dtype_policy,
        )
        return origin, tuple(self.names[id(tensor)] for tensor in graph.outputs)

    def _inner(self, call: Any) -> Any:
        """The graph of a model that is called, if its nodes can stand for the call."""
        import keras

        model = call.operation
        if not isinstance(model, keras.Model) or not is_graph(model) or not is_plain(call):
            return None
        graph = graph_of(model)
        known = all(id(tensor) in self.names for tensor in call.input_tensors)
        return graph if known and fits(call, graph) and len(graph.outputs) == len(call.outputs) else None

    def _nested(self, call: Any, graph: Any, prefix: str, scope: tuple[str, ...]) -> NestedOrigin:
        model = call.operation
        name, origin = self._named(model.name, prefix), self._origin(call, scope)
        feeds = tuple(self.names[id(tensor)] for tensor in call.input_tensors)
        self._masks.crossed(call.input_tensors, feeds)
        first = len(self.nodes)
        entries = self._entered(graph, feeds, f"{name}/")
        inside, results = self.model(model, graph, f"{name}/", (*scope, model.name))
        self.names.update({id(tensor): result for tensor, result in zip(call.outputs, results, strict=True)})
        self._masks.crossed(graph.outputs, results)
        inputs = tuple((t._keras_history.operation.name, tuple(t.shape), str(t.dtype)) for t in graph.inputs)
        members = frozenset(node.name for node in self.nodes[first:])
        return NestedOrigin(inside, origin, feeds, results, members, inputs, entries)

    def _entered(self, graph: Any, feeds: tuple[str, ...], prefix: str) -> tuple[str, ...]:
        """The nodes that those inside a model read in place of its inputs: what it is given, where that tells them."""
        # An input that is an output as well is a tensor of its own outside, and of two that are given one, each is.
        passed = {id(tensor) for tensor in graph.outputs}
        entries = []
        for tensor, feed in zip(graph.inputs, feeds, strict=True):
            self.names[id(tensor)] = feed
            if id(tensor) in passed or feeds.count(feed) > 1:
                name = self._named(tensor._keras_history.operation.name, prefix)
                self._add(Node(name, "identity", (feed,), self._shapes[feed], origin=EntryOrigin()), tensor)
                self._masks.entered(feed, name)
                self._wholes.entered(feed, name)
            entries.append(self.names[id(tensor)])
        return tuple(entries)

    def _named(self, own: str, prefix: str) -> str:
        """The name of the next call of a layer."""
        name = prefix + own
        again = self._called[name]
        self._called[name] += 1
        return f"{name}/{again}" if again else name

    def _call(self, call: Any, prefix: str, scope: tuple[str, ...]) -> None:
        operation = call.operation
        name, layer = self._named(operation.name, prefix), "/".join((*scope, operation.name))
        self._owned(operation, layer)
        inputs = tuple(self.names[id(tensor)] for tensor in call.input_tensors if id(tensor) in self.names)
        if type(operation).__name__ in MASKLESS:
            inputs = inputs[:1]
        shapes = tuple(self._shapes[read] for read in inputs)
        origin = self._origin(call, scope)
        meaning = meaning_of(operation, shapes) if is_plain(call) else None
        if isinstance(meaning, Meaning) and len(inputs) > 1 and meaning.kind not in JOINS:
            meaning = None  # it was given a mask
        meaning = meaning or operation_of(operation, shapes, origin.arguments)
        whole = isinstance(meaning, Meaning) and self._wholes.calculated(call, meaning.kind, inputs)
        if whole:
            meaning = None
        first, kind = len(self.nodes), meaning.kind if isinstance(meaning, Meaning) else "" if meaning else None
        if isinstance(meaning, Meaning) and kind in MASKED:
            masked = not operation_name(type(operation)) and self._masks.reach(call.input_tensors, inputs)
            meaning = replace(meaning, config={"masked": masked})
        if isinstance(meaning, tuple):
            self._parts(call, name, layer, inputs, origin, meaning)
        elif meaning is None:
            self._unknown(call, name, layer, inputs, origin, {"whole": True} if whole else {})
        else:
            self._known(call, name, layer, inputs, origin, meaning)
        made = [node.name for node in self.nodes[first:]]
        self._masks.called(call, inputs, kind, made)
        self._wholes.called(call, inputs, kind, made)

    def _owned(self, operation: Any, layer: str) -> None:
        """Refuses what could not be written back as one weight: it would become two, and be changed as two."""
        for variable in getattr(operation, "weights", ()):
            owner = self._owners.setdefault(id(variable), layer)
            if owner != layer:
                raise UnsupportedError(
                    f"layers '{owner}' and '{layer}' share their weight '{variable.path}', which would become two; call"
                    " a shared layer from one model only, or give each a weight of its own"
                )

    def _known(
        self, call: Any, name: str, layer: str, inputs: tuple[str, ...], origin: CallOrigin, meaning: Meaning
    ) -> None:
        tensor = call.outputs[0]
        shape, weights = tensor.shape[1:], self._stored(call.operation, meaning)
        origin = CallOrigin(origin.layer, origin.arguments, origin.tensors, origin.scope, meaning.paths)
        self._add(Node(name, meaning.kind, inputs, shape, meaning.config, weights, layer, origin), tensor)
        if meaning.activation is not None:
            activation = meaning.activation
            given = ArgumentOrigin(activation)
            act = Node(f"{name}/activation", "activation", (name,), shape, activation, layer=layer, origin=given)
            self._add(act, tensor)
        self._items(call, name, layer, "state")

    def _parts(
        self, call: Any, name: str, layer: str, inputs: tuple[str, ...], origin: CallOrigin, parts: tuple[Part, ...]
    ) -> None:
        named = {part.role: f"{name}/{part.role}" if number else name for number, part in enumerate(parts)}
        for number, part in enumerate(parts):
            reads = tuple(inputs[source] if isinstance(source, int) else named[source] for source in part.inputs)
            mine: Any = PartOrigin(name, part.role, part.meaning.paths, part.output)
            if not number:
                first = part.meaning.paths
                mine = replace(origin, paths=first, several=True, feeds=inputs)
            meaning, weights = part.meaning, self._stored(call.operation, part.meaning)
            home = f"{layer}/{part.role}" if number else layer
            node = Node(named[part.role], meaning.kind, reads, part.shape, meaning.config, weights, home, mine)
            self._add(node, call.outputs[part.output or 0])

    def _stored(self, operation: Any, meaning: Meaning) -> dict[str, Array]:
        """The weights of a node; those of a layer that is called again are the same arrays."""
        found = {}
        for name, path in present(operation, **meaning.paths).items():
            key = (id(operation), path)
            if key not in self._weights:
                self._weights[key] = frozen_array(stored(attribute(operation, path)))
            found[name] = self._weights[key]
        return found

    def _unknown(
        self, call: Any, name: str, layer: str, inputs: tuple[str, ...], origin: CallOrigin, config: dict[str, Any]
    ) -> None:
        operation, first = call.operation, call.outputs[0]
        weights, origin = weights_by_path(operation), replace(origin, layer=self._keeping(operation))
        kind = type(operation).__name__
        self._add(Node(name, kind, inputs, first.shape[1:], config, weights, layer, origin), first)
        self._items(call, name, layer, "output")

    def _keeping(self, operation: Any) -> LayerOrigin:
        """The origin of a layer that no kind stands for, with what it keeps outside its configuration."""
        key = id(operation)
        before = self._origins[key]
        if key not in self._keepers:
            self._keepers.add(key)
            try:
                self._origins[key] = replace(before, kept=kept(operation))
            except Exception as error:  # a class of the user's own may raise anything here
                said = " ".join(str(error).split()) or type(error).__name__
                problem = before.problem or f"what it keeps cannot be saved ({said[:200]})"
                self._origins[key] = replace(before, problem=problem)
        return self._origins[key]

    def _items(self, call: Any, name: str, layer: str, kind: str) -> None:
        """The outputs of a call that has several."""
        for index, tensor in enumerate(call.outputs if len(call.outputs) > 1 else ()):
            place, config, item = f"{name}/output/{index}", {"index": index}, ItemOrigin(index)
            self._add(Node(place, kind, (name,), tensor.shape[1:], config, {}, layer, item), tensor)

    def _add(self, node: Node, tensor: Any) -> None:
        self.nodes.append(node)
        self.names[id(tensor)] = node.name
        self._shapes[node.name] = node.shape

    def _origin(self, call: Any, scope: tuple[str, ...]) -> CallOrigin:
        key = id(call.operation)
        if key not in self._origins:
            self._origins[key] = layer_origin(call.operation)
        arguments, tensors = slotted(call, self.names)
        return CallOrigin(self._origins[key], arguments, tensors, scope)
