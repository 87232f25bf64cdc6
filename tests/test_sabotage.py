"""Every claim can fail: each is run against a framework that is broken in one way, and must be refuted."""

import inspect
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from redundancy import clustering, compaction, multiples, notions, profiles, surgery
from redundancy.data import load
from redundancy.findings import Findings
from redundancy.fold import Fold, drop
from redundancy.hearing import Hearing, judging
from redundancy.notions.notion import NOTIONS, Notion
from redundancy.saliency import CRITERIA
from redundancy.saliency.view import in_order
from redundancy.verdict import ATTRIBUTE, Claim, Outcome
from redundancy.zoo import Store, train
from redundancy.zoo import seeds as independent
from redundancy.zoo.sampling import Sampling

PROPERTIES = Path(__file__).parent.parent / "properties"


@pytest.fixture(scope="module")
def claims():
    """The modules of claims, with a profile that searches little: what is broken shows at once."""
    with pytest.MonkeyPatch.context() as patch, profiles.chosen("quick"):
        patch.syspath_prepend(PROPERTIES)
        names = sorted(path.stem for path in PROPERTIES.glob("claim_*.py"))
        yield {name: import_module(name) for name in names}
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def dataset():
    return load("mnist-5k")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


RATE = "runs are as claimed, a rate in"


class Workshop:
    """Runs claims with what the plugin would give them, some of it broken.

    Attributes:
        trained: The fixture; a sabotaged one may take its place.
    """

    def __init__(self, claims, dataset, store, places):
        self.claims, self.dataset, self.store, self.places = claims, dataset, store, places
        self.trained = lambda recipe, seeds: train(recipe, seeds, data=dataset, store=store)

    def brief(self, steps):
        """Trains every recipe for so many steps only."""
        full = self.trained
        self.trained = lambda recipe, seeds: full(replace(recipe, steps=steps), seeds)

    def module(self, name):
        return next(module for stem, module in self.claims.items() if name in stem)

    def fixture(self, module, name):
        """A fixture of a module of claims, or else one of the plugin's."""
        if hasattr(module, name) and hasattr(getattr(module, name), "__wrapped__"):
            made = inspect.unwrap(getattr(module, name))
            return made(**{wanted: self.fixture(module, wanted) for wanted in inspect.signature(made).parameters})
        return {
            "dataset": self.dataset,
            "store": self.store,
            "tmp_path_factory": self.places,
            "trained": self.trained,
            "seeds": lambda count, *keys: independent("sabotage", *keys, root=0, count=count),
            "root_seed": 0,
            "run": Sampling(lambda recipe, seeds: self.trained(recipe, seeds), 0, self.dataset.name, ""),
        }[name]

    def run(self, name, test, **parameters):
        """The verdict on one claim; it raises what the claim raises."""
        module = self.module(name)
        function = getattr(module, test)
        wanted = inspect.signature(function).parameters.keys() - parameters.keys()
        given = {name: self.fixture(module, name) for name in wanted}
        holder = SimpleNamespace(obj=function)
        heard = Hearing(getattr(function, ATTRIBUTE), fixed=given.keys())
        with judging(heard), heard.of(holder):
            holder.obj(**given, **parameters)
        return heard.verdict()

    def refutes(self, name, test, match=None, **parameters):
        """The claim is refuted, not broken."""
        with pytest.raises(AssertionError, match=match):
            self.run(name, test, **parameters)


@pytest.fixture
def workshop(claims, dataset, store, tmp_path_factory):
    return Workshop(claims, dataset, store, tmp_path_factory)


def without_folding(network, folds):
    """Surgery that drops units and forgets what they computed."""
    forgetful = {
        name: Fold(fold.keep, fold.into * np.isin(np.arange(fold.size), fold.keep)[:, None], 0 * fold.offset, fold.why)
        for name, fold in folds.items()
    }
    return surgery.operate(network, forgetful)


def with_equal_filters(run, layer):
    """A run in which training made all filters of a layer equal."""
    kernel = run.network[layer].weights["kernel"]
    return replace(run, network=run.network.with_weights({layer: {"kernel": np.zeros_like(kernel) + kernel[..., :1]}}))


def test_a_seed_that_is_ignored_is_noticed(workshop, monkeypatch):
    module = workshop.module("random_initialisation")
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda initializer, shape, seed, dtype: draw(initializer, shape, 0, dtype))
    workshop.refutes("random_initialisation", "test_initialisation", RATE)


def test_an_initialiser_that_repeats_filters_is_noticed(workshop, monkeypatch):
    module = workshop.module("random_initialisation")
    draw = module.draw

    def repeated(initializer, shape, seed, dtype):
        kernel = np.array(draw(initializer, shape, seed, dtype))
        kernel[..., 1] = kernel[..., 0]
        return kernel

    monkeypatch.setattr(module, "draw", repeated)
    workshop.refutes("random_initialisation", "test_initialisation", RATE)


def test_training_that_makes_filters_equal_is_noticed(workshop):
    trained = workshop.trained

    def merging(recipe, seeds):
        return [with_equal_filters(run, "conv_1") for run in trained(replace(recipe, steps=5), seeds)]

    workshop.trained = merging
    workshop.refutes("random_initialisation", "test_training", RATE, optimizer="sgd", rate=0.2)


