"""What is known of claims with a rate, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from redundancy.ledger import Book, Judgement
from redundancy.report.layout import Column, plain, table
from redundancy.sequential import interval


def ledger_table(books: Sequence[Book], width: int) -> str:
    """Every judgement, one line each, under the claim that it is about.

    Args:
        books: In the order in which they are shown.
        width: Columns of the terminal.
    """
    return "\n\n".join("\n".join(_lines(book, width)) for book in books if book.identity)


def _lines(book: Book, width: int) -> list[str]:
    assert book.identity is not None
    said = book.identity
    heads = [
        Column("when", yields=3),
        Column("root", right=True, yields=2),
        Column("configuration", shrinks=True),
        Column("verdict"),
        Column("as claimed", right=True),
        Column("runs", right=True),
        Column("rate", right=True, yields=1),
    ]
    rows = [_row(judgement, said.confidence) for judgement in book.judgements]
    versions = ", ".join(f"{name} {version}" for name, version in said.versions.items())
    about = f"  at least {said.at_least:g} at {said.confidence:g} confidence; {plain(said.test)}; {plain(versions)}"
    return [plain(said.sentence), about, *table(heads, rows, width)]


def _row(judgement: Judgement, confidence: float) -> list[str]:
    low, high = interval(judgement.successes, judgement.runs, confidence)
    return [
        judgement.when.replace("+00:00", "Z"),
        str(judgement.root),
        plain(judgement.configuration) or "-",
        judgement.outcome,
        str(judgement.successes),
        str(judgement.runs),
        f"{low:.3f} to {high:.3f}",
    ]
