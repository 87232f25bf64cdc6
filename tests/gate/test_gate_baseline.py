"""The baseline: what is written, what is read, and what becomes of it."""

from __future__ import annotations

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import OptionError
from redundancy.gate.baseline import NOTHING, Unit, accepted, count, read, rounded_up, tightened, told, write

UNITS = st.frozensets(
    st.builds(Unit, st.sampled_from(["conv", 'a "b"\n', "é"]), st.just("dead"), st.integers(0, 9)), min_size=1
)
CLAIMS = st.fixed_dictionaries(
    {}, optional={"no-duplicates": UNITS, "no-dead-units": UNITS, "redundant-share": st.floats(0, 1)}
)
FINDINGS = st.dictionaries(st.text(max_size=3), CLAIMS.filter(bool), max_size=3)


@given(FINDINGS)
def test_what_is_written_is_read(tmp_path_factory, findings):
    path = tmp_path_factory.mktemp("baseline") / "known.json"
    write(path, findings)
    assert read(path) == findings
    assert told(read(path)) == path.read_text()


def test_a_finding_is_a_line():
    units = frozenset({Unit("b", "dead", 7), Unit("a", "dead", 2), Unit("b", "dead", 3)})
    assert told({"z": {"redundant-share": 0.25}, "m": {"no-dead-units": units}}) == (
        """{
  "schema": "redundancy/baseline",
  "version": "1",
  "models": {
    "m": {
      "no-dead-units": [
        {"space": "a", "notion": "dead", "units": [2]},
        {"space": "b", "notion": "dead", "units": [3, 7]}
      ]
    },
    "z": {
      "redundant-share": 0.25
    }
  }
}
"""
    )


def test_where_there_is_no_file_nothing_is_known(tmp_path):
    assert read(tmp_path / "none.json") == {}


@given(FINDINGS, FINDINGS)
def test_tightening_adds_nothing(known, now):
    new = tightened(known, now)
    for model, claims in new.items():
        for key, found in claims.items():
            old = known[model][key]
            assert found <= old


@given(FINDINGS, FINDINGS)
def test_what_was_not_looked_for_stays(known, now):
    for new in (tightened(known, now), accepted(known, now, list(known))):
        for model, claims in known.items():
            for key in claims.keys() - now.get(model, {}).keys():
                assert new[model][key] == claims[key]


def test_what_is_gone_is_left_out():
    one, two = Unit("conv", "dead", 1), Unit("conv", "dead", 2)
    known = {"m": {"no-dead-units": frozenset({one, two}), "redundant-share": 0.5, "output-difference": 0.1}}
    now = {"m": {"no-dead-units": frozenset({two}), "redundant-share": 0.25, "output-difference": NOTHING}}
    assert tightened(known, now) == {"m": {"no-dead-units": frozenset({two}), "redundant-share": 0.25}}


def test_what_is_accepted_stands_for_what_was_known():
    one, two = Unit("conv", "dead", 1), Unit("conv", "dead", 2)
    known = {"m": {"no-dead-units": frozenset({one})}, "gone": {"redundant-share": 0.5}}
    new = accepted(known, {"m": {"no-dead-units": frozenset({two}), "redundant-share": 0.123456}}, ["m"])
    assert new == {"m": {"no-dead-units": frozenset({two}), "redundant-share": 0.124}}
    assert count(new) == 2


@given(st.floats(0, 1e308))
def test_a_number_is_rounded_up(value):
    up = rounded_up(value)
    assert value <= up
    assert up <= value * 1.011 or value < 1e-300
    assert rounded_up(up) == up


ONE = {"space": "conv", "notion": "dead", "units": [1]}

MALFORMED = [
    ("", "no JSON: Expecting value: line 1 column 1"),
    ("<<<<<<< HEAD", "no JSON"),
    ("[]", "the whole is no object"),
    ({"schema": "redundancy/audit", "version": "1", "models": {}}, "its schema is not 'redundancy/baseline'"),
    ({"schema": "redundancy/baseline", "version": "2", "models": {}}, "its version is '2', and '1' is read"),
    ({"schema": "redundancy/baseline", "version": "1", "models": {}, "more": 1}, "'more' is no part of one"),
    ({"schema": "redundancy/baseline", "version": "1"}, "models is no object"),
    ({"m": []}, "'m' is no object"),
    ({"m": {"no-dead": []}}, "'no-dead' of 'm' is no claim"),
    ({"m": {"no-dead-units": 0.5}}, "no-dead-units of 'm' is no list"),
    ({"m": {"redundant-share": [ONE]}}, "redundant-share of 'm' is no number"),
    ({"m": {"redundant-share": True}}, "redundant-share of 'm' is no number"),
    ({"m": {"redundant-share": math.nan}}, "redundant-share of 'm' is no number"),
    ({"m": {"redundant-share": 10**400}}, "redundant-share of 'm' is no number"),
    ("9" * 5000, "no JSON: Exceeds the limit"),
    ({"m": {"no-dead-units": [1]}}, "a finding under no-dead-units of 'm' is no object"),
    ({"m": {"no-dead-units": [{**ONE, "more": 1}]}}, "has not exactly space, notion and units"),
    ({"m": {"no-dead-units": [{**ONE, "space": 1}]}}, "has not two texts and a list"),
    ({"m": {"no-dead-units": [{**ONE, "units": [-1]}]}}, "has units that are no whole numbers from 0"),
    ("[" * 100_000, "recursion"),
]


@pytest.mark.parametrize(("document", "said"), MALFORMED)
def test_what_is_no_baseline_is_one_line(tmp_path, document, said):
    path = tmp_path / "known.json"
    if isinstance(document, dict):
        whole = document if "schema" in document else {
            "schema": "redundancy/baseline", "version": "1", "models": document
        }  # fmt: skip
        document = json.dumps(whole)
    path.write_text(document)
    with pytest.raises(OptionError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: it is no baseline (")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pipe_is_no_baseline(tmp_path):
    """Opening one waits for ever."""
    os.mkfifo(tmp_path / "known.json")
    with pytest.raises(OptionError, match="it is no baseline"):
        read(tmp_path / "known.json")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "known.json").symlink_to(tmp_path / "elsewhere.json")
    write(tmp_path / "known.json", {})
    assert (tmp_path / "known.json").is_symlink()
    assert read(tmp_path / "elsewhere.json") == {}
