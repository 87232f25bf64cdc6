"""The evidence of a claim with a rate, beside a published implementation of the same mixture.

    pip install savvi matplotlib
    python benchmarks/evidence.py

savvi (https://pypi.org/project/savvi, 0.3.1) has the mixture over all rates, a Beta distribution whose mean is the rate
that is denied: M. Lindon and A. Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022. Ours is cut
off at that rate: one part lies above it, the other below, and weighed by their shares of the distribution they add up
to savvi's.
"""

import math

import numpy as np
from savvi.multinomial import Multinomial
from scipy.stats import beta

from redundancy.sequential import log_ratio

RATES = 0.05, 0.5, 0.8, 0.9, 0.95, 0.99
CONCENTRATIONS = 0.5, 2.0, 20.0
RUNS = 400


def published(outcomes, p0, concentration):
    """The odds after each run."""
    test = Multinomial(0.05, np.array([p0, 1.0 - p0]), concentration)
    for success in outcomes:
        test.update(np.array([success, not success], np.int64))
        yield float(test.odds)


def ours(successes, failures, p0, concentration):
    """The odds after some runs: both parts, weighed."""
    shape = concentration * p0, concentration * (1.0 - p0)
    below = float(beta.cdf(p0, *shape))
    parts = (below, False), (1.0 - below, True)
    return sum(weight * math.exp(log_ratio(successes, failures, p0, shape, above=above)) for weight, above in parts)


def main():
    rng, worst, compared = np.random.default_rng(0), 0.0, 0
    for p0 in RATES:
        for concentration in CONCENTRATIONS:
            for rate in (p0, 1.0, 0.9 * p0, 0.3):
                outcomes = rng.random(RUNS) < rate
                for n, theirs in enumerate(published(outcomes, p0, concentration), 1):
                    if not 1e-300 < theirs < 1e300:  # savvi's odds are no logarithms
                        break
                    s = int(outcomes[:n].sum())
                    worst = max(worst, abs(ours(s, n - s, p0, concentration) / theirs - 1.0))
                    compared += 1
    print(f"{compared:,} states of evidence: largest relative difference {worst:.1e}")


if __name__ == "__main__":
    main()
