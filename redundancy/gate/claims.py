"""The claims that pyproject.toml can ask for, as ordinary tests: import them into tests of your own, all or some.

They take the fixture `model` of the pytest plugin, which is each model file in turn. PYTEST_DONT_REWRITE: what their
assertions say is said in words.
"""

from __future__ import annotations

from redundancy.gate.asking import asks
from redundancy.gate.differing import relative_difference
from redundancy.gate.keeping import judge_kept
from redundancy.gate.subject import Subject
from redundancy.hearing import observe
from redundancy.verdict import claim

__all__ = ["test_accuracy_is_kept", "test_no_dead_units", "test_no_duplicates", "test_outputs", "test_redundant_share"]


@claim("no unit of a model is an exact duplicate of another one")
@asks("no-duplicates")
def test_no_duplicates(model: Subject) -> None:
    """Of all units that compute the same as another one, none is new."""
    new = model.news("no-duplicates", model.redundant("duplicate"))
    assert not new, model.told(new)
    model.tell_unseen()


@claim("no unit of a model is dead")
@asks("no-dead-units")
def test_no_dead_units(model: Subject) -> None:
    """Of all units that are always zero, none is new."""
    new = model.news("no-dead-units", model.redundant("dead"))
    assert not new, model.told(new)
    model.tell_unseen()


@claim("no more of a model is redundant than it may be")
@asks("redundant-share")
def test_redundant_share(model: Subject) -> None:
    """The share of the parameters that can be removed is at most what is asked."""
    share, limit = model.redundant_share, model.asked.redundant_share
    assert limit is not None
    observe("redundant share of the parameters", {model.name: share})
    beyond = model.beyond("redundant-share", share, limit)
    assert not beyond, f"{model}: a share of {share:.3g} of its parameters is redundant, and {limit:g} may be"


@claim("compaction keeps the accuracy of a model")
@asks("accuracy-loss")
def test_accuracy_is_kept(model: Subject) -> None:
    """The compacted model is not less accurate by the margin or more, which is judged on the same rows."""
    judge_kept(model)


@claim("the outputs of a model are those of its reference")
@asks("output-difference")
def test_outputs(model: Subject) -> None:
    """No output differs by more than a part of the largest output of the reference."""
    limit = model.asked.output_difference
    assert limit is not None
    difference = relative_difference(model)
    observe("largest difference of an output, relative to the largest output", {model.name: difference})
    beyond = model.beyond("output-difference", difference, limit)
    assert not beyond, f"{model}: outputs differ by {difference:.3g} of the largest one, and {limit:g} may be"
