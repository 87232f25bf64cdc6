"""Where Keras adds a bias along the wrong axis, for inputs of some sizes."""

from __future__ import annotations

from redundancy.errors import OptionError
from redundancy.frameworks.keras.kinds import is_known, is_misplaced
from redundancy.layers import shape_of
from redundancy.network import Array, Network, Node

WRONG_AXIS = (
    "it would have as many channels as its map is wide, and Keras then adds its bias along the wrong axis; put its"
    " channels last"
)


def unfit(network: Network) -> dict[str, str]:
    """The nodes that Keras would compute wrongly, and why."""
    return {node.name: WRONG_AXIS for node in network if is_wrong(node, node.shape)}


def misplaced(network: Network, inputs: tuple[Array, ...]) -> str | None:
    """The first layer that adds its bias along the wrong axis on inputs of these shapes (see `is_misplaced`).

    Args:
        network: Whose extents need not all be fixed.
        inputs: One array for each of its inputs, in order.
    """
    shapes = {name: array.shape[1:] for name, array in zip(network.inputs, inputs, strict=True)}
    if not any(node.config.get("data_format") == "channels_first" for node in network):
        return None
    for node in network:
        # What is fixed has the shape that it is stated with: a reshape, say, still names the one from before surgery.
        if node.name not in shapes:
            free = None in node.shape
            shapes[node.name] = shape_of(node, tuple(shapes[name] for name in node.inputs)) if free else node.shape
        if is_wrong(node, shapes[node.name]):
            return node.layer
    return None


def is_wrong(node: Node, shape: tuple[int | None, ...]) -> bool:
    """Whether Keras adds the bias of a node with an output of that shape along the wrong axis."""
    return is_known(node) and is_misplaced(node.weights.get("bias"), node.config.get("data_format"), shape)


def check_placed(network: Network, inputs: tuple[Array, ...]) -> None:
    """Refuses inputs on which Keras would add a bias along the wrong axis.

    Raises:
        OptionError: They are such inputs.
    """
    if layer := misplaced(network, inputs):
        raise OptionError(
            f"on these data the maps of layer '{layer}' are as wide as they have channels, and Keras then adds its bias"
            " along the wrong axis: give data of another size, or put the channels last"
        )
