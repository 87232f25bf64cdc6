"""What pruning gives for what it takes: accuracy against units, parameters, multiply-accumulates and time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from redundancy.allocation import gone_after
from redundancy.costs import cost
from redundancy.errors import OptionError, TooMuchError
from redundancy.material import Material, material
from redundancy.network import Network
from redundancy.pacing import Pace, goal_of, latency
from redundancy.pruner import Pruner, Training
from redundancy.pruning import check_rows, check_seed, check_shares, check_timed, network_of, original_of
from redundancy.saliency import criterion
from redundancy.scoring import accuracy
from redundancy.viewing import Prunable
from redundancy.workbench import written

if TYPE_CHECKING:
    from redundancy.workbench import Model

CRITERIA = "obs", "obd", "srinivas-babu", "norm", "random"
"""Those that are compared if none are named."""

SHARES = 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9
"""Of what is removed, if none are given."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model that was pruned by one criterion.

    Attributes:
        by: The criterion; "" for the original.
        removed: The share that had to go at least.
        units: Of the spaces that may be pruned, those left.
        parameters, macs: What is left.
        harm: How far its outputs are from the original's, as of `Pruning.harm`.
        accuracy: On the test images, else on the rows that units were measured on; None without labels.
        seconds: For a batch of 32 rows; None where that was not measured.
        seconds_before: That the original took in the same turns.
    """

    by: str
    removed: float
    units: int
    parameters: int
    macs: int
    harm: float
    accuracy: float | None = None
    seconds: float | None = None
    seconds_before: float | None = None


@dataclass(frozen=True, slots=True)
class Tradeoffs:
    """Points of several criteria.

    Attributes:
        model_name: Of the original.
        of: What the shares are of.
        repaired: Units that stay took over.
        tested: Accuracies are on test images, which nothing was measured on.
        points: The original, then by criterion, the smallest share first.
    """

    model_name: str
    of: str
    repaired: bool
    tested: bool
    points: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "schema": "redundancy/tradeoffs",
            "version": "1",
            "model": self.model_name,
            "of": self.of,
            "repaired": self.repaired,
            "tested": self.tested,
            "points": [asdict(point) for point in self.points],
        }

    def to_csv(self) -> str:
        """One line a point, below a line of names; what is not known is empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(Point)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(point) for point in self.points)
        return text.getvalue()


def tradeoffs(
    model: Model,
    *,
    data: Any,
    by: Iterable[str] = CRITERIA,
    shares: Iterable[float] = SHARES,
    of: str = "units",
    layers: Iterable[str] | None = None,
    repair: bool = True,
    labels: Any = None,
    seed: int = 0,
    timed: bool = False,
    trust: bool = False,
) -> Tradeoffs:
    """Prunes a model by several criteria to several sizes.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is.
        data: As for `prune`.
        by: Criteria.
        shares: How much goes, at least; above 0, below 1. Those that cannot go are left out.
        of: "units", "parameters", "macs" or "latency", as for `prune`.
        layers: Names of the layers whose units may go; all if not given.
        repair: Units that stay take over.
        labels: The class of each row, where the data are arrays.
        seed: Of what is drawn.
        timed: Measure how long each takes beside the original, in turns, as is done anyway where shares are of the
            latency; it is a Keras model then.
        trust: Run code that a model file brings along.

    Raises:
        OptionError: As of `prune`; of shares, where not even the smallest can go.
        UnsupportedError: As of `prune`.
    """
    chosen = [criterion(name) for name in _words(by)]
    wanted = sorted(set(shares))
    check_shares("shares", wanted, of)
    check_seed(seed)
    check_timed(model, of, timed=timed)
    original = original_of(model, trust)
    keras_model = None if isinstance(original, Network) else original
    network = network_of(original)
    rows = material(network, data, labels)
    check_rows(rows)
    prunable = Prunable(network, layers)
    whole = sum(space.size for space in prunable.spaces)
    scored = rows.test if rows.test is not None and rows.test.labels is not None else rows
    points = [_point("", 0.0, network, whole, 0.0, scored, None)]
    for each in chosen:
        work = Pruner(network, each, rows, prunable, of, repair, seed, Training(None))
        points += _curve(work, wanted, keras_model, whole, scored, timed)
    return Tradeoffs(getattr(keras_model, "name", ""), of, repair, scored is not rows, tuple(points))


def _curve(
    work: Pruner, wanted: list[float], original: Any, whole: int, scored: Material, timed: bool
) -> Iterator[Point]:
    """The points of one criterion; shares that cannot go are left out, but for the smallest, which is refused."""
    goal = goal_of(work, original)
    for share in wanted:
        try:
            counts = gone_after(goal.enough(share))
        except TooMuchError as error:
            if share == wanted[0]:
                raise TooMuchError(str(error).replace("remove=", "shares=")) from None
            continue
        small = work.pruned(counts).network
        seconds = goal.seconds if isinstance(goal, Pace) else None
        if timed and seconds is None:
            seconds = latency(original, written(original, small), work.judged)
        left = whole - sum(counts.values())
        yield _point(work.criterion.name, share, small, left, work.harm(small), scored, seconds)


def _words(by: Any) -> tuple[str, ...]:
    if isinstance(by, str):
        raise OptionError(f"by='{by}' is one word: give a list of criteria, as ['{by}']")
    return tuple(by)


def _point(
    by: str,
    share: float,
    network: Network,
    units: int,
    harm: float,
    scored: Material,
    seconds: tuple[float, float] | None,
) -> Point:
    left = cost(network)
    right = None if scored.labels is None else accuracy(network, scored)
    before, now = seconds or (None, None)
    return Point(by, share, units, left.parameters, left.macs, harm, right, now, before)
