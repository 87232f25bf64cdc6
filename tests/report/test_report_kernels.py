"""What a picture shows, before it is drawn: tiles, and the groups in which they repeat."""

import numpy as np
import pytest

from redundancy.auditing import Audit, AuditFinding, Certainty
from redundancy.costs import NOTHING
from redundancy.errors import OptionError
from redundancy.network import Network, Node
from redundancy.report.kernels import grouped, kernels_of

RNG = np.random.default_rng(0)


def audit(kernel, kind="conv", findings=()):
    node = Node("layer", kind, (), kernel.shape, weights={"kernel": kernel})
    return Audit(tuple(findings), (), "model", Network((node,), ("layer",)), {"layer": kernel})


def finding(notion, size, *equations, certainty=Certainty.PROVED):
    units = tuple(int(equation[1 : equation.index(" ")]) for equation in equations)
    return AuditFinding("layer", ("layer",), size, notion, units, equations, certainty, 0.0, 0, True, NOTHING)


def tiles(*shape, kind="conv"):
    return kernels_of(audit(RNG.standard_normal(shape), kind), "layer").tiles.shape


@pytest.mark.parametrize(
    ("shape", "kind", "drawn"),
    [
        ((3, 3, 1, 8), "conv", (8, 3, 3)),
        ((3, 5, 16, 8), "conv", (8, 3, 5)),
        ((3, 3, 8, 16), "conv_transpose", (8, 3, 3)),
        ((3, 3, 4, 2), "depthwise_conv", (8, 3, 3)),
        ((5, 4, 8), "conv", (8, 4, 5)),
        ((5, 200, 8), "conv", (8, 1, 5)),
        ((2, 3, 4, 1, 8), "conv", (8, 3, 9)),
        ((784, 8), "dense", (8, 28, 28)),
        ((50, 8), "dense", (8, 1, 50)),
        ((500, 8), "dense", (8, 22, 23)),
        ((1, 1, 1, 1), "conv", (1, 1, 1)),
    ],
)
def test_every_kind_of_kernel_becomes_tiles(shape, kind, drawn):
    assert tiles(*shape, kind=kind) == drawn


def test_one_channel_is_shown_as_it_is():
    kernel = RNG.standard_normal((3, 3, 1, 4))
    assert np.array_equal(kernels_of(audit(kernel), "layer").tiles[2], kernel[:, :, 0, 2])


def test_an_image_of_dense_weights_has_its_rows():
    kernel = RNG.standard_normal((16, 2))
    assert np.array_equal(kernels_of(audit(kernel, "dense"), "layer").tiles[1], kernel[:, 1].reshape(4, 4))


def test_what_is_left_of_the_last_line_is_no_weight():
    assert np.isnan(kernels_of(audit(RNG.standard_normal((70, 1)), "dense"), "layer").tiles).sum() == 72 - 70


def test_multiples_stay_multiples_when_channels_become_one():
    kernel = RNG.standard_normal((3, 3, 7, 2))
    kernel[..., 1] = -2 * kernel[..., 0]
    first, second = kernels_of(audit(kernel), "layer").tiles
    assert np.allclose(second, -2 * first)


def test_a_kernel_of_zeros_is_shown():
    assert not np.any(kernels_of(audit(np.zeros((3, 3, 5, 2))), "layer").tiles)


def test_no_such_layer_is_refused_with_those_that_there_are():
    with pytest.raises(OptionError, match=r"^no layer 'nothing' has a kernel that can be drawn; choose from layer$"):
        kernels_of(audit(np.ones((3, 2)), "dense"), "nothing")


def test_a_model_without_kernels_is_refused():
    with pytest.raises(OptionError, match="no layer of the model has a kernel"):
        kernels_of(Audit((), ()), None)


def test_the_most_redundant_layer_is_drawn_first():
    kernel = np.ones((2, 3))
    both = Audit((finding("dead", 3, "h0 = 0"),), (), kernels={"other": kernel, "layer": kernel})
    assert kernels_of(both, None).layer == "layer"


def test_near_duplicates_are_a_group_with_their_least_cosine():
    kernel = RNG.standard_normal((5, 5, 1, 10))
    kernel[..., 7] = 2 * kernel[..., 3] + 0.01 * kernel[..., 0]
    found = audit(kernel)
    (group,) = grouped(found, kernels_of(found, None)).groups
    assert group.units == (3, 7)
    assert 0.99 < group.cosine < 1.0


def test_what_the_audit_found_alike_is_a_group_whatever_its_cosine():
    found = audit(RNG.standard_normal((3, 3, 1, 5)), findings=[finding("flipped", 5, "h4 = -h1 + 1", "h2 = -0.5 h1")])
    (group,) = grouped(found, kernels_of(found, None)).groups
    assert (group.units, group.notions) == ((1, 2, 4), ("flipped",))


@pytest.mark.parametrize("equation", ["h2 = 0", "h2 = 0.7", "h2 = 0.5 h0 + 2 h1", "h2 = h0 - h1"])
def test_what_is_redundant_otherwise_is_marked(equation):
    found = audit(RNG.standard_normal((3, 3, 1, 5)), findings=[finding("odd", 5, equation)])
    grouping = grouped(found, kernels_of(found, None))
    assert (dict(grouping.marked), grouping.groups) == ({2: "odd"}, ())


def test_what_does_nothing_is_like_no_other_one():
    kernel = RNG.standard_normal((3, 3, 1, 5))
    kernel[..., 2] = kernel[..., 0]
    found = audit(kernel, findings=[finding("dead", 5, "h0 = 0", "h2 = 0")])
    assert grouped(found, kernels_of(found, None)).groups == ()


def test_findings_of_other_units_are_left_out():
    found = audit(RNG.standard_normal((3, 3, 1, 5)), findings=[finding("dead", 12, "h0 = 0")])
    assert not grouped(found, kernels_of(found, None)).marked


def test_every_unit_is_in_one_place():
    kernel = RNG.standard_normal((3, 3, 1, 30))
    kernel[..., 9] = kernel[..., 4]
    found = audit(kernel, findings=[finding("dead", 30, "h0 = 0")])
    grouping = grouped(found, kernels_of(found, None))
    places = [*(unit for group in grouping.groups for unit in group.units), *grouping.marked, *grouping.single]
    assert sorted(places) == list(range(30))


@pytest.mark.parametrize(("convolution", "dense", "drawn"), [(1, 3, "conv"), (0, 3, "dense"), (0, 0, "conv")])
def test_a_convolution_of_which_something_was_found_is_drawn_before_a_dense_layer(convolution, dense, drawn):
    kernels = {"conv": RNG.standard_normal((3, 3, 1, 4)), "dense": RNG.standard_normal((9, 4))}
    findings = [
        AuditFinding(name, (name,), 4, "dead", tuple(range(n)), ("h = 0",) * n, Certainty.PROVED, 0.0, 0, True, NOTHING)
        for name, n in (("conv", convolution), ("dense", dense))
    ]
    assert kernels_of(Audit(tuple(findings), (), kernels=kernels), None).layer == drawn
