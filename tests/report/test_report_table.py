"""What a person reads after an audit and after a compaction."""

from dataclasses import replace

import numpy as np
import pytest

from redundancy.auditing import Audit, AuditFinding, Certainty
from redundancy.building import Builder
from redundancy.compaction import compact
from redundancy.costs import Cost
from redundancy.report.layout import columns
from redundancy.report.table import audit_table, compaction_table
from redundancy.surgery import Refusal

WIDTHS = [50, 66, 80, 100, 200]


def finding(space="conv", units=(3, 5), notion="duplicate", certainty=Certainty.PROVED, saved=100, **other):
    equations = tuple(f"h{unit} = h0 ({notion})" for unit in units)
    values = {"size": 64, "error": 0.0, "samples": 0, "removable": True, **other}
    return AuditFinding(
        space=space, layers=tuple(space.split("+")), notion=notion, units=tuple(units), equations=equations,
        certainty=certainty, saved=Cost(saved, 10 * saved, 4 * saved), **values,
    )  # fmt: skip


def audit(*findings, refusals=()):
    return Audit(findings, tuple(refusals), "resnet", before=Cost(10**6, 10**9, 4 * 10**6), after=Cost(10**5, 10, 20))


@pytest.fixture(scope="module")
def deep():
    """An audit of a model of 50 spaces with long names."""
    names = [
        "+".join(f"stage{s}_block{b}_{k}_convolution" for k in range(1 + b % 3)) for s in range(5) for b in range(10)
    ]
    findings = [finding(name, range(n % 40 + 1), saved=1000 * n) for n, name in enumerate(names)]
    refusals = [Refusal(name, f"{name}_bn", "it is an output of the network", 2) for name in names]
    return audit(*findings, refusals=refusals)


@pytest.fixture(scope="module")
def small():
    """A compaction: two of four dense units are copies."""
    b = Builder()
    kernel = np.random.default_rng(0).standard_normal((3, 4))
    kernel[:, 2:] = kernel[:, :2]
    hidden = b.add("dense", b.input((3,)), name="hidden", weights={"kernel": kernel, "bias": np.zeros(4)})
    top = b.add("dense", hidden, name="top", weights={"kernel": np.eye(4), "bias": np.zeros(4)})
    return compact(b.network(top), notions=["duplicate"])


def test_a_finding_is_one_row():
    row = audit_table(audit(finding()), 100).splitlines()[4]
    assert row.split() == ["conv", "64", "2", "duplicate", "(proved)", "100", "<0.1%", "1.00", "k", "400", "B"]


def test_the_equations_are_below_it():
    assert "\n    h3 = h0; h5 = h0\n" in audit_table(audit(finding()), 100)


def test_the_heading_says_what_was_looked_at():
    assert audit_table(audit(), 100).startswith("resnet: 1,000,000 parameters, 1.00 G MACs, 3.81 MiB of weights\n")


def test_the_total_is_what_goes_together():
    total = audit_table(audit(finding(), finding("dense", saved=5)), 100).splitlines()[-1]
    assert total.split() == ["total", "4", "900,000", "90.0%", "1.00", "G", "3.81", "MiB"]


def test_a_space_is_named_once():
    assert audit_table(audit(finding(), finding(notion="dead", units=[9])), 100).count("conv") == 1


def test_what_was_measured_says_how_far_off_it_is():
    shown = audit_table(audit(finding(certainty=Certainty.DATA, error=1.23e-5)), 100)
    assert "duplicate (on data, 1e-05)" in shown
    assert "\non data: true on the data, and maybe on no other" in shown


def test_what_stays_is_in_brackets_and_not_in_the_total():
    shown = audit_table(audit(finding(), finding("dense", certainty=Certainty.NEAR, error=0.02, removable=False)), 100)
    assert "(100)" in shown
    assert "(in brackets)" in shown
    assert "total" in shown
    assert shown.split("total")[1].split()[0] == "2"


def test_layers_are_counted_where_a_space_has_several():
    lines = audit_table(audit(finding("a+b+c")), 100).splitlines()
    assert lines[2].split()[:2] == ["space", "layers"]
    assert lines[4].split()[:2] == ["a", "3"]


def test_nothing_found_is_said():
    assert audit_table(audit(), 100).splitlines()[-1] == "Nothing redundant was found."


