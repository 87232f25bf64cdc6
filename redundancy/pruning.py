"""Pruning: units go that matter least by a criterion, those that stay take over, and data say how much may go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.allocation import Step, gone_after
from redundancy.compaction import Compaction
from redundancy.comparing import judge_images
from redundancy.distance import distances, largest
from redundancy.errors import OptionError, UnsupportedError
from redundancy.material import Material, material
from redundancy.narrowing import closed, opened
from redundancy.network import Network
from redundancy.pacing import LATENCY, Pace, goal_of, latency
from redundancy.pruned import Pruning
from redundancy.pruner import Pruner, Training
from redundancy.saliency import criterion
from redundancy.scoring import accuracy, outputs_on, right
from redundancy.viewing import Prunable
from redundancy.workbench import written

if TYPE_CHECKING:
    from redundancy.workbench import Model

FEWEST = 60
"""Rows of data, at least."""

LABELS = "give them, in a file as y, or as y_train beside x_train"
"""What is to be done where there are none."""

MEASURES = ("units", "parameters", "macs", LATENCY)
"""What `remove` may be a share of."""


def prune(
    model: Model,
    *,
    data: Any,
    by: str = "obs",
    remove: float | Mapping[str, float] | None = None,
    within: float | None = None,
    layers: Iterable[str] | None = None,
    of: str = "units",
    repair: bool = True,
    labels: Any = None,
    seed: int = 0,
    tune: int = 0,
    distil: bool | float = False,
    rounds: int = 1,
    inputs: bool = False,
    timed: bool = False,
    trust: bool = False,
) -> Pruning:
    """A smaller model, without the units that matter least.

    How much goes from which layer is decided by what it costs: each layer is tried alone, and the steps that cost
    least for what they save are taken first (`redundancy.allocation`). Layers are pruned one after the other, each
    measured on what those before it have become.

    Args:
        model: A Keras model, the path of one, or a network; it stays as it is.
        data: What units are measured on: a data set or its name; the path of an .npz file; or arrays, as for `compact`.
            Of a data set or a file with test images these score once, and nothing is chosen by them.
        by: The criterion, one of `redundancy.saliency.CRITERIA`.
        remove: The share of the units, parameters, multiply-accumulates or time that goes, at least; above 0, below 1.
            Or the share of units by name of the layer, where you know better how much goes from which; the same for
            layers that lose their units together.
        within: Instead, as much goes as leaves the accuracy within this of the original's, as a share (0.005 is half a
            point): chosen on the last sixth of the rows, which nothing else is measured on, and judged on the test
            images by an exact test of pairs. Rows that the model was trained on say too little of others: where you
            have some that it never saw, give those.
        layers: Names of the layers whose units may go; all if not given. Inputs may go besides, where `inputs` says so.
        of: "units", "parameters", "macs" or "latency": what `remove` is a share of, and what steps should save. The
            latency is what a batch of 32 rows takes on this machine, beside the original: as many steps as are needed,
            in the order of what they save of multiply-accumulates, by timing some of the models, and the one that is
            chosen once more. That depends on the machine, and may come out otherwise when it is done again; both are
            Keras models then, and are timed.
        repair: The units that stay take over from those that go, by least squares on the data.
        labels: The class of each row, where the data are arrays. Shape (n,), integers.
        seed: Of what is drawn.
        tune: Epochs of training after pruning, on all rows that nothing is chosen by, with the model's own compile
            settings where it has some; where a margin was given, before the accuracy is looked at.
        distil: Train to match the original's outputs instead of the labels, which are not needed then; on mixtures of
            rows, where these are numbers. A number is the temperature: 4 helps where little is left of a model.
        rounds: In so many rounds units go, each followed by the training.
        inputs: What weights read of the model's inputs may go as well: the small model takes the same inputs, and of
            some, as pixels, no notice. `remove` calls them by the layer whose outputs are read, as the Flatten of an
            image. Such a model is no Sequential one any more.
        timed: Measure how long the two models take for a batch, in turns; both are Keras models then.
        trust: Run code that a model file brings along.

    Returns:
        What went and what it did to the outputs; `model` is the small one, `network` its network.

    Raises:
        OptionError: A number, a name or the data do not fit, so much cannot go, or no unit may go.
        UnsupportedError: The model cannot be read as a graph, written back or run.
    """
    chosen = criterion(by)
    _check_amount(remove, within, of, layers)
    check_seed(seed)
    _check_training(tune, distil, rounds)
    check_timed(model, of, timed=timed)
    original = original_of(model, trust)
    network = network_of(original)
    given = material(network, data, labels)
    check_rows(given)
    _check_labels(network, given, within, tune, distil=bool(distil))
    if tune and distil:
        _check_distilling(network, given.labels, float(distil))
    rows, held = given.parted() if within is not None else (given, None)
    if inputs:
        network, remove, layers = _with_inputs(network, remove, layers)
    named = tuple(remove) if isinstance(remove, Mapping) else layers
    keras_model = None if isinstance(original, Network) else original
    training = Training(keras_model, tune, distil, rounds, seed)
    work = Pruner(network, chosen, rows, Prunable(network, named), of, repair, seed, training)
    goal = goal_of(work, keras_model)
    if isinstance(remove, Mapping):
        taken = work.stated(remove)
    elif remove is not None:
        taken = goal.enough(remove)
    else:
        assert held is not None
        assert within is not None
        taken = work.bearable(held, within)
    found = _result(original, work, taken, given, held, within)
    if isinstance(goal, Pace) and goal.seconds is not None:
        return replace(found, latency=goal.seconds)
    return replace(found, latency=latency(original, found.model, work.judged)) if timed or of == LATENCY else found


def _with_inputs(network: Network, remove: Any, layers: Iterable[str] | None) -> tuple[Network, Any, Any]:
    """The network where inputs may go; and the options, with the names of what takes them."""
    network, taken = opened(network)
    if not taken:
        raise OptionError("inputs=True, and no weights read several units of an input as they are: leave it out")
    if isinstance(remove, Mapping):
        for name in set(remove) & set(network.inputs) - set(taken):
            raise OptionError(f"no weights read input '{name}' as it is: name what they read, of {', '.join(taken)}")
        said = [(each, share) for name, share in remove.items() for each in taken.get(name, (name,))]
        if len(dict(said)) < len(said):
            raise OptionError(f"remove= names what is read of an input twice, of {', '.join(taken)}: give it one share")
        return network, dict(said), None
    every = [each for names in taken.values() for each in names]
    named = None if layers is None else [*every, *(name for name in layers if name not in taken)]
    return network, remove, named


def _check_amount(remove: Any, within: Any, of: str, layers: Any) -> None:
    if (remove is None) == (within is None):
        raise OptionError("say how much goes, by one of the two: remove=0.5 for half, within=0.005 for half a point")
    name, value = ("remove", remove) if within is None else ("within", within)
    check_shares(name, tuple(value.values()) if isinstance(value, Mapping) else (value,), of)
    if isinstance(remove, Mapping) and layers is not None:
        raise OptionError("remove= says how much goes from which layers, and layers= says others: leave that out")
    if isinstance(remove, Mapping) and of != MEASURES[0]:
        raise OptionError(
            f"remove= says shares of the units of layers, and of='{of}' of something else: leave that out"
        )


def _check_training(tune: Any, distil: Any, rounds: Any) -> None:
    number = isinstance(distil, int | float | np.number) and np.isfinite(distil)
    if not number or distil < 0 or (not isinstance(distil, bool) and distil == 0):
        raise OptionError(f"distil={distil!r}: give a temperature above 0, as 4, or True for 1")
    for name, n, least in (("tune", tune, 0), ("rounds", rounds, 1)):
        if isinstance(n, bool) or not isinstance(n, int) or n < least:
            raise OptionError(f"{name}={n!r}: give a whole number from {least} up")
    for name, asked in (("distil", distil), ("rounds", rounds > 1)):
        if asked and not tune:
            raise OptionError(f"{name}= says how it is trained, and it is not: give tune=, in epochs")


def _check_labels(network: Network, given: Material, within: float | None, tune: int, *, distil: bool) -> None:
    """Refuses a margin and a training that need labels which are not there, or cannot be done with these."""
    if within is not None and given.labels is None:
        raise OptionError(f"within= is a margin of accuracy, and the data have no labels: {LABELS}, or use remove=")
    if tune and not distil and given.labels is None:
        raise OptionError(f"tune= trains to labels, and the data have none: {LABELS}, or distil=True")
    if tune:
        _check_tuning(network, None if distil else given.labels)


def _check_distilling(network: Network, labels: Any, temperature: float) -> None:
    from redundancy.frameworks.keras.likelihood import head_of
    from redundancy.frameworks.keras.tuning import check_temperature

    check_temperature(head_of(network, labels, None), temperature)


def _check_tuning(network: Network, labels: Any) -> None:
    """Refuses, before the work, what cannot be trained afterwards."""
    from redundancy.frameworks.keras.likelihood import classes_of, head_of

    head_of(network, labels, None)
    shape = network[network.outputs[0]].shape
    if labels is not None and shape[-1:] != (1,):
        classes_of(labels, (len(labels), *(extent or 0 for extent in shape)))


def check_shares(name: str, shares: Collection[Any], of: str) -> None:
    """Refuses what is no share, and what nothing can be a share of.

    Args:
        name: Of the option that gives them.
        shares: To be above 0, below 1.
        of: One of MEASURES.

    Raises:
        OptionError: That is so.
    """
    for share in shares or (None,):
        if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 < share < 1:
            example = 0.005 if name == "within" else 0.5
            raise OptionError(f"{name}={share!r} is no share between 0 and 1, such as {example}")
    if of not in MEASURES:
        raise OptionError(f"of={of!r} is nothing that can be saved: choose from {', '.join(MEASURES)}")


def check_timed(model: Any, of: str, *, timed: bool) -> None:
    """Refuses to time what is no Keras model.

    Raises:
        OptionError: That was asked for.
    """
    if isinstance(model, Network) and (timed or of == LATENCY):
        asked = "timed=True" if timed else f"of='{of}'"
        raise OptionError(f"{asked} times Keras models, and a network is none: write it first")


def check_seed(seed: Any) -> None:
    """Refuses what no generator of random numbers begins with.

    Raises:
        OptionError: It is no whole number from 0 up.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(f"seed={seed!r}: give a whole number from 0 up")


