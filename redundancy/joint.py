"""What the units of a space are at all the places where they are read at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redundancy.coefficients import Basis, Product, Rows, Unwritten, digests, joined, norms
from redundancy.network import Array
from redundancy.spaces import Space
from redundancy.units import Affine, Part


def joint(space: Space) -> Affine:
    """The units of a space as they are at all its taps at once: what relates two must relate them everywhere."""
    places = [(tap.part, tap.units, tap.padded) for tap in space.taps]
    places += [(pin.part, units, False) for pin, units in zip(space.pins, space.held, strict=True)]
    nowhere = np.setdiff1d(np.arange(space.size), np.concatenate([units for _, units, _ in places]))
    several = len(places) > 1 or bool(len(nowhere))
    for part, units, _ in places:
        # What is independent at one place is so at all of them together.
        if part.affine.itself and np.all(part.affine.gain != 0) and np.array_equal(units, np.arange(space.size)):
            return part.affine
    whole = [_placed(part, units, space.size, padded=padded, several=several) for part, units, padded in places]
    if len(nowhere):
        # A unit that nobody reads is added to others that are read: nowhere could a fold say what it is.
        ones, own = np.zeros((space.size, len(nowhere))), np.zeros(space.size, dtype=bool)
        ones[nowhere, np.arange(len(nowhere))], own[nowhere] = 1.0, True
        whole.append(replace(whole[0], terms={"rows": ones}, why=("",) * space.size, own=own))
    return _beside(whole) if several else whole[0]


def _placed(part: Part, units: Array, n: int, *, padded: bool, several: bool) -> Affine:
    """What all n units compute at one place; nothing, for those that are not there."""
    affine = part.affine
    at_border = padded and bool(np.any(affine.offset))
    if not several and not at_border and np.array_equal(units, np.arange(n)):
        return affine
    offset, why, own = np.zeros(n), np.full(n, "", dtype=object), np.zeros(n, dtype=bool)
    offset[units], why[units], own[units] = 0.0 if at_border else affine.offset, affine.why, affine.alone
    place = np.full(n, -1)
    place[units] = np.arange(len(units))

    def write(chosen: Array) -> Array:
        there = np.flatnonzero(place[chosen] >= 0)
        mine = place[chosen][there]
        inside = slice(None) if len(there) == len(chosen) else there
        wide = np.zeros((len(chosen), affine.width + at_border))
        rows = np.asarray(affine.rows(mine), np.float64)
        wide[inside, : affine.width] = rows if np.all(affine.gain[mine] == 1) else affine.gain[mine, None] * rows
        if at_border:
            # Beyond the border a constant is not there: it is one more value that the units have to agree on.
            wide[inside, -1] = affine.offset[mine]
        return wide

    def spans(chosen: Array) -> Array:
        there = np.flatnonzero(place[chosen] >= 0)
        mine, wide = place[chosen][there], np.zeros((len(chosen), affine.width + at_border))
        wide[there, : affine.width] = np.abs(affine.gain[mine, None]) * affine.spans(mine, affine.rows(mine))
        if at_border:
            wide[there, -1] = np.abs(affine.offset[mine])
        return wide

    def times(matrix: Array) -> Product:
        values, sizes = np.zeros((n, matrix.shape[1])), np.zeros(n)
        product, level = (
            affine.times(matrix[: affine.width]),
            affine.offset[:, None] * matrix[affine.width :].sum(axis=0),
        )
        values[units] = affine.gain[:, None] * product.values + level * at_border
        sizes[units] = np.abs(affine.gain) * product.sizes + norms(level)
        return Product(values, sizes)

    def marks(chosen: Array) -> list[bytes] | None:
        inside = place[chosen] >= 0
        mine = place[chosen[inside]]
        known = joined(digests(np.stack([affine.gain[mine], affine.offset[mine]], axis=1)), affine.marks(mine))
        found = iter(known or ())
        return None if known is None else [next(found) if there else b"" for there in inside.tolist()]

    rows: dict[Basis, Rows] = {"rows": Unwritten((n, affine.width + at_border), write, times, marks=marks, sizes=spans)}
    return Affine(rows, np.ones(n), offset, tuple(why), affine.eps, stored=False, holds=affine.holds, own=own)


def _beside(places: list[Affine]) -> Affine:
    n = len(places[0].gain)
    terms: dict[Basis, Rows] = {number: place.terms["rows"] for number, place in enumerate(places)}
    why = tuple(next((place.why[j] for place in places if place.why[j]), "") for j in range(n))
    eps, holds = max(place.eps for place in places), max(place.holds for place in places)
    own = np.any([place.alone for place in places], axis=0)
    return Affine(terms, np.ones(n), np.zeros(n), why, eps, stored=False, holds=holds, own=own)
