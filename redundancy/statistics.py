"""How often something happens, and what chance alone does: exact intervals and tests, pure functions of numbers.

Nothing here rests on a normal approximation. The special functions are loaded when they are first needed, so that
whoever only reads a verdict does not pay for SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from redundancy.errors import OptionError


def clopper_pearson(successes: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a rate.

    Args:
        successes: How many of the runs succeeded.
        runs: How many there were, at least one.
        confidence: In (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        OptionError: The counts or the confidence are impossible.
    """
    return bounds(successes, runs, (1.0 + confidence) / 2.0)


def bounds(successes: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two one-sided exact bounds of a rate; each holds with that confidence, not both together.

    Returns:
        The lower bound and the upper bound, in [0, 1].

    Raises:
        OptionError: The counts or the confidence are impossible.
    """
    from scipy.special import betaincinv

    _check(successes, runs, confidence)
    alpha, failures = 1.0 - confidence, runs - successes
    low = float(betaincinv(successes, failures + 1, alpha)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, confidence)) if failures else 1.0
    return low, high


def at_least(
    successes: int, runs: int, p0: float, confidence: float = 0.95, *, refuting: float | None = None
) -> bool | None:
    """Whether a run succeeds with probability at least `p0`, by exact one-sided binomial tests.

    Args:
        successes: How many of the runs succeeded.
        runs: How many there were, at least one.
        p0: In (0, 1].
        confidence: With which to say yes.
        refuting: With which to say no; the same if not given.

    Returns:
        True where it is certified, False where it is refuted, None where these runs cannot tell.

    Raises:
        OptionError: The counts, the rate or a confidence are impossible.
    """
    _check(successes, runs, confidence)
    _check_rate(p0)
    refuting = confidence if refuting is None else refuting
    _check(successes, runs, refuting)
    if _at_least_so_many(successes, runs, p0) <= 1.0 - confidence:
        return True
    return False if _at_most_so_many(successes, runs, p0) <= 1.0 - refuting else None


def runs_needed(p0: float, confidence: float = 0.95) -> int:
    """How many runs, all of them successes, certify a rate of at least `p0`.

    59, 149 and 299 for .95, .98 and .99 at 95% confidence.

    Raises:
        OptionError: The rate is 1, which no number of runs certifies, or an argument is impossible.
    """
    _check(0, 1, confidence)
    _check_rate(p0)
    if p0 == 1.0:
        raise OptionError("no number of runs certifies a rate of 1: ask for less, such as 0.99")
    return math.ceil(math.log1p(-confidence) / math.log(p0) - 1e-9)


def share_of_error(alpha: float, k: int) -> float:
    """What the k-th configuration may spend of an error budget that has to last for any number of them.

    Args:
        alpha: The whole budget.
        k: From 1, in the order of first visit.

    Returns:
        `6 alpha / (pi k)^2`; these add up to `alpha`.
    """
    return 6.0 * alpha / (math.pi * k) ** 2


def mcnemar(gained: int, lost: int) -> float:
    """Exact one-sided McNemar test that a change improves paired predictions.

    Args:
        gained: Predictions that became right.
        lost: Predictions that became wrong.

    Returns:
        The probability of at least so many gains among these discordant pairs if gains and losses were equally
        likely; 1 where no prediction changed.

    Raises:
        OptionError: A count is negative.
    """
    if gained < 0 or lost < 0:
        raise OptionError(f"cannot compare {gained} gains with {lost} losses: counts start at 0")
    return _at_least_so_many(gained, gained + lost, 0.5)


def chance_share(found: float, simulated: Sequence[float]) -> float:
    """Exact Monte Carlo test that a count is larger than chance makes it.

    Args:
        found: The count.
        simulated: The same count in independent simulations of chance, at least one.

    Returns:
        `(1 + simulations with at least as many) / (1 + simulations)`: if the count is one of chance's own, this is at
        most p with probability at most p, for every p, whatever the distribution is.

    Raises:
        OptionError: There is no simulation, or a count is NaN.
    """
    if not len(simulated) or any(math.isnan(count) for count in (found, *simulated)):
        raise OptionError("nothing to compare with chance: give at least one simulated count, and none that is NaN")
    return (1 + sum(count >= found for count in simulated)) / (1 + len(simulated))


def simulations_needed(confidence: float = 0.95) -> int:
    """How many simulations of chance there must be for a count to be beyond chance: 19, 99 and 999 for .95, .99, .999.

    Raises:
        OptionError: The confidence is impossible.
    """
    _check(0, 1, confidence)
    return math.ceil(1.0 / (1.0 - confidence) - 1e-9) - 1


def certain(chance: float, confidence: float) -> bool:
    """Whether something has a chance of at most 1 - `confidence`, where both are decimals: 1 - .9 is not quite .1."""
    return chance <= 1.0 - confidence + 1e-12


def isotropic_tail(cosine: float, dimension: int, signed: bool = True) -> float:
    """The chance that two independent isotropic directions are at least so similar.

    The square of their cosine has the distribution Beta(1/2, (d - 1)/2). In one dimension it is always 1.

    Args:
        cosine: The threshold.
        dimension: Of the space, at least 1: 9 for the kernel of a 3x3 filter on one channel.
        signed: Compare the cosine; else its absolute value.

    Returns:
        A probability, exact to rounding however small it is.

    Raises:
        OptionError: The dimension is less than 1.
    """
    _check_dimension(dimension)
    if not signed:
        return 1.0 if cosine <= 0 else _two_sided_tail(cosine, dimension)
    if cosine <= 0:
        return 1.0 - isotropic_tail(-cosine, dimension) if cosine < 0 and dimension > 1 else _half(cosine, dimension)
    return _two_sided_tail(cosine, dimension) / 2.0


def chance_cosine(pairs: int, dimension: int, level: float = 0.05, signed: bool = True) -> float | None:
    """The cosine that any of so many pairs of isotropic directions reaches with probability at most `level`.

    A union bound over the pairs, which therefore need not be independent: the pairs of n filters are not.

    Args:
        pairs: How many are compared, at least 1.
        dimension: Of the space, at least 1.
        level: In (0, 1).
        signed: Compare cosines; else their absolute values.

    Returns:
        The threshold, in [-1, 1]; None in one dimension, where every cosine is 1 or -1 and none is rare.

    Raises:
        OptionError: An argument is impossible.
    """
    _check_dimension(dimension)
    if pairs < 1 or not 0.0 < level < 1.0:
        raise OptionError(f"no threshold for {pairs} pairs at level {level}: give at least 1 pair, a level in (0, 1)")
    if dimension == 1:
        return None
    return _cosine_of_tail(level / pairs, dimension, signed)


def _cosine_of_tail(tail: float, dimension: int, signed: bool) -> float:
    from scipy.special import betaincinv

    if signed and tail > 0.5:
        return -_cosine_of_tail(1.0 - tail, dimension, signed)
    # The complement 1 - cos^2 keeps its precision where the cosine is next to 1.
    complement = betaincinv((dimension - 1) / 2, 0.5, 2.0 * tail if signed else tail)
    return math.sqrt(1.0 - float(complement))


def _two_sided_tail(cosine: float, dimension: int) -> float:
    from scipy.special import betainc

    if cosine > 1.0:
        return 0.0
    if dimension == 1:
        return 1.0
    return float(betainc((dimension - 1) / 2, 0.5, (1.0 - cosine) * (1.0 + cosine)))


def _half(cosine: float, dimension: int) -> float:
    """One dimension, or a right angle: either half of all pairs, or all of them."""
    return 1.0 if dimension == 1 and cosine <= -1.0 else 0.5


def _at_least_so_many(successes: int, runs: int, rate: float) -> float:
    from scipy.special import betainc

    return float(betainc(successes, runs - successes + 1, rate)) if successes else 1.0


def _at_most_so_many(successes: int, runs: int, rate: float) -> float:
    from scipy.special import betainc

    return float(betainc(runs - successes, successes + 1, 1.0 - rate)) if successes < runs else 1.0


def _check(successes: Any, runs: Any, confidence: Any) -> None:
    if not (_is_whole(successes) and _is_whole(runs)) or runs < 1 or not 0 <= successes <= runs:
        raise OptionError(f"{successes} successes in {runs} runs are impossible: give 0 <= successes <= runs >= 1")
    if not isinstance(confidence, Real) or not 0.0 < float(confidence) < 1.0:
        raise OptionError(f"a confidence of {confidence} is impossible: give one between 0 and 1, such as 0.95")


def _is_whole(count: Any) -> bool:
    return isinstance(count, Integral) or (isinstance(count, Real) and float(count).is_integer())


def _check_rate(p0: Any) -> None:
    if not isinstance(p0, Real) or not 0.0 < float(p0) <= 1.0:
        raise OptionError(f"a rate of at least {p0} says nothing: give one above 0 and at most 1")


def _check_dimension(dimension: int) -> None:
    if dimension < 1:
        raise OptionError(f"there are no directions in {dimension} dimensions: give at least 1")
