"""Writes `layers.md` from the registries: `python docs/layers.py`, after a layer or a reason was added."""

import inspect
from pathlib import Path

import keras

from redundancy.frameworks.keras import kinds
from redundancy.layers.tying import REASONS

PAGE = """# Layers

What is known of Keras's layers. A class that is derived from one of these is another class, and not known.

## Followed

Units are followed through these layers, and folded where their weights, functions and geometry allow it:

{layers}.

So are these operations on tensors, as Keras records them for x + y, slices and functions of keras.ops:

{operations}.

## Kept as they are, for a reason

The units that these layers read or make stay, always or in the case that is named:

| layer | why |
|---|---|
{reasons}

The sums, products and functions of whole numbers, which wrap around, are kept as they are as well, until a layer \
makes floating numbers of them: Rescaling, Normalization, Embedding, a division, a cast.

Where a mask may reach Multiply, Maximum or Minimum, Keras puts other values in what it hides: only units that are \
equal in all that is joined are equal there.

## Not known

The units that reach any other layer stay, and an audit names the layer: a layer of one's own, a `Lambda` layer, and \
whatever of Keras is not in the lists above.
"""


def listed(names):
    """Names in the type of code."""
    return ", ".join(f"`{name}`" for name in sorted(names))


def page():
    """The page as the registries are now."""
    names = set(kinds.kind.classes())
    layers = {name for name in names if inspect.isclass(getattr(keras.layers, name, None))} | {*kinds.kind.UNLISTED}
    reasons = "\n".join(f"| `{name}` | {why} |" for name, why in REASONS.items())
    return PAGE.format(layers=listed(layers), operations=listed(names - layers), reasons=reasons)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
