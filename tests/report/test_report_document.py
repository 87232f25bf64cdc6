"""What is written as JSON keeps to the schema that is shipped, and docs/json.md says the same."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import redundancy
from redundancy.report.document import document, schema

DOCS = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text()
KINDS = ["audit", "compaction", "pruning"]


@pytest.fixture(scope="module")
def found(model_file):
    """An audit, a compaction and a pruning of a small model, with a box and with data."""
    options = {"box": {"x": (np.float64(0), np.float64(1))}}
    inputs = np.random.default_rng(0).random((90, *redundancy.compact(model_file).original["x"].shape))
    return {
        "audit": redundancy.audit(model_file, **options),
        "compaction": redundancy.compact(model_file, **options),
        "pruning": redundancy.prune(model_file, data=inputs, within=0.5, labels=np.zeros(90, int)),
    }


def problems(kind, text):
    return [error.message for error in Draft202012Validator(schema(kind)).iter_errors(json.loads(text))]


def fields(part):
    """The names of all fields that a schema knows."""
    if not isinstance(part, dict):
        return set()
    return set(part.get("properties", ())).union(*map(fields, part.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one(kind):
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_keeps_to_its_schema(found, kind):
    assert problems(kind, document(found[kind])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_is_written_is_in_the_schema(found, kind):
    written = set(re.findall(r'"(\w+)":', document(found[kind])))
    assert written <= fields(schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_schema_is_in_the_documentation(kind):
    assert {name for name in fields(schema(kind)) if f"| `{name}` |" not in DOCS} == set()


def test_something_else_does_not_keep_to_it(found):
    assert problems("audit", document(found["compaction"]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(found, value):
    text = document(replace(found["compaction"], difference=value))
    assert json.loads(text)["difference"] is None
    assert problems("compaction", text) == []


def test_it_is_ascii_and_ends_with_a_line(found):
    text = document(replace(found["audit"], model_name="層"))
    assert text.isascii()
    assert text.endswith("}\n")