def test_a_measure_that_sees_no_equal_filters_is_noticed(workshop, monkeypatch):
    monkeypatch.setattr(workshop.module("random_initialisation"), "identical", lambda units: np.arange(len(units)))
    workshop.refutes("random_initialisation", "test_boundary", RATE, dtype="float16", filters=192)


def test_twins_without_equal_outgoing_weights_do_not_stay(workshop):
    trained = workshop.trained
    workshop.trained = lambda recipe, seeds: trained(
        replace(recipe, twins=tuple(replace(pair, outgoing=False) for pair in recipe.twins)), seeds
    )
    workshop.refutes("identical_initialisation", "test_twins_stay")


def test_training_that_does_nothing_parts_no_twins(workshop):
    workshop.brief(steps=0)
    workshop.refutes("identical_initialisation", "test_twins_part", RATE, what="under dropout")


def test_merging_without_folding_is_noticed(workshop, monkeypatch):
    monkeypatch.setattr(compaction, "operate", without_folding)
    workshop.refutes("merging", "test_merging", "logits changed")
    workshop.refutes("adds_nothing", "test_computes")


def test_a_search_that_finds_nothing_is_noticed(workshop, monkeypatch):
    monkeypatch.setattr(compaction, "search", lambda network, **_: Findings((), ()))
    workshop.refutes("merging", "test_merging", "nothing was merged")
    workshop.refutes("adds_nothing", "test_computes")


def test_removing_that_folds_in_secret_is_noticed(workshop, monkeypatch):
    module = workshop.module("merging")
    monkeypatch.setattr(
        module, "operate", lambda network, folds: surgery.operate(network, module.search(network).folds)
    )
    workshop.refutes("merging", "test_removing")


def test_similarity_without_its_sign_is_noticed(workshop, monkeypatch):
    factors = multiples._unit_factors
    monkeypatch.setattr(multiples, "_unit_factors", lambda *given: abs(factors(*given)))
    workshop.refutes("merging", "test_decoys", looks="antiparallel")


def test_a_tolerance_for_equality_is_noticed(workshop, monkeypatch):
    """One-ulp twins are two different units."""
    monkeypatch.setattr(multiples, "ROUNDING", 1e-3)
    parallel = multiples.parallel
    monkeypatch.setattr("redundancy.sites.parallel", lambda rows, eps, **_: parallel(rows, eps, stored=False))
    workshop.refutes("merging", "test_decoys", looks="one-ulp twin")


def test_normalisation_that_is_ignored_is_noticed(workshop, monkeypatch):
    """Twins with other statistics are two different units."""
    monkeypatch.setattr("redundancy.layers.normalization.scaled", lambda part, gain, offset, name: part)
    workshop.refutes("merging", "test_decoys", looks="twin with other statistics")


def test_an_edge_filter_taken_for_dead_is_noticed(workshop, monkeypatch):
    """Its weights sum to zero, and it is alive."""

    def summed(site):
        zero = np.flatnonzero(np.abs(site.rows.sum(axis=1)) < 1e-6)
        return drop(site.size, dict.fromkeys(zero.tolist(), 0.0), "dead")

    monkeypatch.setattr(notions.notion, "NOTIONS", {"dead": Notion("dead", summed)})
    workshop.refutes("merging", "test_decoys", looks="edge filter")


def test_ties_that_are_not_planted_are_noticed(workshop):
    trained = workshop.trained
    workshop.trained = lambda recipe, seeds: trained(replace(recipe, twins=(), steps=10), seeds)
    workshop.refutes("adds_nothing", "test_learns", "was not tied", features=2)


def test_a_loss_that_is_the_wrong_way_round_is_noticed(workshop):
    trained = workshop.trained
    workshop.trained = lambda recipe, seeds: [
        replace(run, loss=-run.loss) for run in trained(replace(recipe, steps=60), seeds)
    ]
    workshop.refutes("adds_nothing", "test_learns", RATE, features=2)


def test_one_width_that_does_not_learn_is_noticed(workshop):
    trained = workshop.trained

    def uneven(recipe, seeds):
        return trained(replace(recipe, steps=0 if recipe.architecture[0].options["units"] == 4 else 60), seeds)

    workshop.trained = uneven
    workshop.refutes("question", "test_accuracy")


def test_looking_for_pairs_only_misses_the_three_filters(workshop, monkeypatch):
    pairwise = {name: notion for name, notion in NOTIONS.items() if name != "dependent"}
    monkeypatch.setattr(notions.notion, "NOTIONS", pairwise)
    workshop.brief(steps=20)
    workshop.refutes("question", "test_compacts")


def test_a_dependence_with_wrong_coefficients_is_noticed(workshop, monkeypatch):
    dependent = NOTIONS["dependent"].find

    def wrong(site):
        fold = dependent(site)
        into = fold.into + 0.01 * (~np.isin(np.arange(fold.size), fold.keep))[:, None]
        return Fold(fold.keep, into, fold.offset, fold.why)

    monkeypatch.setattr(notions.notion, "NOTIONS", {**NOTIONS, "dependent": Notion("dependent", wrong)})
    workshop.brief(steps=20)
    workshop.refutes("question", "test_compacts")


