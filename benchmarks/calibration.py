"""How often claims with a rate are judged wrongly, and how many runs that takes: coins in place of networks.

    python benchmarks/calibration.py [--claims 1000] [--repeats 200]

Every figure is of whole judgements, as pytest makes them: two streams of seeds, batches, the error budget over
configurations, the runs allowed where nothing is said. The first stream is also looked at alone, since what confirms a
refutation would hide a mistake of it.
"""

import argparse
import math

import numpy as np
from scipy.stats import binom

from redundancy.ledger import Book
from redundancy.sequential import room
from redundancy.statistics import clopper_pearson
from redundancy.trials import FIRST, SECOND, Trials
from redundancy.verdict import Claim

RATES = 0.5, 0.8, 0.9, 0.95


def coins(rate, *seed, confirming=None):
    """Runs of that rate; in the stream that confirms, of another one if it is given."""
    rates = {FIRST: rate, SECOND: rate if confirming is None else confirming}

    def sampled(stream, start, count):
        rng = np.random.default_rng([*seed, len(stream)])
        return (rng.random(start + count)[start:] < rates[stream]).tolist()

    return sampled


def judged(p0, sampled, book=None, configuration="", runs=None):
    claim = Claim("coins fall on their edge", p0, runs=runs)
    return Trials(claim, configuration, 0, Book() if book is None else book, sampled, dict).judged()


def share(count, of):
    low, high = clopper_pearson(count, of)
    return f"{count / of:7.3f} [{low:.3f}, {high:.3f}]"


def boundary(claims):
    print(
        f"\nTrue claims at the boundary, {claims} of each: refuted (at most 0.05), held (a false HOLDS, at most 0.05)"
    )
    print("  p0    refuted                  by the first stream alone  held")
    for p0 in RATES:
        whole = [judged(p0, coins(p0, 1, n)).outcome for n in range(claims)]
        alone = [judged(p0, coins(p0, 1, n, confirming=0.0)).outcome for n in range(claims)]
        shares = (
            share(said.count(what), claims) for said, what in ((whole, "REFUTED"), (alone, "REFUTED"), (whole, "HOLDS"))
        )
        print(f"  {p0:<4}  {'   '.join(shares)}")


def searched(searches, configurations=50):
    print(
        f"\nSearches of {configurations} configurations at the boundary, {searches} of each: any refuted (at most 0.05)"
    )
    print("  p0    any refuted              by the first stream alone")
    for p0 in RATES[:3]:
        found = {None: 0, 0.0: 0}
        for confirming in found:
            for search in range(searches):
                book = Book()
                found[confirming] += any(
                    judged(p0, coins(p0, 2, search, k, confirming=confirming), book, str(k)).outcome == "REFUTED"
                    for k in range(configurations)
                )
        print(f"  {p0:<4}  {'   '.join(share(count, searches) for count in found.values())}")


def fixed_size(p0, rate, runs, alpha=0.05):
    """Power of the exact test after a number of runs that was fixed before: (holds, refutes)."""
    k = np.arange(runs + 1)
    chance = binom.pmf(k, runs, rate)
    return chance[binom.sf(k - 1, runs, p0) <= alpha].sum(), chance[binom.cdf(k, runs, p0) <= alpha].sum()


def sprt(p0, low, high, rate, runs, claims, alpha=0.05):
    """Wald's test of the rate `low` against `high`, cut off: (holds, refutes, mean runs); it is told both rates."""
    draws = np.random.default_rng([3, int(1000 * rate)]).random((claims, runs)) < rate
    steps = np.where(draws, math.log(high / low), math.log((1 - high) / (1 - low)))
    path, bound = np.cumsum(steps, axis=1), math.log((1 - alpha) / alpha)
    ended = np.abs(path) >= bound
    at = np.where(ended.any(axis=1), ended.argmax(axis=1), runs - 1)
    last = path[np.arange(claims), at]
    return (last >= bound).mean(), (last <= -bound).mean(), (at + 1).mean()


def power(claims):
    print(f"\nPlanted effects, {claims} of each: share that is decided rightly, and mean number of runs")
    print("  p0    true rate   here            fixed number     Wald's SPRT, told both rates")
    for p0 in RATES:
        runs = room(p0)
        for rate in (1.0, 1 - (1 - p0) / 4, p0 - 0.3, 0.1):
            said = [judged(p0, coins(rate, 4, n)) for n in range(claims)]
            right = "HOLDS" if rate > p0 else "REFUTED"
            mine = sum(j.outcome == right for j in said) / claims
            mean = np.mean([j.runs + j.confirming[1] for j in said])
            first = np.mean([j.runs for j in said])
            fixed = fixed_size(p0, rate, runs)[0 if rate > p0 else 1]
            low, high = (p0, min(rate, 0.999)) if rate > p0 else (rate, p0)
            wald = sprt(p0, low, high, rate, runs, claims)
            print(
                f"  {p0:<4}  {rate:<9.4g}   {mine:.3f} in {first:5.1f} ({mean:5.1f} with those that confirm)"
                f"   {fixed:.3f} in {runs}   {wald[0 if rate > p0 else 1]:.3f} in {wald[2]:5.1f}"
            )


def repeats(times):
    """The same questions, asked of new books: the same answers."""
    asked = [(p0, rate) for p0 in RATES for rate in (1.0, p0, 0.2)]
    seen = set()
    for _ in range(times):
        book = Book()
        said = [judged(p0, coins(rate, 5, k), book, f"{p0} {rate} {k}") for k, (p0, rate) in enumerate(asked)]
        seen.add(tuple((j.outcome, j.successes, j.runs, j.why) for j in said))
    print(f"\n{times} repeats of {len(asked)} judgements under one root seed: {len(seen)} different result(s)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=200)
    chosen = parser.parse_args()
    boundary(chosen.claims)
    searched(max(1, chosen.claims // 5))
    power(chosen.claims)
    repeats(chosen.repeats)
