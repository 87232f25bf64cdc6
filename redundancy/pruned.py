"""What pruning did to a model: a compaction, with what it was chosen by and what the test images say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redundancy.compaction import Compaction
from redundancy.costs import cost
from redundancy.verdict import Verdict


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pruning(Compaction):
    """A pruned model.

    Attributes:
        by: The criterion.
        repaired: Units that stay took over, by least squares.
        epochs: Of training, after units went.
        expected: What its allocation expected it to cost, in the measure of `harm`.
        harm: What it cost on the rows that were measured: the mean divergence of the outputs from the original's, in
            nats of classes, or as a share of the variance of numbers.
        chosen: (accuracy of the original, of this one) on the rows that were held out to choose by; None where none
            were.
        tested: The same on test images, which nothing was chosen by; None where there are none.
        verdict: On the claim that it is not worse there than the margin allows; None where no margin was given, or no
            test images.
        latency: (of the original, of this one) in seconds for one batch, medians of alternating turns; None where it
            was not measured.
    """

    by: str = ""
    repaired: bool = True
    epochs: int = 0
    expected: float = 0.0
    harm: float = 0.0
    chosen: tuple[float, float] | None = None
    tested: tuple[float, float] | None = None
    verdict: Verdict | None = None
    latency: tuple[float, float] | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """What it did to the outputs, a sentence each."""
        # A class with slots is made twice, and super() without arguments would know the first one only.
        sentences = list(super(Pruning, self).told)
        if self.epochs:
            sentences.append(f"It was trained for {self.epochs} epoch{'s' * (self.epochs > 1)} after units went.")
        for where, pair in (("rows that were held out to choose by", self.chosen), ("test images", self.tested)):
            if pair is not None:
                sentences.append(f"Accuracy on {where}: {100 * pair[0]:.2f}% before, {100 * pair[1]:.2f}% now.")
        if self.verdict is not None:
            why = f": {self.verdict.why}" if self.verdict.why else ""
            sentences.append(f"{self.verdict.outcome.value} ({self.verdict.scope}){why}.")
        if self.latency is not None:
            before, now = self.latency
            macs = cost(self.original).macs / max(cost(self.network).macs, 1)
            times = f"{1000 * before:.3g} ms before, {1000 * now:.3g} ms now"
            sentences.append(f"A batch takes {times}: {before / now:.2f} times as fast, for 1/{macs:.2f} of the MACs.")
        return tuple(sentences)

    def removed(self) -> list[dict[str, Any]]:
        """Every unit that went; what it is in terms of all that stay would be a page for each."""
        return [
            {"space": each.space, "unit": each.unit, "notion": each.why, "holds": each.holds.name.lower()}
            for each in self.removals
        ]

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        verdict = self.verdict
        return {
            **super(Pruning, self).to_dict(),
            "schema": "redundancy/pruning",
            "by": self.by,
            "repaired": self.repaired,
            "epochs": self.epochs,
            "expected_harm": self.expected,
            "harm": self.harm,
            "accuracy_held_out": list(self.chosen) if self.chosen else None,
            "accuracy_test": list(self.tested) if self.tested else None,
            "verdict": None if verdict is None else {
                "outcome": verdict.outcome.value, "scope": verdict.scope, "why": verdict.why
            },
            "latency": list(self.latency) if self.latency else None,
        }  # fmt: skip
