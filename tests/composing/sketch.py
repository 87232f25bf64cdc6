"""What a random model is, as frozen data: one line a layer, and simpler wherever a number is smaller."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

PLANTS = (
    "duplicate",
    "scaled",
    "flipped",
    "constant",
    "dead",
    "unused",
    "dependent",
    "shifted",
    "ulp",
    "edge",
    "partial",
)
"""What one unit is made into. Whether that folds, or is a decoy, depends on what follows."""

MAKERS = ("dense", "conv", "conv", "transposed", "separable", "residual", "densely", "excite", "shared")
INPUTS = ("vector", "map", "sequence", "tokens", "volume")
DTYPES = ("float64", "float32", "mixed")


@dataclass(frozen=True)
class Step:
    """One layer, or a few that belong together.

    Attributes:
        op: Name of one of `workshop.OPERATIONS`.
        at: Which tensor it reads, counted from the newest.
        other: Which other one it joins it with.
        units: That it makes.
        style: Its options, as one number; 0 for the simplest.
        plants: What is planted among its units.
    """

    op: str
    at: int = 0
    other: int = 0
    units: int = 3
    style: int = 0
    plants: tuple[str, ...] = ()

    def __repr__(self):
        fields = {"at": 0, "other": 0, "units": 3, "style": 0, "plants": ()}
        said = [f"{name}={value!r}" for name, default in fields.items() if (value := getattr(self, name)) != default]
        return f"Step({', '.join([repr(self.op), *said])})"


@dataclass(frozen=True)
class Sketch:
    """A model: its inputs, its layers in order, and the seed of its weights."""

    steps: tuple[Step, ...]
    inputs: tuple[str, ...] = ("vector",)
    dtype: str = "float64"
    first: bool = False  # channels_first, which runs on a CPU in float32 only
    seed: int = 0

    def __repr__(self):
        lines = "\n".join(f"    {step!r}," for step in self.steps)
        rest = f"inputs={self.inputs!r}, dtype={self.dtype!r}, first={self.first!r}, seed={self.seed!r}"
        return f"Sketch((\n{lines}\n), {rest})"


def sketched(seed, operations, most=10):
    """A random sketch, for whoever needs very many and no shrinking."""
    rng = np.random.default_rng(seed)
    inputs = tuple(rng.choice(INPUTS, 1 + int(rng.random() < 0.25), p=(0.3, 0.4, 0.14, 0.08, 0.08)).tolist())
    steps = []
    # What makes units, and can be planted in, comes twice as often.
    weights = np.array([2.0 if name in MAKERS else 1.0 for name in operations])
    for _ in range(rng.integers(3, most + 1)):
        plants = tuple(rng.choice(PLANTS, rng.integers(0, 5)).tolist())
        steps.append(
            Step(
                str(rng.choice(operations, p=weights / weights.sum())),
                int(rng.geometric(0.6)) - 1,
                int(rng.integers(0, 6)),
                int(rng.integers(3, 10)),
                int(rng.integers(0, 2**20)),
                plants,
            )
        )
    dtype, first = str(rng.choice(DTYPES, p=(0.6, 0.3, 0.1))), bool(rng.random() < 0.2)
    return Sketch(tuple(steps), inputs, "float32" if first else dtype, first, int(rng.integers(0, 2**31)))


def sketches(operations, most=6):
    """Hypothesis: sketches that shrink to one Dense layer without anything planted."""
    from hypothesis import strategies as st

    steps = st.builds(
        Step,
        op=st.sampled_from(operations),
        at=st.integers(0, 3),
        other=st.integers(0, 5),
        units=st.integers(3, 9),
        style=st.integers(0, 2**20),
        plants=st.lists(st.sampled_from(PLANTS), max_size=4).map(tuple),
    )
    return st.builds(
        Sketch,
        steps=st.lists(steps, min_size=1, max_size=most).map(tuple),
        inputs=st.lists(st.sampled_from(INPUTS), min_size=1, max_size=2).map(tuple),
        dtype=st.sampled_from(DTYPES),
        first=st.booleans(),
        seed=st.integers(0, 2**16),
    ).map(_runnable)


def _runnable(sketch):
    # Channels come first in float32 only, on a processor.
    return replace(sketch, dtype="float32") if sketch.first else sketch
