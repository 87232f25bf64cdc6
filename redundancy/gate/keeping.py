"""Whether compaction keeps the accuracy of a model, judged on the rows that it is tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from redundancy.comparing import judge_pairs
from redundancy.errors import OptionError
from redundancy.gate.baseline import NOTHING
from redundancy.gate.sources import Rows
from redundancy.gate.subject import Subject
from redundancy.hearing import Hearing, judging, observe, under_way
from redundancy.network import Array
from redundancy.verdict import Claim, Evidence, Outcome, Refuted, Requirement, Verdict

KEY, NOT_WORSE = "accuracy-loss", "not worse"


def judge_kept(subject: Subject) -> None:
    """Judges that the compacted model is not worse than the model by as much as the margin.

    Where the rows are too few to show that, whatever they show, nothing is compacted.

    Raises:
        Refuted: It is shown that the accuracy falls by more than the margin, and that is not known.
        RedundancyError: The model cannot be compacted, or the data do not fit it.
    """
    __tracebackhide__ = True
    margin, rows = subject.asked.accuracy_loss, subject.rows
    assert margin is not None
    assert rows is not None
    before = _answers(subject, subject.model, rows)
    edge = _edge(before)
    right = [np.asarray(_classes(before, edge) == rows.labels)]

    def second() -> Array:
        after = _answers(subject, subject.compaction.model, rows)
        right.append(np.asarray(_classes(after, edge) == rows.labels))
        return right[-1]

    verdict = _verdict(right[0], second, margin, subject.asked.confidence, f"accuracy on {subject.data}")
    _take_down(subject, verdict, [float(np.mean(each)) for each in right])
    if verdict.outcome is Outcome.REFUTED and subject.beyond(KEY, float(np.mean(right[0]) - np.mean(right[-1])), None):
        raise Refuted(f"{subject}: {verdict.why}")
    if verdict.outcome is Outcome.HOLDS:
        subject.found[KEY] = NOTHING


def _verdict(first: Array, second: Callable[[], Array], margin: float, confidence: float, what: str) -> Verdict:
    # Heard aside: what is told of it has the name of the model, and a refutation may be known.
    with judging(Hearing(Claim(what))):
        try:
            return judge_pairs(first, second, claim=NOT_WORSE, margin=margin, confidence=confidence, what=what)
        except Refuted as refuted:
            required = Requirement(what, NOT_WORSE, margin, confidence)
            return Verdict(Claim(what), Outcome.REFUTED, Evidence(), "", str(refuted), (required,))


def _take_down(subject: Subject, verdict: Verdict, accuracies: Sequence[float]) -> None:
    """Tells the claim under way, if any, what was found."""
    if (hearing := under_way()) is None:
        return
    why = f"{subject}: {verdict.why}" if verdict.why else ""
    hearing.judged(Verdict(hearing.claim, verdict.outcome, Evidence(), verdict.scope, why, verdict.required))
    observe(
        f"accuracy on {subject.data}, before and after", {subject.name: " -> ".join(f"{n:.4g}" for n in accuracies)}
    )


def _answers(subject: Subject, model: Any, rows: Rows) -> Array:
    """What a model says of each row, of shape (n, classes), or (n, 1) of two classes."""
    outputs = subject.outputs(model, rows.inputs)
    if len(outputs) != 1 or outputs[0].ndim != 2 or not outputs[0].shape[1]:
        shapes = ", ".join(str(output.shape) for output in outputs)
        raise OptionError(f"{subject}: only one output of shape (n, classes) has an accuracy, and it has {shapes}")
    _check_labels(subject, rows, max(2, outputs[0].shape[1]))
    return outputs[0]


def _check_labels(subject: Subject, rows: Rows, classes: int) -> None:
    assert rows.labels is not None
    if len(rows.labels) != len(rows.inputs[0]):
        counts = f"{len(rows.labels)} labels for {len(rows.inputs[0])} rows"
        raise OptionError(f"{subject}: its data have {counts}: give one label a row")
    least, most = int(rows.labels.min()), int(rows.labels.max())
    if least < 0 or most >= classes:
        label = least if least < 0 else most
        why = f"it knows {classes} classes, and its data have the label {label}"
        raise OptionError(f"{subject}: {why}: give 0 to {classes - 1}")


def _edge(answers: Array) -> float:
    """Above which one number stands for the second of two classes: half of a probability, or none of a logit."""
    return 0.5 if np.all((answers >= 0) & (answers <= 1)) else 0.0


def _classes(answers: Array, edge: float) -> Array:
    return np.argmax(answers, axis=1) if answers.shape[1] > 1 else (answers[:, 0] > edge).astype(np.int64)
