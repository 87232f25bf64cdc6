"""The kernels of a layer as images, and the groups in which they repeat: what a picture shows, before it is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import numpy as np

from redundancy.auditing import Audit, Certainty
from redundancy.clustering import near_duplicates
from redundancy.errors import OptionError
from redundancy.network import Array
from redundancy.report.layout import cut, plain
from redundancy.similarity import cosine
from redundancy.suggesting import suggested

STILL = ("unused", "dead", "constant")
"""Notions of one unit alone: such a unit is like no other one, whatever its weights are."""

NEAREST = 0.9
"""The least cosine of near-duplicates in a picture: below it, nobody sees that they are alike."""

NAMED = 12
"""Layers that an error names."""

MOST_ORDERED = 500
"""Units that are put in an order by how alike they are; more would take long, and are not drawn."""

WIDEST = 64
"""Weights in one line of a tile."""

_RELATION = re.compile(r"h(\d+) = (?:[-+.\de]+ |-)?h(\d+)(?![^(]* h\d)")
"""An equation that states one unit in terms of one other."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Of one layer.

    Attributes:
        layer: Its name.
        rows: The weights of each unit, without its bias. Shape (units, weights), float64.
        tiles: An image of each unit; NaN where it has none. Shape (units, height, width), float64.
        shown: What a tile shows.
    """

    layer: str
    rows: Array
    tiles: Array
    shown: str


@dataclass(frozen=True, slots=True)
class Group:
    """Units of one layer that are alike.

    Attributes:
        units: Their indices, increasing.
        notions: Under which they are redundant; none for those that are only near each other.
        cosine: The least one of any two, by size.
    """

    units: tuple[int, ...]
    notions: tuple[str, ...]
    cosine: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """The units of a layer, each in one place.

    Attributes:
        groups: Of units that are alike, the largest first.
        marked: Notions, by unit, of those that are redundant and in no group.
        single: All others.
        threshold: The cosine from which on two are near-duplicates; None where none is beyond chance.
    """

    groups: tuple[Group, ...]
    marked: Mapping[int, str]
    single: tuple[int, ...]
    threshold: float | None

    @property
    def marks(self) -> str:
        """The notions of those that are marked, as "dead or constant"."""
        *others, last = dict.fromkeys(self.marked.values()) or [""]
        return f"{', '.join(others)} or {last}" if others else last


def kernels_of(found: Audit, layer: str | None) -> Kernels:
    """The kernels of a layer.

    Args:
        found: An audit.
        layer: Its name; if not given, the one with the most redundant units, a convolution before all others.

    Raises:
        OptionError: There is no such layer, or it has no kernel.
    """
    able = _able(found)
    names = ", ".join(plain(cut(name, 80)) for name in able[:NAMED]) + (", ..." if len(able) > NAMED else "")
    if not able:
        raise OptionError("no layer of the model has a kernel that can be drawn; leave --picture out")
    if layer is not None and layer not in able:
        like = suggested(layer, able)
        raise OptionError(
            f"no layer '{plain(cut(layer, 80))}' has a kernel that can be drawn{like}; choose from {names}"
        )
    name = layer if layer is not None else most_redundant(found)[0][0]
    kernel = np.asarray(found.kernels[name], np.float64)
    kind = next((n.kind for n in found.network or () if n.layer == name and "kernel" in n.weights), "")
    units = _LAID.get(kind, _last)(kernel)
    tiles, shown = _tiles(units)
    return Kernels(name, units.reshape(len(units), -1), tiles, shown)


def most_redundant(found: Audit) -> list[tuple[str, int]]:
    """The layers that can be drawn, the one first that is drawn unasked, and how many units of each are redundant.

    Convolutions come first where something was found of them: a person sees more in their kernels than in those of a
    dense layer.
    """
    counted = [(name, _redundant(found, name)) for name in _able(found)]
    return sorted(counted, key=lambda pair: (not (pair[1] and found.kernels[pair[0]].ndim > 2), -pair[1]))


def _able(found: Audit) -> list[str]:
    return [name for name, kernel in found.kernels.items() if kernel.ndim > 1 and kernel.size]


def _redundant(found: Audit, layer: str) -> int:
    return sum(len(finding.units) for finding in found.findings if layer in finding.layers)


def _last(kernel: Array) -> Array:
    """(..., units) -> (units, ...)."""
    return np.moveaxis(kernel, -1, 0)


def _transposed(kernel: Array) -> Array:
    return np.moveaxis(kernel, -2, 0)


def _depthwise(kernel: Array) -> Array:
    *size, channels, multiplier = kernel.shape
    return np.moveaxis(kernel.reshape(*size, channels * multiplier), -1, 0)[..., None]


_LAID: Mapping[str, Callable[[Array], Array]] = {"conv_transpose": _transposed, "depthwise_conv": _depthwise}
"""How the kernel of a kind of layer is laid out as (units, ..., channels read); as in `_last` for all others."""


def _tiles(units: Array) -> tuple[Array, str]:
    """Images of shape (units, height, width), and what they are."""
    if units.ndim == 2:
        return _image(units), _as_image(units.shape[1])
    size = "x".join(map(str, units.shape[1:-1]))
    channels = units.shape[-1]
    if channels == 1:
        return _sheet(units[..., 0]), f"{size} weights"
    if units.ndim == 3 and channels <= WIDEST:
        return np.swapaxes(units, 1, 2), f"{size} weights across, {channels} channels down"
    flat, explained = _component(units.reshape(-1, channels))
    what = f"the first principal component of {channels} channels, {explained:.0%} of their squares"
    return _sheet(flat.reshape(units.shape[:-1])), f"{size} weights, {what}"


def _image(units: Array) -> Array:
    """A row of weights as a square where it is one, as a strip where it is short, and as lines of one otherwise."""
    width = _line(units.shape[1])
    padded = np.full((len(units), -(-units.shape[1] // width) * width), np.nan)
    padded[:, : units.shape[1]] = units
    return padded.reshape(len(units), -1, width)


def _line(weights: int) -> int:
    root = isqrt(weights)
    if root * root == weights:
        return root
    return weights if weights <= WIDEST else root + 1


def _as_image(weights: int) -> str:
    width = _line(weights)
    return f"{weights} weights as {width}x{width}" if width * width == weights else f"{weights} weights"


def _sheet(units: Array) -> Array:
    """(units, a, b, c) -> a images of (b, c), one beside the other; (units, a) -> one line."""
    if units.ndim == 2:
        return units[:, None, :]
    if units.ndim == 3:
        return units
    gap = np.full((len(units), units.shape[2], 1), np.nan)
    slices = [units[:, place] for place in range(units.shape[1])]
    return np.concatenate([part for piece in slices for part in (piece, gap)][:-1], axis=2)


def _component(positions: Array) -> tuple[Array, float]:
    """Weights along the direction among channels that most of them have, and its share of their squares.

    One direction for all units, so that multiples stay multiples. It is not centred: zero stays zero.

    Args:
        positions: Shape (n, channels).
    """
    from scipy.linalg import eigh

    gram, last = positions.T @ positions, positions.shape[1] - 1
    values, vectors = eigh(gram, subset_by_index=[last, last])
    along = vectors[:, 0] * (1.0 if vectors[:, 0].sum() >= 0 else -1.0)
    total = float(np.trace(gram))
    return positions @ along, float(values[0]) / total if total else 1.0


def grouped(found: Audit, kernels: Kernels) -> Grouping:
    """The units of a layer in groups: near-duplicates by their weights, and what the audit found of them."""
    units = len(kernels.rows)
    findings = [
        f for f in found.findings if kernels.layer in f.layers and f.size == units and f.certainty is not Certainty.NEAR
    ]
    notions = {unit: finding.notion for finding in findings for unit in finding.units}
    still = {unit for unit, notion in notions.items() if notion in STILL}
    compared = np.array([j for j in range(units) if j not in still and np.any(kernels.rows[j])], int)
    clusters = near_duplicates(kernels.rows[compared], least=NEAREST)
    together = [tuple(compared[group].tolist()) for group in clusters.groups]
    together += [pair for finding in findings if finding.notion not in STILL for pair in _pairs(finding.equations)]
    groups = [_group(kernels.rows, members, notions) for members in _joined(units, together)]
    inside = {unit for group in groups for unit in group.units}
    marked = {unit: notion for unit, notion in sorted(notions.items()) if unit not in inside}
    single = _beside(kernels.rows, [unit for unit in range(units) if unit not in inside and unit not in marked])
    ordered = sorted(groups, key=lambda group: (-len(group.units), -group.cosine))
    return Grouping(tuple(ordered), marked, single, clusters.threshold)


def _beside(rows: Array, units: Sequence[int]) -> tuple[int, ...]:
    """The units in an order in which those that are alike are neighbours."""
    if not 2 < len(units) <= MOST_ORDERED:
        return tuple(units)
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = squareform(np.clip(1.0 - cosine(rows[list(units)]), 0.0, None), checks=False)
    order = leaves_list(linkage(apart, "average", optimal_ordering=True))
    return tuple(units[place] for place in order.tolist())


def _pairs(equations: Sequence[str]) -> list[tuple[int, int]]:
    matches = (_RELATION.match(equation) for equation in equations)
    return [(int(match[1]), int(match[2])) for match in matches if match]


def _joined(units: int, together: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The groups that result where those that share a unit are one."""
    home = list(range(units))

    def root(unit: int) -> int:
        while home[unit] != unit:
            unit = home[unit]
        return unit

    for members in together:
        for one, other in pairwise(members):
            home[root(other)] = root(one)
    joined: dict[int, list[int]] = {}
    for unit in range(units):
        joined.setdefault(root(unit), []).append(unit)
    return [tuple(members) for members in joined.values() if len(members) > 1]


def _group(rows: Array, members: tuple[int, ...], notions: Mapping[int, str]) -> Group:
    alike = cosine(rows[list(members)])[np.triu_indices(len(members), 1)]
    why = dict.fromkeys(notions[unit] for unit in members if unit in notions)
    return Group(members, tuple(why), float(alike[np.argmin(np.abs(alike))]))
