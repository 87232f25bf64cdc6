"""One configuration, judged by runs that are coins."""

import numpy as np
import pytest

from redundancy.ledger import Book
from redundancy.sequential import fewest
from redundancy.trials import BATCH, FIRST, FRESH, SECOND, Trials
from redundancy.verdict import Claim


class Coins:
    """Runs that are as claimed with some probability in each stream, and what was asked of them."""

    def __init__(self, first, second=None, seed=0):
        self.rates = {FIRST: first, SECOND: first if second is None else second}
        self.seed, self.asked, self.used = seed, [], 0

    def __call__(self, stream, start, count):
        self.asked.append((stream, start, count))
        rng = np.random.default_rng([self.seed, len(stream)])
        for coin in rng.random(start + count)[start:]:
            self.used += 1
            yield bool(coin < self.rates[stream])


def judged(coins, *, book=None, root=0, configuration="x=1", **options):
    claim = Claim("coins fall on their edge", **{"at_least": 0.8, **options})
    book = Book() if book is None else book
    return Trials(claim, configuration, root, book, coins, dict).judged()


def test_what_always_happens_holds_after_as_few_runs_as_can_be():
    coins = Coins(1.0)
    judgement = judged(coins)
    assert (judgement.outcome, judgement.runs, coins.used) == ("HOLDS", fewest(0.8), fewest(0.8))
    assert judgement.why == ""


def test_what_seldom_happens_is_refuted_and_confirmed():
    coins = Coins(0.1)
    judgement = judged(coins)
    assert judgement.outcome == "REFUTED"
    assert judgement.runs < 15
    assert judgement.confirming[1] > 0
    assert "confirmed by" in judgement.why


def test_bad_luck_that_fresh_runs_do_not_confirm_refutes_nothing():
    judgement = judged(Coins(0.0, 1.0))
    assert judgement.outcome == "INCONCLUSIVE"
    assert "does not confirm" in judgement.why


def test_a_rate_at_the_boundary_is_left_open():
    judgement = judged(Coins(0.8, seed=3))
    assert judgement.outcome == "INCONCLUSIVE"
    assert "does not decide about 0.8" in judgement.why


def test_what_the_runs_allowed_cannot_certify_is_said_before_any_is_made():
    coins = Coins(1.0)
    judgement = judged(coins, runs=10)
    assert (judgement.outcome, coins.used) == ("INCONCLUSIVE", 0)
    assert f"allow {fewest(0.8)} or more" in judgement.why


def test_runs_that_can_decide_nothing_are_not_made():
    judgement = judged(Coins(0.85, seed=5), runs=fewest(0.8) + 1)
    assert judgement.outcome == "INCONCLUSIVE"
    assert judgement.runs < fewest(0.8) + 1
    assert "cannot decide it" in judgement.why


def test_runs_are_asked_for_a_few_at_a_time_and_never_twice():
    coins = Coins(0.95, seed=1)
    judged(coins, at_least=0.9)
    places = [place for stream, start, count in coins.asked for place in range(start, start + count)]
    assert places == sorted(set(places))
    assert max(count for _, _, count in coins.asked) <= BATCH


def test_asking_again_makes_no_run():
    book, coins = Book(), Coins(1.0)
    assert judged(coins, book=book) is judged(coins, book=book)
    assert coins.used == fewest(0.8)


def test_a_new_root_seed_adds_to_what_is_known():
    """Evenings that leave a claim open decide it together."""
    book, runs = Book(), 40
    outcomes = [judged(Coins(0.93, seed=night), book=book, root=night, runs=runs) for night in range(8)]
    assert outcomes[0].outcome == "INCONCLUSIVE"
    assert outcomes[-1].outcome == "HOLDS"
    assert outcomes[-1].runs == FRESH


def test_what_was_said_under_one_root_seed_stays_said():
    book = Book()
    first = judged(Coins(0.85, seed=1), book=book, root=1, runs=20)
    for root in range(2, 9):
        judged(Coins(1.0), book=book, root=root, runs=20)
    assert judged(Coins(0.0), book=book, root=1, runs=20) is first


def test_later_configurations_are_refuted_on_more_evidence():
    """The error that all of them may make together is that of one."""
    book = Book()
    runs = [judged(Coins(0.0), book=book, configuration=f"x={k}").runs for k in (1, 10, 100)]
    assert runs == sorted(set(runs))


def test_no_more_than_alpha_of_true_claims_at_the_boundary_are_refuted_among_many():
    """Fifty configurations each, and the first stream alone: what confirms them only makes it rarer."""
    wrong = 0
    for search in range(100):
        book = Book()
        seen = [judged(Coins(0.5, 0.0, seed=100 * search + k), book=book, configuration=str(k), at_least=0.5, runs=40)
                for k in range(50)]  # fmt: skip
        wrong += any(judgement.outcome == "REFUTED" for judgement in seen)
    assert wrong <= 10  # P(more than 10 of 100 at 5%) = 1%


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_a_run_that_breaks_leaves_nothing_behind(error):
    def broken(stream, start, count):
        yield True
        raise error

    book = Book()
    with pytest.raises(error):
        judged(broken, book=book)
    assert book.judgements == []


def test_nights_that_cannot_certify_can_still_refute_together():
    """Too many failures for the runs of one more night to certify it are no reason to stop looking."""
    book = Book()
    outcomes = [judged(Coins(0.72, seed=night), book=book, root=night).outcome for night in range(30)]
    assert outcomes[0] == "INCONCLUSIVE"
    assert outcomes[-1] == "REFUTED"


def test_what_fresh_runs_left_open_is_confirmed_by_those_of_more_nights():
    """Each night asked for a whole confirmation of its own, so that a verdict went to and fro for ever."""
    book = Book()
    outcomes = [judged(Coins(0.72, seed=night), book=book, root=night).outcome for night in range(60)]
    assert set(outcomes[outcomes.index("REFUTED") + 5 :]) == {"REFUTED"}
    assert sum(judgement.confirming[1] for judgement in book.judgements) < 500


def test_few_runs_a_night_are_enough_where_the_evidence_is_there():
    book = Book()
    outcomes = [judged(Coins(1.0), book=book, root=night, at_least=0.5, runs=5).outcome for night in range(3)]
    assert outcomes == ["HOLDS"] * 3
