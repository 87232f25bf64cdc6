import numpy as np
import pytest

from redundancy.errors import NetworkError
from redundancy.network import Network, Node, frozen_array


def dense(name, reads, kernel=((1.0, 2.0), (3.0, 4.0))):
    return Node(name, "dense", (reads,), (2,), {}, {"kernel": np.array(kernel)})


def chain():
    return Network((Node("x", "input", (), (2,)), dense("a", "x"), dense("b", "a")), ("b",))


def test_weights_cannot_be_changed_from_outside():
    kernel = np.ones((2, 2))
    node = Node("a", "dense", weights={"kernel": kernel})
    kernel[0, 0] = 5
    assert node.weights["kernel"][0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        node.weights["kernel"][0, 0] = 5


def test_a_frozen_array_is_not_copied_again():
    once = frozen_array([1, 2])
    assert frozen_array(once) is once


@pytest.mark.parametrize(
    ("nodes", "outputs", "said"),
    [
        ((Node("x", "input"), Node("x", "input")), ("x",), "two nodes are called 'x'"),
        ((Node("a", "dense", ("x",)), Node("x", "input")), ("a",), "reads 'x', which does not come before it"),
        ((Node("x", "input"),), ("y",), "'y' is not a node"),
        ((Node("x", "input"),), (), "there are none"),
    ],
)
def test_what_is_not_a_network_is_refused(nodes, outputs, said):
    with pytest.raises(NetworkError, match=said):
        Network(nodes, outputs)


def test_readers_and_parameters():
    assert [node.name for node in chain().readers("a")] == ["b"]
    assert chain().parameters == 8


def test_a_layer_that_is_called_twice_counts_once():
    first = dense("a", "x")
    second = Node("a/1", "dense", ("a",), (2,), {}, first.weights, layer="a")
    assert Network((Node("x", "input", (), (2,)), first, second), ("a/1",)).parameters == 4


def test_weights_are_replaced_in_a_copy():
    network = chain()
    changed = network.with_weights({"a": {"kernel": np.zeros((2, 2))}})
    assert changed["a"].weights["kernel"].sum() == 0
    assert network["a"].weights["kernel"].sum() == 10


def test_weights_of_another_shape_are_refused():
    with pytest.raises(NetworkError, match="no weight 'kernel' of shape"):
        chain().with_weights({"a": {"kernel": np.zeros(3)}})


def test_it_prints_one_line_a_layer():
    assert str(chain()).splitlines() == [
        "x: input() [2]",
        "a: dense(kernel[2, 2]) [2] <- x",
        "b: dense(kernel[2, 2]) [2] <- a",
        "outputs: b",
    ]
