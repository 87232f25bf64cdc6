"""What an error calls an option: `tune=2` where Python reads it, and `--tune 2` in a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping

_QUOTED = r"(?<!\w)'[^']*'(?!\w)|(?<!\w)\"[^\"]*\"(?!\w)"
"""What a person called something is told as it is; the apostrophe of a word is no quotation mark."""

_NAMED = r"(?<![\w.-])(?P<name>[a-z_]+)=(?P<value>True\b|False\b|(?=[^\s,;:)]))?"
"""A keyword, and whether it has a value: one of the two truths, or something else that stays as it is."""

_TWICE = re.compile(r"(--[a-z-]+) \(([a-z_]+)=True\)")
"""An option with its keyword beside it."""


def in_shell(message: str, options: Mapping[str, str]) -> str:
    """A message with options as the command line calls them.

    Args:
        message: With keywords, as `remove=0.5`, `tune=` or `distil=True`.
        options: What the command line calls them, as --remove, by keyword; by `name=False` where it denies one.
    """
    message = _TWICE.sub(lambda match: match[1] if options.get(match[2]) == match[1] else match[0], message)
    return re.sub(f"{_QUOTED}|{_NAMED}", lambda match: _option(match, options), message)


def _option(match: re.Match[str], options: Mapping[str, str]) -> str:
    name, value = match["name"], match["value"]
    if name is None:
        return match[0]
    option = options.get(match[0]) if value == "False" else options.get(name)
    if option is None:
        return match[0]
    return f"{option} " if value == "" else option
