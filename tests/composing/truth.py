"""What is known of the units of a model that is being built: a second, simple account, kept apart from the package's.

Every entry of a tensor's unit axis is a *form*: a combination of labels, plus a constant. Labels are values that
nothing relates to each other. Where an operation makes it hard to say more, entries get new labels: what is known to
be redundant is then less than what is, never more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import keras
import numpy as np

POSITIVE = ("relu", "leaky_relu")
ODD = ("tanh", "softsign", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink")
TURNED = ("sigmoid", "hard_sigmoid")


def rounded(number):
    return float(f"{number:.9e}")


@dataclass(frozen=True)
class Form:
    """Sum of coefficient times label, plus a constant."""

    terms: tuple = ()
    const: float = 0.0

    def scaled(self, gain, offset=0.0):
        terms = tuple((label, gain * c) for label, c in self.terms) if gain else ()
        return Form(terms, gain * self.const + offset)

    def renamed(self, tag):
        return Form(tuple(((tag, label), c) for label, c in self.terms), self.const)

    def plus(self, other):
        terms = dict(self.terms)
        for label, c in other.terms:
            terms[label] = terms.get(label, 0.0) + c
        return Form(tuple((label, c) for label, c in terms.items() if abs(c) > 1e-12), self.const + other.const)

    @property
    def direction(self):
        """(what it is a multiple of, the factor); constants aside."""
        ordered = sorted(self.terms, key=repr)
        lead = ordered[0][1]
        return tuple((label, rounded(c / lead)) for label, c in ordered), rounded(lead)


@dataclass(frozen=True)
class Tensor:
    """A Keras tensor, and what lies along the axis of its units."""

    value: object
    axis: int  # without the batch
    ids: tuple  # the unit at each index
    places: tuple  # which of several entries of the unit it is
    forms: tuple

    @property
    def shape(self):
        return tuple(self.value.shape[1:])

    @property
    def last(self):
        return self.axis == len(self.shape) - 1

    @property
    def plain(self):
        """One entry a unit."""
        return len(set(self.ids)) == len(self.ids) and not any(self.places)

    def now(self, value, axis=None, forms=None):
        return replace(
            self, value=value, axis=self.axis if axis is None else axis, forms=self.forms if forms is None else forms
        )

    def renamed(self, value, tag, axis=None):
        return self.now(value, axis, tuple(form.renamed(tag) for form in self.forms))


@dataclass
class Account:
    """Who makes units, who reads them, and which belong together."""

    makers: dict = field(default_factory=dict)  # name of the layer -> ids
    taps: list = field(default_factory=list)  # [ids, places, forms, a constant is no bias there]
    pinned: set = field(default_factory=set)
    ties: list = field(default_factory=list)
    blocks: list = field(default_factory=list)  # (ids, number of groups)
    unused: set = field(default_factory=set)  # ids that every reader reads with zeros
    labels: int = 0
    units: int = 0

    def label(self):
        self.labels += 1
        return self.labels

    def make(self, name, n):
        ids = tuple(range(self.units, self.units + n))
        self.units += n
        self.makers[name] = ids
        return ids

    def fresh(self, n):
        return tuple(Form(((self.label(), 1.0),)) for _ in range(n))

    def tap(self, tensor, *, fixed):
        self.taps.append([tensor.ids, tensor.places, tensor.forms, fixed])

    def pin(self, tensor):
        self.pinned.update(tensor.ids)

    def tie(self, first, second):
        self.ties += list(zip(first.ids, second.ids, strict=True))

    def bent(self, forms, function):
        """Forms after a function of each value alone."""
        known, found = {}, []
        for form in forms:
            if not form.terms:
                found.append(Form((), value_of(function, form.const)))
                continue
            direction, factor = form.direction
            key, after, offset = (direction, factor, rounded(form.const)), 1.0, 0.0
            if form.const == 0:
                sign = np.sign(factor)
                if function in POSITIVE:
                    key, after = (direction, sign), abs(factor)
                elif function in ODD:
                    key, after = (direction, abs(factor)), sign
                elif function in TURNED:
                    key, after, offset = (direction, abs(factor)), sign, float(sign < 0)
            if key not in known:
                known[key] = self.label()
            found.append(Form(((known[key], float(after)),), offset))
        return tuple(found)

    def alike(self, forms, keys=None):
        """New labels, one for all forms that are equal; for equal keys as well, if there are keys."""
        known, found = {}, []
        for number, form in enumerate(forms):
            terms = tuple((label, rounded(c)) for label, c in sorted(form.terms, key=repr))
            key = (terms, rounded(form.const), None if keys is None else keys[number])
            if key not in known:
                known[key] = self.label()
            found.append(Form(((known[key], 1.0),)))
        return tuple(found)

    def spaces(self):
        """Sets of units that change together, and the unit that stands for each."""
        root = list(range(self.units))

        def find(parent, unit):
            while parent[unit] != unit:
                unit = parent[unit]
            return unit

        for a, b in self.ties:
            root[find(root, a)] = find(root, b)
        home = list(root)
        for ids in self.makers.values():
            for unit in ids:
                home[find(home, unit)] = find(home, ids[0])
        spaces = {}
        for unit in range(self.units):
            spaces.setdefault(find(home, unit), set()).add(find(root, unit))
        return spaces, [find(root, unit) for unit in range(self.units)]

    def expected(self):
        """Name of a maker -> how many units it may have left, at most."""
        spaces, roots = self.spaces()
        pinned = {roots[unit] for unit in self.pinned}
        most = {}
        for members in spaces.values():
            makers = [name for name, ids in self.makers.items() if roots[ids[0]] in members]
            groups = self._groups(members, roots)
            if pinned & members or groups is None:
                continue
            # Groups stay of one size: that of the one of which most is needed.
            left = len(groups) * max(max(1, self._rank(group, roots)) for group in groups)
            for name in makers:
                # One that makes a unit twice keeps both, or none.
                ids = self.makers[name]
                if len(ids) == len(members) and {roots[unit] for unit in ids} == members:
                    most[name] = max(1, left)
        return most

    def _groups(self, members, roots):
        """The groups that a space's units stay in, one if no layer groups them; None where layers differ in that."""
        divisions = set()
        for ids, n in self.blocks:
            mine, size = [roots[unit] for unit in ids], len(ids) // n
            if members & set(mine):
                divisions.add(tuple(frozenset(mine[k : k + size]) for k in range(0, len(mine), size)))
        if not divisions:
            return [members]
        (division, *more) = divisions
        return None if more or frozenset().union(*division) != members else list(division)

    def _rank(self, members, roots):
        rows = {unit: {} for unit in members}
        unread = set(members)
        for number, (ids, places, forms, fixed) in enumerate(self.taps):
            seen, consts = {}, {}
            for unit, form in zip(ids, forms, strict=True):
                consts.setdefault(roots[unit], set()).add(rounded(form.const))
            for unit, place, form in zip(ids, places, forms, strict=True):
                if roots[unit] not in members:
                    continue
                again = seen[roots[unit], place] = seen.get((roots[unit], place), 0) + 1
                unread.discard(roots[unit])
                where = (number, place, again)
                for label, c in form.terms:
                    rows[roots[unit]][where, label] = c
                # A unit with another constant at each of its places is not stated as one.
                if (fixed or len(consts[roots[unit]]) > 1) and form.const:
                    rows[roots[unit]][where, "one"] = form.const
        dropped = {roots[unit] for unit in self.unused} - {r for u, r in enumerate(roots) if u not in self.unused}
        rows = {unit: row for unit, row in rows.items() if unit not in dropped and unit not in unread}
        columns = {column: k for k, column in enumerate(dict.fromkeys(c for row in rows.values() for c in row))}
        matrix = np.zeros((len(rows), len(columns)))
        for k, row in enumerate(rows.values()):
            for column, value in row.items():
                matrix[k, columns[column]] = value
        return (np.linalg.matrix_rank(matrix, tol=1e-9) if matrix.size else 0) + len(unread)


def value_of(function, value):
    """A function of Keras's, of one number."""
    number = keras.ops.convert_to_tensor([value], dtype="float64")
    return float(keras.ops.convert_to_numpy(keras.activations.get(function)(number))[0])