def check_rows(rows: Material) -> None:
    """Refuses data that say little of others.

    Raises:
        OptionError: They are too few.
    """
    if rows.rows < FEWEST:
        raise OptionError(f"the data have {rows.rows} rows, which say little of others: give at least {FEWEST}")


def original_of(model: Model, trust: bool) -> Any:
    """The network, or the Keras model, which may have been given by its path."""
    if isinstance(model, Network):
        return model
    from redundancy.frameworks.keras.opening import opened

    return opened(model, trust=trust)


def network_of(original: Any) -> Network:
    """What a model computes, as a network.

    Raises:
        UnsupportedError: It cannot be read as a graph, or what it says of a row depends on those before.
    """
    if isinstance(original, Network):
        _check_memory(node.layer for node in original if node.config.get("stateful"))
        return original
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.overriding import is_graph, no_graph
    from redundancy.frameworks.keras.probes import keepers

    if not is_graph(original):
        raise UnsupportedError(f"model '{original.name}' cannot be pruned: {no_graph(original)}")
    _check_memory(layer.name for layer in keepers(original))
    return read(original)


def _check_memory(layers: Iterable[str]) -> None:
    for layer in layers:
        why = "keeps its state from one call to the next, so that what is said of a row depends on those before"
        raise UnsupportedError(f"layer '{layer}' {why}: prune a model without stateful=True, and give it the weights")