def test_nothing_that_may_go_is_said_with_the_reason():
    shown = audit_table(audit(refusals=[Refusal("conv", "norm", "its units are normalised together", 3)]), 100)
    assert "Nothing redundant was found that may be removed." in shown
    assert "3 units of conv (because of norm): its units are normalised together" in shown


def test_one_reason_is_given_once(deep):
    assert audit_table(deep, 100).count("it is an output of the network") == 1


def test_a_layer_that_stays_because_of_itself_is_named_once():
    refusals = [Refusal("conv", "norm", "it is so", 3), Refusal("norm", "norm", "it is so", 5)]
    assert "8 units of conv (because of norm); norm: it is so" in audit_table(audit(refusals=refusals), 100)


def test_where_most_is_saved_is_said_where_there_is_much(deep):
    assert "Most parameters are saved in stage4_block9_0_convolution 49,000 (4.9%)," in audit_table(deep, 100)


def test_many_reasons_are_counted():
    refusals = [Refusal("conv", "norm", f"reason {n}", 3) for n in range(30)]
    assert "and for 18 more reasons, which --json names" in audit_table(audit(refusals=refusals), 100)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_a_deep_model_is_too_wide(deep, width):
    assert max(map(columns, audit_table(deep, width).splitlines())) <= width


def test_names_in_a_deep_model_are_whole_at_the_usual_width(deep):
    assert "stage0_block1_0_convolution" in audit_table(deep, 100).splitlines()[5]


def test_a_name_cannot_steer_the_terminal():
    assert "\x1b" not in audit_table(audit(finding("a\x1b[2Jb")), 100)


def test_a_compaction_says_what_is_left(small):
    assert "hidden      4     2  2 duplicate (proved)" in compaction_table(small, 100)


def test_a_compaction_says_what_it_saved(small):
    lines = [line.split() for line in compaction_table(small, 100).splitlines()]
    assert ["parameters", "36", "20", "-44.4%"] in lines


def test_files_are_compared(small):
    assert ["file", "2.00", "KiB", "1.00", "KiB", "-50.0%"] in [
        line.split() for line in compaction_table(replace(small, files=(2048, 1024)), 100).splitlines()
    ]


def test_an_exact_compaction_says_so(small):
    assert "Every output is the same but for rounding, whatever the input." in compaction_table(small, 100)


@pytest.mark.parametrize(
    ("bound", "box", "said"),
    [
        (0.25, {}, "No output can differ by more than 0.25, whatever the input"),
        (0.25, {"x": (np.zeros(3), np.ones(3))}, "than 0.25, for inputs from 0 to 1"),
        (0.25, {"x": (np.zeros(3), np.arange(3))}, "than 0.25, within the bounds that were given"),
        (
            0.25,
            {n: (np.array(0), np.array(h)) for n, h in (("x", 1), ("y", 255))},
            "for x from 0 to 1, y from 0 to 255",
        ),
        (None, {}, "on other inputs outputs can differ by more"),
    ],
)
def test_what_is_not_exact_says_how_far_it_is_off(small, bound, box, said):
    assert said in " ".join(compaction_table(replace(small, bound=bound, box=box), 100).split())


def test_a_measured_difference_is_shown_beside_the_largest_output(small):
    shown = compaction_table(replace(small, difference=1.7881e-7, scale=0.9137), 100)
    assert "Largest difference of an output, measured: 1.8e-07 (the largest output is 0.91)." in shown


def test_a_box_that_nobody_gave_is_named(small):
    shown = " ".join(compaction_table(replace(small, assumed=("x",)), 100).split())
    assert "No box was given: inputs from 0 to 1 are assumed (x)." in shown
    assert "No box was given" not in compaction_table(small, 100)


def test_a_model_without_redundancy_stays(small):
    shown = compaction_table(compact(small.network), 100)
    assert "Nothing redundant was found.\nThe model stays as it is; so does what is only alike" in shown
    assert "unless a tolerance lets it go" in " ".join(shown.split())
    assert "the tolerance lets nothing go" in compaction_table(replace(compact(small.network), tolerance=0.1), 100)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_a_compaction_is_too_wide(small, width):
    refusals = (Refusal("conv" * 30, "norm", "its units are normalised together", 3),)
    shown = compaction_table(replace(small, refusals=refusals, files=(2, 1)), width)
    assert max(map(columns, shown.splitlines())) <= width


def test_what_is_near_always_says_how_near():
    shown = audit_table(audit(finding(certainty=Certainty.NEAR, notion="near-duplicate", removable=False)), 100)
    assert "near-duplicate (near, 0)" in shown
