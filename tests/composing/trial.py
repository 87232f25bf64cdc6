"""One model of a sketch: compacted, and held to all that is promised."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from composing.workshop import compose
from redundancy.frameworks.keras import probes, read
from redundancy.frameworks.keras.biases import WRONG_AXIS
from redundancy.frameworks.keras.measuring import sampled
from redundancy.search import search
from redundancy.spaces import trace
from redundancy.verification import COARSE, exact_difference
from redundancy.workbench import compact

ALLOWED = {"float64": 1e-9, "float32": 1e-5}
"""How far outputs may differ, relative to the largest of them."""


@dataclass
class Trial:
    """What was seen of one model.

    Attributes:
        wrong: What it breaks, a sentence each.
        log: The model, a layer a line.
    """

    wrong: list = field(default_factory=list)
    log: list = field(default_factory=list)
    layers: Counter = field(default_factory=Counter)
    planted: Counter = field(default_factory=Counter)
    found: Counter = field(default_factory=Counter)
    refusals: Counter = field(default_factory=Counter)
    expected: int = 0
    removed: int = 0
    decoys: int = 0
    merged: int = 0
    difference: float = 0.0
    round_trip: bool = False


def tried(sketch, *, files=True):
    """Composes a sketch's model, compacts it, and looks at everything that is promised."""
    workshop, model = compose(sketch)
    trial = Trial(log=workshop.log, layers=workshop.layers, planted=workshop.planted)
    before = [np.array(w) for w in model.get_weights()], json.dumps(model.get_config(), default=str)
    network = read(model)
    batch = probes.runs(model, network)
    outputs = probes.outputs_of(model, batch)
    try:
        result = compact(model)
    except Exception as error:  # whatever it raises is wrong
        trial.wrong.append(f"compact raised {type(error).__name__}: {error}")
        return trial
    trial.found.update(removal.why for removal in result.removals)
    trial.removed = len(result.removals)
    trial.refusals.update(_reason(refusal.reason) for refusal in result.refusals)
    if not _same(before, model, outputs, batch):
        trial.wrong.append("the original model was touched")
    trial.difference = _difference(sketch, result, outputs, batch, trial)
    unwritten = {refusal.space for refusal in result.refusals if refusal.reason == WRONG_AXIS}
    _complete(workshop, result, trial, unwritten)
    _apart(workshop, result, trial, batch)
    again = [finding for finding in search(read(result.model)).found if finding.space not in unwritten]
    if again:
        trial.wrong.append(f"compacting again finds {again[0]}")
    if files:
        trial.round_trip = True
        for made in (result.model, model) if sketch.seed % 4 == 0 else (result.model,):
            if not _round_trip(made, batch):
                trial.wrong.append("a saved and loaded model gives other outputs")
    return trial


def _reason(reason):
    words = reason.split("'")
    return "...".join(words[::2]) if "shape" not in reason and "reshapes" not in reason else words[0][:30]


def _same(before, model, outputs, batch):
    weights, config = before
    alike = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(weights, model.get_weights(), strict=True))
    now = probes.outputs_of(model, batch)
    again = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outputs, now, strict=True))
    return alike and again and config == json.dumps(model.get_config(), default=str)


def _difference(sketch, result, outputs, batch, trial):
    """Relative to the largest output; in float32 computed in float64 where rounding is larger than what is allowed."""
    allowed = ALLOWED.get(sketch.dtype)
    if allowed and any(map(_is_coarse, result.original)):
        allowed = max(allowed, 1e-7)
    got = probes.outputs_of(result.model, batch)
    if any(a.shape != b.shape for a, b in zip(outputs, got, strict=True)):
        trial.wrong.append("outputs have other shapes")
        return 0.0
    scale = max(float(np.max(np.abs(a))) for a in outputs)
    apart = max(float(np.max(np.abs(a - b))) for a, b in zip(outputs, got, strict=True)) / max(scale, 1e-30)
    if allowed is None:
        return 0.0
    if not apart <= allowed and sketch.dtype == "float32":
        apart = exact_difference(result.original, result.network, batch)
    if not apart <= allowed:
        trial.wrong.append(f"outputs differ by {apart:.3g} of the largest")
    return apart


def _is_coarse(node):
    return bool(COARSE & {node.config.get("function"), node.config.get("interpolation")})


def _complete(workshop, result, trial, unwritten):
    """All that was planted, and is legal, is found, but for spaces whose folds nobody could write."""
    refused = {layer for space in unwritten for layer in _home(space)}
    small = {layer.name: layer for layer in result.model._flatten_layers()}
    for name, most in workshop.account.expected().items():
        if name not in workshop.sizes or name not in small or name in refused:
            continue
        path, axis, divisor = workshop.sizes[name]
        left = getattr(small[name], path).shape[axis] // divisor
        trial.expected += len(workshop.account.makers[name]) - most
        if left > most:
            trial.wrong.append(f"layer {name} has {left} units left, where {most} are enough")


def _apart(workshop, result, trial, batch):
    """No decoy is stated as a multiple of what it looks like."""
    for name, j, i, kind in workshop.decoys:
        trial.decoys += 1
        fold = next((fold for space, fold in result.folds.items() if _home(space) == (name,)), None)
        if fold is None or fold.size != len(workshop.account.makers[name]):
            continue
        first, second = fold.into[i], fold.into[j]
        if not (np.any(first) and np.any(second)):
            continue
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        if abs(cosine) > 1 - 1e-12 and not _alike(result.original, name, (i, j), first @ second, batch):
            trial.merged += 1
            trial.wrong.append(f"decoy merged: units {i} and {j} of {name}, {kind}")


def _alike(network, layer, units, sign, batch):
    """Whether two units are multiples of each other after all: what tells them apart may meet nothing but zeros."""
    name = [node.name for node in network if node.layer.split("/")[-1] == layer][-1]
    values = sampled(network, {name: trace(network).units[name].axis}, batch).get(name)
    if values is None or not np.all(np.any(values[:, units], axis=0)):
        return False
    first, second = (values[:, unit] / np.linalg.norm(values[:, unit]) for unit in units)
    return bool(np.max(np.abs(first - np.sign(sign) * second)) < 1e-6)


def _home(space):
    return tuple(part.split("/")[-1] for part in space.split("+"))


def _round_trip(model, batch):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.models.load_model(path)
        pairs = zip(probes.outputs_of(model, batch), probes.outputs_of(loaded, batch), strict=True)
        return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
