"""An audit and a compaction as tables for a terminal: what goes, what it saves, and what stays and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from redundancy.auditing import CERTAINTIES, Audit, AuditFinding, Certainty
from redundancy.compaction import Compaction
from redundancy.costs import Cost, cost
from redundancy.pruned import Pruning
from redundancy.report.layout import Column, amount, count, listed, plain, share, size, table, wrapped
from redundancy.surgery import Refusal

DETAILED = 12
"""So many findings have their equations shown; the table of more of them would be lost between the lines."""

NAMED = 4
"""Spaces that are named where many stay for one reason, or save the most."""

MOST_REASONS = 12
"""Reasons that are shown; a model may give one for each of its layers."""

NOT_TO_BE_REMOVED, NOT_TO_BE_TOUCHED = "Redundant, but not to be removed:", "Not to be touched, redundant or not:"

NOT_TO_BE_PRUNED = "Units that may not go one by one:"

NONE_WENT = "No unit went: what goes first costs more accuracy than the margin allows. The model stays as it is."

NOTHING_FOUND = "Nothing redundant was found."

NONE_TO_REMOVE = "Nothing redundant was found that may be removed."

_MEANINGS = {
    Certainty.BOX: "true for all inputs within the bounds that were given",
    Certainty.DATA: (
        "true on the data, and maybe on no other; a number says by how much some unit is off, as a part of its largest"
        " value"
    ),
    Certainty.NEAR: (
        "alike in all that they compute, and not equal; the number says how far the two that differ most are apart, as"
        " a part of their size"
    ),
    Certainty.WEIGHTS: "by the weights of a layer; what is done with its units is not known",
}
"""What the words mean that are not plain by themselves."""


def audit_table(found: Audit, width: int) -> str:
    """What an audit found, as text for a terminal.

    Args:
        found: To show.
        width: Of the terminal, in columns.

    Returns:
        Lines with line ends between them. Findings are in the order in which the units are made, the sum is at the end.
    """
    lines = [*wrapped(_heading(found.model_name, found.before), width), ""]
    if found.findings:
        lines += _findings(found, width)
    else:
        lines += [NONE_TO_REMOVE if found.refusals else NOTHING_FOUND]
    return "\n".join(lines + _stay(found.refusals, width) + _stay(found.fixed, width, NOT_TO_BE_TOUCHED))


_ALIKE = {
    False: "; so does what is only alike, which audit lists, unless a tolerance lets it go",
    True: "; the tolerance lets nothing go that is only alike",
}
"""What is said of near-duplicates where nothing went, without and with a tolerance."""


def compaction_table(small: Compaction, width: int) -> str:
    """What a compaction did, as text for a terminal.

    Args:
        small: To show.
        width: Of the terminal, in columns.

    Returns:
        Lines with line ends between them.
    """
    before, after = cost(small.original), cost(small.network)
    lines = [*wrapped(_heading(small.model_name, before), width), ""]
    if small.removals:
        lines += [*_removed(small, width), "", *_balance(before, after, small.files, width)]
    elif isinstance(small, Pruning):
        lines += wrapped(NONE_WENT, width, 0, 2)
    else:
        lines += wrapped(NONE_TO_REMOVE if small.refusals else NOTHING_FOUND, width, 0, 2)
        lines += wrapped(f"The model stays as it is{_ALIKE[small.tolerance > 0]}.", width, 0, 2)
    heading = NOT_TO_BE_PRUNED if isinstance(small, Pruning) else NOT_TO_BE_REMOVED
    return "\n".join([*lines, *_proof(small, width), *_stay(small.refusals, width, heading)])


def _heading(name: str, whole: Cost) -> str:
    numbers = f"{count(whole.parameters, 'parameter')}, {amount(whole.macs)} MACs, {size(whole.bytes)} of weights"
    return f"{plain(name)}: {numbers}" if name else numbers


def _findings(found: Audit, width: int) -> list[str]:
    rows = found.findings
    several = any(len(row.layers) > 1 for row in rows)
    heads = [
        Column("space", shrinks=True),
        *([Column("layers", right=True, yields=1)] if several else []),
        Column("units", right=True, yields=2),
        Column("redundant", right=True),
        Column("notion", shrinks=True),
        Column("parameters", right=True),
        Column("share", right=True, yields=3),
        Column("MACs", right=True, yields=4),
        Column("bytes", right=True, yields=5),
    ]
    before, cells = "", []
    for row in rows:
        cells.append(_audit_row(row, row.space == before, several, found.before))
        before = row.space
    below = [_equations(row, width - 4) for row in rows] if len(rows) <= DETAILED else []
    lines = table(heads, cells, width, total=_audit_total(found, several), below=below)
    if not below:
        lines += ["", *wrapped(_largest(rows, found.before), width)]
    return lines + _notes(rows, width)


def _audit_row(row: AuditFinding, again: bool, several: bool, whole: Cost) -> list[str]:
    place = ["", ""] if again else [plain(row.layers[0]), str(len(row.layers))]
    certainty = (
        f"{row.certainty}, {row.error:.1g}" if row.error or row.certainty is Certainty.NEAR else str(row.certainty)
    )
    saved = [
        f"{row.saved.parameters:,}", share(row.saved.parameters, whole.parameters), amount(row.saved.macs),
        size(row.saved.bytes),
    ]  # fmt: skip
    if not row.removable:
        saved = [f"({cell})" for cell in saved]
    return [
        *place[: 1 + several],
        "" if again else f"{row.size:,}",
        f"{len(row.units):,}",
        f"{row.notion} ({certainty})",
        *saved,
    ]


def _audit_total(found: Audit, several: bool) -> list[str]:
    removed = {(row.space, unit) for row in found.findings if row.removable for unit in row.units}
    total = found.before - found.after
    return [
        "total", *([""] if several else []), "", f"{len(removed):,}", "", f"{total.parameters:,}",
        share(total.parameters, found.before.parameters), amount(total.macs), size(total.bytes),
    ]  # fmt: skip


def _space(layers: Sequence[str]) -> str:
    first = plain(layers[0])
    return first if len(layers) == 1 else f"{first} + {len(layers) - 1} more"


def _equations(row: AuditFinding, width: int) -> str:
    ending = f" ({row.notion})"
    return listed((equation.removesuffix(ending) for equation in row.equations), width)


def _largest(rows: Iterable[AuditFinding], whole: Cost) -> str:
    """Where most is saved, for tables in which that is not seen at once."""
    spaces: dict[tuple[str, ...], int] = defaultdict(int)
    for row in rows:
        if row.removable:
            spaces[row.layers] += row.saved.parameters
    most = sorted(spaces.items(), key=lambda item: -item[1])[:NAMED]
    parts = (f"{_space(layers)} {saved:,} ({share(saved, whole.parameters)})" for layers, saved in most)
    return f"Most parameters are saved in {', '.join(parts)}." if most else ""


_UNLESS = {frozenset({True}): " unless a tolerance lets it go", frozenset({False}): " for the reason below"}


def _notes(rows: Iterable[AuditFinding], width: int) -> list[str]:
    """What is not plain by itself in a table of those findings."""
    rows = list(rows)
    present = {row.certainty for row in rows}
    notes = [f"{word}: {meaning}." for word, meaning in _MEANINGS.items() if word in present]
    if kept := frozenset(row.certainty is Certainty.NEAR for row in rows if not row.removable):
        notes.append(f"(in brackets): would be saved, but stays{_UNLESS.get(kept, '')}.")
    return ["", *(line for note in notes for line in wrapped(note, width, 0, 2))] if notes else []


def _removed(small: Compaction, width: int) -> list[str]:
    gone: dict[str, Counter[str]] = defaultdict(Counter)
    for removal in small.removals:
        gone[removal.space][f"{removal.why} ({CERTAINTIES[removal.holds]})"] += 1
    several = any("+" in space for space in gone)
    heads = [
        Column("space", shrinks=True),
        *([Column("layers", right=True, yields=1)] if several else []),
        Column("units", right=True),
        Column("left", right=True),
        Column("removed", shrinks=True),
    ]
    rows = []
    for space, whys in gone.items():
        layers = space.split("+")
        before = small.folds[space].size
        numbers = [*([str(len(layers))] if several else []), f"{before:,}", f"{before - whys.total():,}"]
        rows.append([plain(layers[0]), *numbers, ", ".join(f"{number:,} {why}" for why, number in whys.items())])
    return table(heads, rows, width)


def _balance(before: Cost, after: Cost, files: tuple[int, int] | None, width: int) -> list[str]:
    rows = [
        ["parameters", f"{before.parameters:,}", f"{after.parameters:,}", _less(before.parameters, after.parameters)],
        ["MACs", amount(before.macs), amount(after.macs), _less(before.macs, after.macs)],
        ["weights", size(before.bytes), size(after.bytes), _less(before.bytes, after.bytes)],
    ]
    if files is not None:
        rows.append(["file", size(files[0]), size(files[1]), _less(*files)])
    return table([Column(""), *(Column(t, right=True) for t in ("before", "after", "change"))], rows, width)


def _less(before: int, after: int) -> str:
    return f"{100 * (after - before) / before:+.1f}%" if before else ""


def _proof(small: Compaction, width: int) -> list[str]:
    """By how much outputs differ, and by how much they can."""
    return ["", *(line for text in small.told for line in wrapped(plain(text), width, 0, 2))] if small.told else []


def _stay(refusals: Iterable[Refusal], width: int, heading: str = NOT_TO_BE_REMOVED) -> list[str]:
    """What stays, reason by reason."""
    reasons: dict[str, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        reasons[refusal.reason].append(refusal)
    if not reasons:
        return []
    lines = ["", heading]
    for reason, those in list(reasons.items())[:MOST_REASONS]:
        lines += wrapped(f"{_where(those, 3 * width // 2)}: {plain(reason)}", width, 2, 2)
    if len(reasons) > MOST_REASONS:
        lines.append(f"  and for {len(reasons) - MOST_REASONS:,} more reasons, which --json names")
    return lines


def _where(refusals: Sequence[Refusal], width: int) -> str:
    """The spaces that stay for one reason, and the layers because of which they do."""
    if len(refusals) == 1:
        (refusal,) = refusals
        return f"{count(refusal.units, 'unit')} of {_space(refusal.space.split('+'))}{_because(refusal)}"
    places = (f"{_space(r.space.split('+'))}{_because(r)}" for r in refusals)
    return f"{sum(refusal.units for refusal in refusals):,} units of {listed(places, width)}"


def _because(refusal: Refusal) -> str:
    return "" if refusal.layer == refusal.space else f" (because of {plain(refusal.layer)})"
