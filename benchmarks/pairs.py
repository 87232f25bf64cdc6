"""How often claims about pairs are judged wrongly, and how often rightly: exact sums over all tables, no simulation.

    python benchmarks/pairs.py [--largest 10000]

Beside the test of this package: `ttost_paired` (two t-tests of the differences), the normal approximation of the score
statistic (Tango), and an exact bound of the losses alone (Clopper and Pearson). Each is the same upset of tables, "so
many losses, at least so many gains", so that its chance is a sum over losses. Last, a count beside simulations of
chance.
"""

import argparse
import time

import numpy as np
from scipy.stats import binom, norm, t

from redundancy.margins import Comparison, images_needed
from redundancy.pairs import Table, _score, exceeds
from redundancy.statistics import bounds, chance_share

ALPHA = 0.05
CASES = (200, 0.005), (200, 0.01), (200, 0.02), (1000, 0.005), (1000, 0.01), (1000, 0.02), (10_000, 0.005)
RATES = {200: 0.6, 1000: 0.2, 10_000: 0.05}
"""Up to which rate of changes the chances are summed, by number of images."""


def here(lost, gained, n, by):
    return exceeds(Table(n - lost - gained, lost, gained, 0), by, 1 - ALPHA)


def by_t(lost, gained, n, by):
    mean = (gained - lost) / n
    spread = np.sqrt((lost + gained - n * mean**2) / (n - 1))
    # No change is no spread: a p-value of 0.
    return mean > by if spread == 0 else t.sf((mean - by) / spread * np.sqrt(n), n - 1) <= ALPHA


def by_score(lost, gained, n, by):
    return norm.sf(_score(np.array(lost), np.array(gained), n, by)) <= ALPHA


def by_losses(lost, gained, n, by):
    return bounds(lost, n, 1 - ALPHA)[1] < -by


METHODS = {"here": here, "ttost_paired": by_t, "score, normal": by_score, "losses alone": by_losses}


def frontier(shown, n, by, most):
    """The least number of gains with which it is shown, for each number of losses up to `most`; n + 1 for never."""
    least, gained = np.full(most + 1, n + 1), 0
    for lost in range(most + 1):
        while gained <= n - lost and not shown(lost, gained, n, by):
            gained += 1
        least[lost] = gained if gained <= n - lost else n + 1
    return least


def chance(least, n, lost, gained):
    """Of what is on the frontier or beyond, at these rates of losses and gains."""
    losses = np.arange(len(least))
    return float(binom.pmf(losses, n, lost) @ binom.sf(least - 1, n - losses, gained / (1 - lost)))


def most_losses(n, rate):
    return min(n, int(n * rate / 2 + 7 * np.sqrt(n * rate / 2) + 20))


def errors(largest):
    print("\nNot there, and shown: the largest chance over all rates of changes, at a permitted error of 0.05.")
    print("The second is worse by exactly the margin (claimed: not worse), or better by exactly that (claimed: better)")
    print(f"  images  margin  claim      {'  '.join(f'{name:<13}' for name in METHODS)}  seconds a table, here")
    for n, margin in CASES:
        if n > largest:
            continue
        for by in (-margin, margin):
            rates = np.concatenate([[margin], margin + (RATES[n] - margin) * np.linspace(0.001, 1, 200) ** 2])
            found, began = [], time.process_time()
            for name, shown in METHODS.items():
                if by > 0 and name == "losses alone":
                    found.append(f"{'-':<13}")
                    continue
                least = frontier(shown, n, by, most_losses(n, RATES[n] - by))
                found.append(f"{max(chance(least, n, (r - by) / 2, (r + by) / 2) for r in rates):<13.4f}")
                if name == "here":
                    each = (time.process_time() - began) / (len(least) + least[least <= n].max(initial=0))
            claim = "not worse" if by < 0 else "better"
            print(f"  {n:<6}  {margin:<6g}  {claim:<9}  {'  '.join(found)}  {each:.3f}", flush=True)


def power(largest):
    print("\nEqually good, and shown not to be worse: the chance, by share of predictions that change")
    shares = 0.0, 0.002, 0.005, 0.01, 0.02, 0.04
    print(f"  images  margin  method         {'  '.join(f'{share:<5g}' for share in shares)}")
    for n, margin in CASES:
        if n > largest:
            continue
        for name in ("here", "losses alone"):
            least = frontier(METHODS[name], n, -margin, most_losses(n, shares[-1]))
            row = "  ".join(f"{chance(least, n, share / 2, share / 2):.3f}" for share in shares)
            print(f"  {n:<6}  {margin:<6g}  {name:<13}  {row}", flush=True)


def plans(largest):
    print("\nImages that are recommended for a chance of 0.8 to certify 'not worse', and the chance with so many")
    print("  margin  changed  images  chance")
    for margin, share in ((0.02, 0.0), (0.02, 0.01), (0.02, 0.04), (0.01, 0.005), (0.01, 0.02), (0.005, 0.002)):
        n = images_needed(Comparison("not worse", margin), share)
        if n <= largest:
            least = frontier(here, n, -margin, most_losses(n, share))
            print(f"  {margin:<6g}  {share:<7g}  {n:<6}  {chance(least, n, share / 2, share / 2):.3f}", flush=True)


def counts(times=20_000):
    rng = np.random.default_rng(0)
    print(f"\nCounts that are chance's own, {times} of each: shown to be beyond chance (at most 0.05)")
    for name, draw in (("Poisson, mean 2", lambda size: rng.poisson(2, size)), ("normal", rng.standard_normal)):
        for simulations in (19, 199):
            drawn = draw((times, simulations + 1))
            said = np.mean([chance_share(row[0], row[1:]) <= ALPHA + 1e-12 for row in drawn])
            print(f"  {name:<16} {simulations:>3} simulations: {said:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=10_000, help="images beyond which nothing is summed")
    chosen = parser.parse_args()
    errors(chosen.largest)
    power(chosen.largest)
    plans(chosen.largest)
    counts()