@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_a_threshold_that_is_not_calibrated_is_noticed(workshop, monkeypatch, threshold):
    """Too low, and chance makes near-duplicates; too high, and training makes none."""
    monkeypatch.setattr(clustering, "chance_cosine", lambda *_: threshold)
    if threshold < 1:
        workshop.refutes("near_duplicates", "test_untrained", RATE)
    else:
        workshop.brief(steps=40)
        workshop.refutes("near_duplicates", "test_trained", RATE)


def test_a_count_that_does_not_grow_is_noticed(workshop):
    workshop.brief(steps=0)
    assert workshop.run("near_duplicates", "test_growth").outcome is Outcome.INCONCLUSIVE


def test_a_count_that_shrinks_is_noticed(workshop, monkeypatch):
    def shrinking(run):
        kernel = run.network["filters"].weights["kernel"]
        pairs = 200 - kernel.shape[-1] + int(np.sum(kernel > 0)) % 5
        return SimpleNamespace(pairs=pairs, spare=pairs)

    monkeypatch.setattr(workshop.module("near_duplicates"), "clusters", shrinking)
    workshop.brief(steps=0)
    workshop.refutes("near_duplicates", "test_growth", "better was claimed|higher was claimed")


def test_training_that_brings_no_pairs_is_noticed(workshop):
    workshop.brief(steps=0)
    assert workshop.run("near_duplicates", "test_beyond_initialisation").outcome is Outcome.INCONCLUSIVE


def test_chance_that_brings_more_pairs_is_noticed(workshop, monkeypatch):
    monkeypatch.setattr(workshop.module("near_duplicates"), "draw", lambda _, shape, seed: np.ones(shape))
    workshop.brief(steps=40)
    workshop.refutes("near_duplicates", "test_beyond_initialisation", "more was claimed")


def test_near_duplicates_that_are_folded_wrongly_are_noticed(workshop, monkeypatch):
    def wrongly(fold):
        gone = ~np.isin(np.arange(fold.size), fold.keep)
        return Fold(fold.keep, fold.into * np.where(gone, -30.0, 1.0)[:, None], fold.offset, fold.why)

    def operate(network, folds):
        return surgery.operate(network, {name: wrongly(fold) for name, fold in folds.items()})

    monkeypatch.setattr(compaction, "operate", operate)
    workshop.brief(steps=40)
    workshop.refutes("merging", "test_near", "was claimed", tolerance=10.0)


def test_certificates_that_promise_too_much_are_noticed(workshop, monkeypatch):
    module = workshop.module("certificates")
    certify = module.certify
    monkeypatch.setattr(
        module,
        "certify",
        lambda first, second: SimpleNamespace(bound=1e-3 * certify(first, second).bound, rounding=0.0),
    )
    workshop.refutes("certificates", "test_certificates")


@pytest.mark.parametrize("other", ["norm", "random"])
def test_damage_that_is_upside_down_is_noticed(workshop, monkeypatch, other):
    damage = CRITERIA["obd"]
    upside_down = replace(damage, rank=lambda view: in_order(damage.rank(view).order[::-1], np.arange(view.size) + 1.0))
    monkeypatch.setitem(CRITERIA, "obd", upside_down)
    workshop.brief(steps=60)
    workshop.refutes("what_matters", "test_damage", RATE, other=other)


@pytest.mark.parametrize("broken", ["size", "time"])
def test_pruning_that_saves_nothing_is_noticed(workshop, monkeypatch, broken):
    module = workshop.module("what_matters")
    if broken == "size":
        monkeypatch.setattr(module, "prune", lambda network, **_: SimpleNamespace(network=network))
    monkeypatch.setattr(module, "latencies", lambda *_: (2.0, 1.0) if broken == "size" else (1.0, 1.0))
    workshop.refutes("what_matters", "test_smaller_and_faster", RATE)


def test_pruning_that_ruins_a_network_is_not_called_better(workshop, monkeypatch):
    def ruined(network, **_):
        zeros = {name: np.zeros_like(array) for name, array in network["dense_3"].weights.items()}
        return SimpleNamespace(network=network.with_weights({"dense_3": zeros}))

    monkeypatch.setattr(workshop.module("what_matters"), "prune", ruined)
    workshop.refutes("what_matters", "test_better", "better was claimed|higher was claimed")


def test_a_repair_with_wrong_signs_is_noticed(workshop, monkeypatch):
    module = workshop.module("what_matters")
    replaced = module.replaced
    monkeypatch.setattr(module, "replaced", lambda *given: -replaced(*given))
    workshop.refutes("what_matters", "test_repair")


def test_every_claim_is_sabotaged(claims):
    """A new claim needs a sabotage of its own."""
    source = Path(__file__).read_text()
    stated = [
        name
        for module in claims.values()
        for name, function in vars(module).items()
        if isinstance(getattr(function, ATTRIBUTE, None), Claim)
    ]
    assert stated
    assert [name for name in stated if f'"{name}"' not in source] == []
