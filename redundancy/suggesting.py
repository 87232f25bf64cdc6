"""What somebody may have meant who misspelt a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggested(word: str, choices: Iterable[str]) -> str:
    """The choice that a word is nearest to, as " (did you mean that?)"; "" where it is near to none."""
    names = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(word.casefold(), names, n=1)
    return f" (did you mean {names[near[0]]}?)" if near else ""
