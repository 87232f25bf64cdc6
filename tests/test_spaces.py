import numpy as np
import pytest
from forward import forward

from redundancy.building import Builder
from redundancy.compaction import compact
from redundancy.errors import NetworkError
from redundancy.network import Network, Node
from redundancy.spaces import trace


def kernel(*shape):
    return {"kernel": np.ones(shape, np.float32)}


def residual():
    """stem -> relu -> branch, added to relu; then a reader."""
    b = Builder()
    stem = b.add("dense", b.input((3,)), name="stem", weights=kernel(3, 4))
    relu = b.add("activation", stem, name="relu", function="relu")
    branch = b.add("dense", relu, name="branch", weights=kernel(4, 4))
    joined = b.add("add", relu, branch, name="joined")
    return b.network(b.add("dense", joined, name="last", weights=kernel(4, 2)))


def space(network, name):
    return next(space for space in trace(network).spaces if space.name == name)


def test_added_layers_share_a_space_that_is_read_at_two_taps():
    shared = space(residual(), "stem+branch")
    assert shared.size == 4
    assert [tap.name for tap in shared.taps] == ["relu", "joined"]
    assert [read.node for tap in shared.taps for read in tap.reads] == ["branch", "last"]


def test_inputs_and_outputs_are_pinned():
    reasons = {s.name: [pin.reason for pin in s.pins] for s in trace(residual()).spaces}
    assert reasons["last"] == ["it is an output of the network"]
    assert reasons["stem+branch"] == []
    assert ["it is an input of the network"] in reasons.values()


def test_an_output_stays_because_it_is_one_whatever_its_function_is():
    b = Builder()
    top = b.add("dense", b.input((3,)), name="top", weights={"kernel": np.eye(3)})
    network = b.network(b.add("activation", top, function="softmax"))
    assert space(network, "top").pins[0].reason == "it is an output of the network"


def test_concatenated_layers_have_spaces_of_their_own():
    b = Builder()
    x = b.input((3,))
    left, right = (b.add("dense", x, name=name, weights=kernel(3, n)) for name, n in (("left", 2), ("right", 3)))
    both = b.add("concatenate", left, right, name="both")
    network = b.network(b.add("dense", both, weights=kernel(5, 1)))
    assert [tap.name for tap in space(network, "left").taps] == ["both:0"]
    assert space(network, "right").taps[0].part.where.tolist() == [[2, 3, 4]]


@pytest.mark.parametrize(("data_format", "where"), [("channels_last", [0, 2]), ("channels_first", [0, 2])])
def test_flatten_lays_channels_side_by_side_in_both_formats(data_format, where):
    """The framework moves channels to the end before it flattens, so both formats end alike."""
    first = data_format == "channels_first"
    b = Builder()
    conv = b.add(
        "conv", b.input((1, 1, 2) if first else (1, 2, 1)), weights=kernel(1, 1, 1, 2), data_format=data_format
    )
    flat = b.add("flatten", conv, data_format=data_format)
    network = b.network(b.add("dense", flat, weights=kernel(4, 1)))
    assert trace(network).units[flat].parts[0].where[:, 0].tolist() == where


def test_one_unit_may_lie_at_several_places():
    """Crossed branches tie the units of `wide` two by two: what goes, goes at both places."""
    b = Builder()
    x = b.input((3,))
    a, c = (b.add("dense", x, weights=kernel(3, 2)) for _ in range(2))
    crossed = b.add("add", b.add("concatenate", a, c), b.add("concatenate", c, a))
    wide = b.add("dense", x, name="wide", weights=kernel(3, 4))
    joined = b.add("add", crossed, wide, name="joined")
    network = b.network(b.add("dense", joined, weights=kernel(4, 1)))
    (shared,) = (s for s in trace(network).spaces if "wide" in s.name)
    assert shared.size == 2
    small = compact(network).network
    assert small["wide"].weights["kernel"].shape == (3, 2)
    images = np.random.default_rng(0).standard_normal((4, 3))
    assert np.allclose(forward(small, images), forward(network, images))


def test_an_unknown_kind_pins_what_reaches_it_and_what_it_makes():
    x = Node("x", "input", (), (2,), {"dtype": "float32"})
    a = Node("a", "dense", ("x",), (3,), {}, kernel(2, 3))
    odd = Node("odd", "PReLU", ("a",), (3,))
    last = Node("last", "dense", ("odd",), (1,), {}, kernel(3, 1))
    followed = trace(Network((x, a, odd, last), ("last",)))
    assert {s.name: [pin.layer for pin in s.pins] for s in followed.spaces}["a"] == ["odd"]
    assert {s.name: [pin.layer for pin in s.pins] for s in followed.spaces}["odd"] == ["odd"]


@pytest.mark.parametrize(
    ("box", "said"),
    [({"stem": (0, 1)}, "no input"), ({"input_1": (1, 0)}, "is empty"), ({"input_1": (np.nan, 0)}, "empty")],
)
def test_a_box_that_is_none_is_refused(box, said):
    with pytest.raises(NetworkError, match=said):
        trace(residual(), lambda site: None, box)
