"""Two classifiers on the same images: is one of them better by more than so much? An exact test, valid at every table.

What counts are the images that only one of them gets right. With no difference at stake that is McNemar's exact test.
With a margin no standard test is exact: `ttost_paired` is sure of anything where no prediction changed, and normal
approximations fail where few did. Here the chance of a table at least as extreme is summed exactly, and the largest
such chance over every rate of changes that the table leaves possible is what counts. Tables are ordered by the score
statistic; its order only decides how much power there is, never whether the test is valid.

Sources: T. Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
design, Statist. Med. 17 (1998), the score statistic; R. L. Berger and D. D. Boos, P values maximized over a confidence
set for the nuisance parameter, J. Amer. Statist. Assoc. 89 (1994).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from redundancy.errors import OptionError
from redundancy.network import Array
from redundancy.statistics import bounds, mcnemar

SPARED = 1e-3
"""The part of the permitted error that is spent on where the rate of changes lies."""

CELLS, SPLITS, MOST = 64, 12, 4096
"""Intervals of that rate to begin with, how often they are halved, and how many there may be. What is not settled by
then is not shown, so that these only limit the effort."""

ROUNDING = 1e-9
"""What arithmetic may do to a statistic or a chance; allowed for on the side of caution."""


@dataclass(frozen=True, slots=True)
class Table:
    """How two classifiers do on the same images.

    Attributes:
        both: Images that both get right.
        lost: Images that only the first gets right.
        gained: Images that only the second gets right.
        neither: Images that both get wrong.

    Raises:
        OptionError: A count is negative, or there is no image.
    """

    both: int
    lost: int
    gained: int
    neither: int

    def __post_init__(self) -> None:
        if min(self.both, self.lost, self.gained, self.neither) < 0 or not self.images:
            counts = self.both, self.lost, self.gained, self.neither
            raise OptionError(f"{counts} is no table of images: give four counts from 0 up, not all of them 0")

    @classmethod
    def of(cls, first: Array, second: Array) -> Table:
        """The table of two arrays of the same shape that say of each image whether it is classified rightly."""
        first, second = np.asarray(first, bool), np.asarray(second, bool)
        kinds = (first & second, first & ~second, ~first & second, ~first & ~second)
        return cls(*(int(np.sum(kind)) for kind in kinds))

    @property
    def images(self) -> int:
        """How many there are."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """Of the first and of the second."""
        return (self.both + self.lost) / self.images, (self.both + self.gained) / self.images

    @property
    def difference(self) -> float:
        """The accuracy of the second minus that of the first."""
        return (self.gained - self.lost) / self.images

    @property
    def swapped(self) -> Table:
        """The second against the first."""
        return Table(self.both, self.gained, self.lost, self.neither)


def exceeds(table: Table, by: float, confidence: float = 0.95) -> bool:
    """Whether it is shown that the second's accuracy is higher than the first's by more than `by`.

    Args:
        table: Of images drawn independently.
        by: In (-1, 1); below 0, it is asked whether the second is worse by less than that.
        confidence: In (0, 1): where it is not higher by so much, the answer is yes with probability at most
            1 - `confidence`, whatever the two accuracies are, and however often the two differ.

    Raises:
        OptionError: A number is impossible.
    """
    if not -1.0 < by < 1.0:
        raise OptionError(f"a difference of accuracy of {by:g} is impossible: give one between -1 and 1")
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"a confidence of {confidence} is impossible: give one between 0 and 1, such as 0.95")
    alpha = 1.0 - confidence
    if by == 0.0:
        return mcnemar(table.gained, table.lost) <= alpha
    n, changed = table.images, table.lost + table.gained
    low, high = bounds(changed, n, 1.0 - SPARED * alpha / 2.0)
    if table.gained - table.lost <= n * by:
        return False
    # A difference of `by` takes at least so many changes. With fewer it is higher, if `by` is below 0; if it is above,
    # the difference may be lower, but even if all of them are gains the region is rarer than with just so many.
    low = max(low, abs(by))
    if high <= low:
        return True
    return _always_rare(_Region(table.lost, table.gained, n, by), low, high, (1.0 - SPARED) * alpha)


class _Region:
    """The tables of n images that speak as clearly as a given one for a difference above `by`, or more so.

    With a table it holds every one with more gains, or fewer losses. So its chance grows with the rate of gains and
    falls with that of losses, which is why the difference `by` itself is the worst case, and why the corners of an
    interval of rates bound what is inside.
    """

    def __init__(self, lost: int, gained: int, n: int, by: float) -> None:
        self.by, self._n = by, n
        least = float(_score(np.array(lost), np.array(gained), n, by))
        least -= ROUNDING * (1.0 + abs(least))
        losses = np.arange(n + 1)
        low, high = np.zeros(n + 1, int), n - losses + 1
        while np.any(low < high):
            middle = (low + high) // 2
            inside = _score(losses, np.minimum(middle, n - losses), n, by) >= least
            low, high = np.where(inside, low, np.minimum(middle + 1, high)), np.where(inside, middle, high)
        low = np.where(low > n - losses, n + 1, low)
        # Fewer losses never ask for more gains; where rounding says otherwise, a table too many is taken in.
        self._gains = np.minimum.accumulate(low[::-1])[::-1]

    def chances(self, lost: Array, gained: Array) -> Array:
        """Its chance under each pair of rates of losses and gains. Shapes (k,)."""
        blocks = range(0, len(lost), 64)
        return np.concatenate([self._block(lost[at : at + 64], gained[at : at + 64]) for at in blocks])

    def _block(self, lost: Array, gained: Array) -> Array:
        from scipy.special import betainc, gammaln, xlog1py, xlogy

        n, mean = self._n, self._n * lost
        # Beyond nine standard deviations and forty more there is less than rounding.
        reach = 9.0 * np.sqrt(mean * (1.0 - lost)) + 40.0
        losses = np.arange(max(0, int(np.min(mean - reach))), min(n, int(np.max(mean + reach)) + 1) + 1)
        losses = losses[self._gains[losses] <= n]
        ways = gammaln(n + 1) - gammaln(losses + 1) - gammaln(n - losses + 1)
        chance = np.exp(ways + xlogy(losses, lost[:, None]) + xlog1py(n - losses, -lost[:, None]))
        rate = np.clip(gained / (1.0 - lost), 0.0, 1.0)[:, None]
        least = self._gains[losses]
        tail = np.where(least == 0, 1.0, betainc(np.maximum(least, 1), n - losses - least + 1, rate))
        return np.asarray(np.sum(chance * tail, axis=1))


def _always_rare(region: _Region, low: float, high: float, level: float) -> bool:
    """Whether the region has a chance of at most `level` at every rate of changes from `low` to `high`.

    Branch and bound: an interval is settled by a bound on all of it, and halved if that bound is too large.
    """
    by, level = region.by, level - ROUNDING
    edges = np.sin(np.linspace(math.asin(math.sqrt(low)), math.asin(math.sqrt(high)), CELLS + 1)) ** 2
    left, right = edges[:-1], edges[1:]
    for _ in range(SPLITS):
        losses = np.maximum((left - by) / 2.0, 0.0)
        if np.max(region.chances(losses, (left + by) / 2.0)) > level:
            return False
        open_ = region.chances(losses, (right + by) / 2.0) > level
        if not np.any(open_):
            return True
        left, right = left[open_], right[open_]
        middle = (left + right) / 2.0
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        if len(left) > MOST:
            break
    return False


def _score(lost: Array, gained: Array, n: int, by: float) -> Array:
    """How many standard deviations the difference lies above `by`, were that the true one. Shapes (k,)."""
    lost, gained = lost / n, gained / n
    return np.asarray((gained - lost - by) * math.sqrt(n) / np.sqrt(variance(lost, gained, by)))


def variance(lost: Array | float, gained: Array | float, by: float) -> Array:
    """Of the difference at one image, at the rates that are likeliest if the true difference is `by`.

    Args:
        lost: The share of images that only the first gets right. Shape (k,), or one number.
        gained: The share of images that only the second gets right. Shape (k,), or one number.
        by: In (-1, 1).

    Returns:
        Shape (k,). Source: Tango (1998).
    """
    # The likeliest rate of losses is the larger root of a quadratic equation.
    half = (lost + gained) - by * (2.0 + lost - gained)
    rate = (half + np.sqrt(np.maximum(half * half + 8.0 * lost * by * (1.0 - by), 0.0))) / 4.0
    return np.asarray(2.0 * np.maximum(rate, max(0.0, -by)) + by - by * by)
