"""The keys of [tool.redundancy]: what each may be, and what is asked of one model once they are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from redundancy.margins import LEAST
from redundancy.report.results import POLICIES


class ValueProblem(Exception):  # noqa: N818 - caught and told, with the file and the key, by who reads the file
    """A value that a key cannot take: what it is, and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one model.

    Attributes:
        no_duplicates: That no unit is an exact duplicate.
        no_dead_units: That none is dead.
        redundant_share: The largest share of its parameters that may be redundant; None where nothing is asked.
        accuracy_loss: By how much compaction may lower its accuracy; None where nothing is asked.
        output_difference: How far its outputs may be from those of the reference; None where nothing is asked.
        confidence: With which the accuracy is judged.
        reference: The model file with the outputs to be had.
        data: A data set: the name of one, or the path of a file.
        on_data: Whether what is redundant on the training data counts as redundant.
        tolerance: How far the outputs of the compacted model may differ.
        box: How small and how large inputs can be, for what holds within bounds.
        trust: Whether the model file may run code.
    """

    no_duplicates: bool = False
    no_dead_units: bool = False
    redundant_share: float | None = None
    accuracy_loss: float | None = None
    output_difference: float | None = None
    confidence: float = 0.95
    reference: Path | None = None
    data: str | None = None
    on_data: bool = False
    tolerance: float = 0.0
    box: tuple[float, float] | None = None
    trust: bool = False

    def asks(self, claim: str) -> bool:
        """Whether a claim, by the key that asks for it, is to be tested."""
        value = getattr(self, attribute(claim))
        return value is not None and value is not False  # 0 is a margin


UNSAID = Asked(no_duplicates=True, no_dead_units=True)
"""What is asked of a model where nobody says anything: what needs no margin."""


def attribute(key: str) -> str:
    """What a key is called in Python."""
    return key.replace("-", "_")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueProblem(f"{shown(value)} is neither true nor false; write one of them")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueProblem(f"{shown(value)} is no text; write one in quotes")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueProblem(f'{shown(value)} is no list of texts; write one as ["first", "second"]')
    return tuple(texts)


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueProblem(f"{shown(value)} is no number; write one, as 0.01")
    return number


def _share(value: Any) -> float | None:
    if value is False:
        return None
    if not 0 <= (number := _number(value)) <= 1:
        raise ValueProblem(f"{shown(value)} is no share; write a number from 0 to 1, or false to ask nothing")
    return number


def _margin(value: Any) -> float | None:
    if value is False:
        return None
    if not LEAST <= (number := _number(value)) < 1:
        said = f"write a number from {LEAST:g} up and below 1, as 0.01 for one point in 100, or false to ask nothing"
        raise ValueProblem(f"{shown(value)} is no margin of an accuracy; {said}")
    return number


def _difference(value: Any) -> float | None:
    if value is False:
        return None
    if (number := _number(value)) < 0:
        raise ValueProblem(f"{shown(value)} is no difference; write a number, 0 or more, or false to ask nothing")
    return number


def _confidence(value: Any) -> float:
    if not 0.5 <= (number := _number(value)) < 1:
        raise ValueProblem(f"{shown(value)} is no confidence; write a number from 0.5 up, below 1, as 0.95")
    return number


def _tolerance(value: Any) -> float:
    if (number := _number(value)) < 0:
        raise ValueProblem(f"{shown(value)} is no tolerance; write a number, 0 or more")
    return number


def _box(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2 or not _number(value[0]) <= _number(value[1]):
        raise ValueProblem(f"{shown(value)} is no pair of bounds; write the lower one first, as [0, 1]")
    return float(value[0]), float(value[1])


def _policy(value: Any) -> str:
    if value not in POLICIES:
        raise ValueProblem(f"{shown(value)} is no policy; write one of {', '.join(POLICIES)}")
    return str(value)


def shown(value: Any) -> str:
    """A value as TOML writes it, or nearly so, on one line."""
    text = ascii(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else f"{text[:57]}..."


CLAIMS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "no-duplicates": _truth,
        "no-dead-units": _truth,
        "redundant-share": _share,
        "accuracy-loss": _margin,
        "output-difference": _difference,
    }
)
"""The keys that ask for a claim, and what reads their values."""

OF_UNITS = frozenset({"no-duplicates", "no-dead-units"})
"""The claims that find units; the others find one number."""

OF_MODELS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        **CLAIMS,
        "confidence": _confidence,
        "reference": _text,
        "data": _text,
        "on-data": _truth,
        "tolerance": _tolerance,
        "box": _box,
        "trust": _truth,
    }
)
"""The keys that say something of models, of all or of those of an override."""

OF_ALL: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"models": _texts, "baseline": _text, "imports": _texts, "inconclusive": _policy}
)
"""The keys that are there once."""
