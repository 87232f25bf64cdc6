"""What was found, as JSON for programs; `redundancy/report/schema/` says what it holds, and so does docs/json.md."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

from redundancy.errors import OptionError
from redundancy.suggesting import suggested

SCHEMAS = ("audit", "compaction", "pruning", "store", "tradeoffs", "verdicts")
"""The kinds of documents."""


def document(found: Any) -> str:
    """An audit, a compaction or what a store holds as one JSON document, ASCII only, with a line end.

    JSON has no word for NaN and infinity: such a number, as the difference of outputs can be, is null.

    Args:
        found: Something with `to_dict`.
    """
    return json.dumps(_finite(found.to_dict()), indent=2, allow_nan=False) + "\n"


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema that documents of that kind keep to.

    Args:
        name: One of SCHEMAS.

    Raises:
        OptionError: There is none of that name.
    """
    if name not in SCHEMAS:
        raise OptionError(f"no schema is called {name!r}{suggested(name, SCHEMAS)}: choose from {', '.join(SCHEMAS)}")
    found: dict[str, Any] = json.loads(files("redundancy.report").joinpath("schema", f"{name}.json").read_text("utf-8"))
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
