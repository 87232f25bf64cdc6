"""What may be claimed of a pair, with a margin: when it is shown, when it is refuted, and what it takes to tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from redundancy.errors import OptionError
from redundancy.pairs import SPARED, Table, exceeds, variance
from redundancy.suggesting import suggested

SIDES = {"not worse": ((1, -1),), "equivalent": ((1, -1), (-1, -1)), "better": ((1, 1),)}
"""Of each claim, the statements `sign * difference > factor * margin` of which it consists: (sign, factor)."""

SAID = {"not worse": "lower by less than {}", "equivalent": "equal within {}", "better": "higher by more than {}"}
"""What they say of a number of which larger ones are better."""

LIKELY = 0.8
"""The chance of a decision for which a number of images is recommended."""

LEAST = 1e-8
"""No smaller margin of an accuracy is judged: it would take hundreds of millions of images, and more digits than
sums of their chances have."""

Shows = Callable[[int, float, float], bool]
"""(sign, by, confidence) -> whether `sign * difference > by` is shown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim about the second of a pair: how it does beside the first.

    Attributes:
        claim: "not worse" (by as much as the margin), "equivalent" (closer than the margin), or "better" (by more than
            the margin, which may be 0).
        margin: Of accuracy, as a share: 0.005 are half a point.
        confidence: With which to say that it holds, in (0, 1).

    Raises:
        OptionError: There is no such claim, or a number is impossible.
    """

    claim: str
    margin: float = 0.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.claim not in SIDES:
            known, meant = ", ".join(map(repr, SIDES)), suggested(str(self.claim), SIDES)
            raise OptionError(f"there is no claim {self.claim!r} about a pair{meant}: give one of {known}")
        given: tuple[tuple[str, object], ...] = ("margin", self.margin), ("confidence", self.confidence)
        for name, number in given:
            if isinstance(number, bool) or not isinstance(number, Real):
                raise OptionError(
                    f"{name}={number!r} must be a number, such as 0.005 for a margin, 0.95 for a confidence"
                )
        if not 0.0 < self.confidence < 1.0:
            raise OptionError(
                f"a confidence of {self.confidence} is impossible: give one between 0 and 1, such as 0.95"
            )
        if not 0.0 <= self.margin < math.inf:
            raise OptionError(f"a margin of {self.margin:g} is impossible: give one from 0 up, such as 0.005")
        if self.margin == 0.0 and self.claim != "better":
            raise OptionError(f"nothing certifies {self.claim!r} with a margin of 0: give one above 0, such as 0.005")

    def __str__(self) -> str:
        return SAID[self.claim].format(f"{self.margin:g}") if self.margin else "higher"

    def answer(self, shows: Shows, refuting: float | None = None) -> bool | None:
        """True where it is shown, False where it is refuted, None where the pairs cannot tell.

        Args:
            shows: Judges one side, at the confidence it is given.
            refuting: With which confidence to say no; the same as to say yes if not given.
        """
        sides = [(sign, factor * self.margin) for sign, factor in SIDES[self.claim]]
        # All sides have to be shown, each at the whole level: a wrong yes is a wrong yes to the side that is not so.
        if all(shows(sign, by, self.confidence) for sign, by in sides):
            return True
        # Any side refutes it, so that they share the error.
        sure = 1.0 - (1.0 - (self.confidence if refuting is None else refuting)) / len(sides)
        return False if any(shows(-sign, -by, sure) for sign, by in sides) else None

    def of(self, table: Table, refuting: float | None = None) -> bool | None:
        """The answer for images, by the exact test of `redundancy.pairs`.

        Raises:
            OptionError: The margin is no difference of accuracy.
        """
        check_accuracy(self)
        return self.answer(lambda sign, by, sure: exceeds(table if sign > 0 else table.swapped, by, sure), refuting)

    def powerless(self, images: int, wrong: int | None = None) -> str:
        """Why so many images cannot certify it, even in the best case; "" where they can.

        The best case is that no prediction changes; of "better", that all that are wrong become right.

        Args:
            images: How many there are.
            wrong: How many of them the first gets wrong; any number if not given.

        Raises:
            OptionError: There is no image, or the margin is no difference of accuracy.
        """
        check_accuracy(self)
        gained = 0 if self.claim != "better" else images if wrong is None else wrong
        if self.of(Table(images - gained, 0, gained, 0)):
            return ""
        if self.claim == "better":
            mistakes = "" if wrong is None else f"the {wrong} that the first gets wrong of "
            what = f"{mistakes}these {images} images cannot certify that the second's accuracy is {self}"
            return f"{what}, even if it gets all of them right"
        return (
            f"these {images} images cannot certify +-{100 * self.margin:g} points, even if no prediction changes: "
            f"{fewest_images(self.margin, self.confidence)} or more are needed, "
            f"or a margin of {least_margin(images, self.confidence):g}"
        )


def check_accuracy(comparison: Comparison) -> None:
    """Raises OptionError where the margin is no difference of accuracy, or one that no images would show."""
    if comparison.margin >= 1.0:
        raise OptionError(
            f"no accuracies differ by {comparison.margin:g}: give a margin below 1, as 0.005 for half a point"
        )
    if 0.0 < comparison.margin < LEAST:
        raise OptionError(
            f"a margin of {comparison.margin:g} of an accuracy takes too many images to be judged: "
            f"give one from {LEAST:g} up"
        )


def fewest_images(margin: float, confidence: float = 0.95) -> int:
    """How many images certify a margin if no prediction changes: 598, 299 and 149 for .005, .01 and .02.

    Raises:
        OptionError: The margin is not in (0, 1), or the confidence is impossible.
    """
    check_accuracy(Comparison("not worse", margin, confidence))
    # By logarithms of what is small itself: from 1 - margin one would count up to the rest for ever.
    images = math.ceil(math.log((1.0 - SPARED) * (1.0 - confidence)) / math.log1p(-margin))
    while not exceeds(Table(images, 0, 0, 0), -margin, confidence):
        images += 1
    return images


def least_margin(images: int, confidence: float = 0.95) -> float:
    """The least margin that so many images certify if no prediction changes, in three digits.

    Raises:
        OptionError: There is no image, or the confidence is impossible.
    """
    return least_shown(lambda margin: exceeds(Table(images, 0, 0, 0), -margin, confidence))


def least_shown(shown: Callable[[float], bool]) -> float:
    """The least margin below 1 that is shown, in three digits; 1 where there is none."""
    low, high = LEAST, 1.0
    for _ in range(16):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if shown(middle) else (middle, high)
    if high == 1.0:
        return 1.0
    step = 10.0 ** (math.floor(math.log10(high)) - 2)
    while not shown(rounded := math.ceil(high / step) * step):
        high = rounded + step / 2.0
    return float(f"{rounded:.3g}")


def images_needed(comparison: Comparison, changed: float, difference: float = 0.0, power: float = LIKELY) -> int | None:
    """About how many images will certify it, if that many predictions change from right to wrong or back.

    From the normal approximation of the score statistic: a plan, on which no verdict rests.

    Args:
        comparison: What is to be certified.
        changed: The share of images that only one of the two gets right, in [0, 1].
        difference: The accuracy of the second minus that of the first.
        power: With what probability it is to be certified, in (0, 1).

    Returns:
        A number of images; None where it is not true of that difference, and no number certifies it.

    Raises:
        OptionError: A number is impossible.
    """
    from scipy.special import ndtri

    check_accuracy(comparison)
    if not abs(difference) <= changed <= 1.0 or not 0.0 < power < 1.0:
        raise OptionError(
            f"changed={changed:g}, difference={difference:g} and power={power:g} do not go together: "
            "the first two are shares, the second not the larger, and the power is between 0 and 1"
        )
    sides, needed = SIDES[comparison.claim], 1
    sure, hoped = ndtri(comparison.confidence), ndtri(1.0 - (1.0 - power) / len(sides))
    for sign, factor in sides:
        by, found = factor * comparison.margin, sign * difference
        if found <= by:
            return None
        spread = math.sqrt(variance((changed - found) / 2.0, (changed + found) / 2.0, by))
        mine = math.sqrt(changed - found * found)
        needed = max(needed, math.ceil(((sure * spread + hoped * mine) / (found - by)) ** 2))
    if comparison.claim == "better":
        return needed
    return max(needed, fewest_images(comparison.margin, comparison.confidence))
