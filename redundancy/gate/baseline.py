"""The baseline: findings that are known, so that only new ones fail. By itself it is tightened, and never widened."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping
from decimal import ROUND_CEILING, Context
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from redundancy.errors import OptionError
from redundancy.gate.settings import CLAIMS, OF_UNITS
from redundancy.output import reason, written_whole

SCHEMA, VERSION = "redundancy/baseline", "1"

DIGITS = 3
"""Of a number that is known so many digits are kept, rounded up: what is as bad on another machine is no worse."""


class Unit(NamedTuple):
    """A unit that is redundant: its space, the notion, and its number there."""

    space: str
    notion: str
    number: int


Found = frozenset[Unit] | float
"""What a claim found in a model: units, or the number that is beyond its margin; `NOTHING` for either."""

NOTHING: Found = frozenset()

Findings = Mapping[str, Mapping[str, Found]]
"""What was found, by model and by the key of the claim."""


def read(path: Path) -> Findings:
    """The findings in a file; none where there is no file.

    Raises:
        OptionError: It cannot be read, or is no baseline.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise _unusable(path, "it is no file")
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # no text, or no path
        raise _unusable(path, reason(error)) from None
    try:
        return _findings(json.loads(text))
    except ValueError as error:  # also of whole numbers with more digits than Python reads
        raise _unusable(path, f"no JSON: {reason(error)}") from None
    except (_Malformed, RecursionError) as error:
        raise _unusable(path, reason(error)) from None


def write(path: Path, findings: Findings) -> None:
    """Writes a file, whole or not at all.

    Raises:
        OutputError: The file system refuses.
    """
    # Of a link, what it points to is written, and not the link.
    with written_whole(Path(os.path.realpath(path)), force=True) as temporary:
        temporary.write_text(told(findings), encoding="utf-8", newline="\n")


def told(findings: Findings) -> str:
    """The findings as the file has them: sorted, and one a line, so that a change of one is a change of one line."""
    models = [
        f"    {_text(model)}: {{\n{_joined(_claim(key, found) for key, found in sorted(claims.items()))}\n    }}"
        for model, claims in sorted(findings.items())
        if claims
    ]
    head = f'{{\n  "schema": {_text(SCHEMA)},\n  "version": {_text(VERSION)},\n  "models": '
    return f"{head}{{\n{_joined(models)}\n  }}\n}}\n" if models else f"{head}{{}}\n}}\n"


def tightened(known: Findings, now: Findings) -> dict[str, dict[str, Found]]:
    """What is known without what is no longer found; of what was not looked for, all.

    Args:
        known: The baseline.
        now: What was found, where it was looked for.
    """
    return _changed(known, now, _fewer)


def accepted(known: Findings, now: Findings, models: Collection[str]) -> dict[str, dict[str, Found]]:
    """What is known with what was found instead, where it was looked for; without models that there are no more.

    Args:
        known: The baseline.
        now: What was found, where it was looked for.
        models: All that there are.
    """
    there = {model: claims for model, claims in known.items() if model in models}
    return _changed(there, now, lambda _, found: found if isinstance(found, frozenset) else rounded_up(found))


def count(findings: Findings) -> int:
    """How many findings there are; a margin that is missed is one."""
    return sum(
        len(found) if isinstance(found, frozenset) else 1 for claims in findings.values() for found in claims.values()
    )


def rounded_up(value: float) -> float:
    """A number with few digits that is no less."""
    shortest = Context(prec=DIGITS, rounding=ROUND_CEILING).create_decimal(repr(value))
    return max(value, float(shortest))


def _changed(known: Findings, now: Findings, change: Any) -> dict[str, dict[str, Found]]:
    whole = {model: dict(claims) for model, claims in known.items()}
    for model, claims in now.items():
        for key, found in claims.items():
            old = whole.setdefault(model, {}).pop(key, NOTHING)
            if (new := change(old, found)) != NOTHING:
                whole[model][key] = new
    return {model: claims for model, claims in whole.items() if claims}


def _fewer(known: Found, found: Found) -> Found:
    if isinstance(known, frozenset) or isinstance(found, frozenset):
        return known & found if isinstance(known, frozenset) and isinstance(found, frozenset) else NOTHING
    return min(known, rounded_up(found))


def _claim(key: str, found: Found) -> str:
    if not isinstance(found, frozenset):
        return f"      {_text(key)}: {found!r}"
    lines = (
        f'        {{"space": {_text(space)}, "notion": {_text(notion)}, "units": {[unit.number for unit in units]}}}'
        for (space, notion), units in groupby(sorted(found), lambda unit: unit[:2])
    )
    return f"      {_text(key)}: [\n{_joined(lines)}\n      ]"


def _joined(lines: Iterable[str]) -> str:
    return ",\n".join(lines)


def _text(text: str) -> str:
    return json.dumps(text)


class _Malformed(Exception):  # noqa: N818 - caught and told, with the file, by who reads it
    """What is wrong with a document."""


def _findings(document: Any) -> Findings:
    whole = _object(document, "the whole")
    if whole.get("schema") != SCHEMA:
        raise _Malformed(f"its schema is not {SCHEMA!r}")
    if whole.get("version") != VERSION:
        raise _Malformed(f"its version is {str(whole.get('version'))[:20]!r}, and {VERSION!r} is read")
    if unknown := sorted(set(whole) - {"schema", "version", "models"}):
        raise _Malformed(f"{unknown[0]!r} is no part of one")
    return {
        model: {key: _found(found, key, f"{key} of {model!r}") for key, found in _claims(claims, model).items()}
        for model, claims in _object(whole.get("models"), "models").items()
    }


def _claims(document: Any, model: str) -> Mapping[str, Any]:
    claims = _object(document, repr(model))
    for key in claims:
        if key not in CLAIMS:
            raise _Malformed(f"{key!r} of {model!r} is no claim")
    return claims


def _found(document: Any, key: str, what: str) -> Found:
    if key in OF_UNITS:
        if not isinstance(document, list):
            raise _Malformed(f"{what} is no list")
        return frozenset(unit for entry in document for unit in _units(entry, what))
    try:
        number = math.nan if isinstance(document, bool) or not isinstance(document, int | float) else float(document)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise _Malformed(f"{what} is no number")
    return number


def _units(document: Any, what: str) -> Iterable[Unit]:
    entry = _object(document, f"a finding under {what}")
    if set(entry) != {"space", "notion", "units"}:
        raise _Malformed(f"a finding under {what} has not exactly space, notion and units")
    space, notion, units = entry["space"], entry["notion"], entry["units"]
    if not isinstance(space, str) or not isinstance(notion, str) or not isinstance(units, list):
        raise _Malformed(f"a finding under {what} has not two texts and a list")
    if not all(isinstance(unit, int) and not isinstance(unit, bool) and unit >= 0 for unit in units):
        raise _Malformed(f"a finding under {what} has units that are no whole numbers from 0")
    return (Unit(space, notion, unit) for unit in units)


def _object(document: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise _Malformed(f"{what} is no object")
    return document


def _unusable(path: Path, why: str) -> OptionError:
    remedy = "correct it, or remove it and write it anew with redundancy check --update-baseline"
    return OptionError(f"{path}: it is no baseline ({why}); {remedy}")