def _result(
    original: Any, work: Pruner, taken: tuple[Step, ...], given: Material, held: Material | None, within: float | None
) -> Pruning:
    found = work.pruned(gone_after(taken))
    found = replace(found, network=closed(found.network))
    keras_model = None if isinstance(original, Network) else original
    model = None if keras_model is None else written(keras_model, found.network, unchanged=not found.removals)
    expected, got = work.expected, outputs_on(found.network, work.judged)
    parts = {field.name: getattr(found, field.name) for field in fields(Compaction)}
    parts |= {
        "model": model,
        "model_name": "" if keras_model is None else keras_model.name,
        "refusals": (*work.prunable.refusals, *found.refusals),
        "difference": max((d.difference for d in distances(expected, got)), default=0.0),
        "scale": largest(expected),
        "bound": None if found.removals else 0.0,
    }
    chosen = None if held is None else (accuracy(work.network, held), accuracy(found.network, held))
    tested, verdict = None, None
    if given.test is not None and given.test.labels is not None:
        before, after = right(work.network, given.test), right(found.network, given.test)
        tested = float(np.mean(before)), float(np.mean(after))
        verdict = None if within is None else judge_images(before, after, claim="not worse", margin=within)
    return Pruning(
        **parts,
        by=work.criterion.name,
        repaired=work.repair,
        epochs=work.training.epochs * work.training.rounds if taken else 0,
        expected=sum(step.harm for step in taken),
        harm=work.harm(found.network),
        chosen=chosen,
        tested=tested,
        verdict=verdict,
    )
