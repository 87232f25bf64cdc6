"""Einsum layers: where their equation reads units and where it makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from redundancy.network import Array, Node


@dataclass(frozen=True, slots=True)
class Pattern:
    """An equation as a kernel that reads the last axis of its input and makes the last of its output.

    Attributes:
        kernel: The letters of the kernel's axes, as stored.
        window: Those that it sums over besides the units that it reads.
        read: That of the units that it reads.
        places: Those that it makes besides the units: each unit is a vector over them.
        made: That of the units that it makes.
    """

    kernel: str
    window: str
    read: str
    places: str
    made: str

    @property
    def order(self) -> tuple[int, ...]:
        """The kernel's axes in the order window, read, places, made."""
        return tuple(self.kernel.index(letter) for letter in self.window + self.read + self.places + self.made)


def pattern_of(node: Node) -> Pattern | None:
    """How an einsum node reads and makes units; None where it does so in no single way."""
    if node.config["equation"].replace(" ", "").endswith("..."):
        return None  # it reads axes before those that it leaves alone
    read, kernel, made = _letters(node.config["equation"])
    summed = [letter for letter in kernel if letter in read and letter not in made]
    new = [letter for letter in kernel if letter in made and letter not in read]
    plain = len(summed) + len(new) == len(kernel) == len(set(kernel)) and len(set(read)) == len(read)
    # What it sums over must be the last axes of the input, what it makes the last ones of the output, in one order.
    tails = sorted(read[len(read) - len(summed) :]) == sorted(summed) and made[len(made) - len(new) :] == "".join(
        sorted(new, key=made.index)
    )
    if not (plain and tails and summed and new):
        return None
    pattern = Pattern(
        kernel,
        "".join(letter for letter in read if letter in summed[:] and letter != read[-1]),
        read[-1],
        "".join(letter for letter in made if letter in new and letter != made[-1]),
        made[-1],
    )
    return pattern if pattern.read in summed and pattern.made in new and _bias_fits(node, pattern) else None


def _letters(equation: str) -> tuple[str, str, str]:
    inputs, made = equation.replace(" ", "").replace("...", "").split("->")
    read, kernel = inputs.split(",")
    return read, kernel, made


def _bias_fits(node: Node, pattern: Pattern) -> bool:
    """A bias has one number for each unit at each place, or none."""
    bias = node.weights.get("bias")
    if bias is None:
        return True
    kernel = node.weights["kernel"]
    sizes = [kernel.shape[pattern.kernel.index(letter)] for letter in pattern.places + pattern.made]
    return bool(bias.size == prod(sizes))


def loosened(node: Node) -> Mapping[str, Array]:
    """The kernel as (window, read, places, made), the bias as (places, made)."""
    pattern = pattern_of(node)
    if pattern is None:
        return node.weights
    turned = np.transpose(node.weights["kernel"], pattern.order)
    sizes = dict(zip(pattern.window + pattern.read + pattern.places + pattern.made, turned.shape, strict=True))
    window, places = prod(sizes[letter] for letter in pattern.window), prod(sizes[letter] for letter in pattern.places)
    loose: dict[str, Array] = {"kernel": turned.reshape(window, sizes[pattern.read], places, sizes[pattern.made])}
    if "bias" in node.weights:
        loose["bias"] = node.weights["bias"].reshape(places, sizes[pattern.made])
    return loose


def packed(node: Node, weights: Mapping[str, Array]) -> Node:
    """The node with loosened weights, in the layout of its equation."""
    pattern = pattern_of(node)
    if pattern is None:
        return node.with_weights(weights)
    stored, kernel = node.weights["kernel"], weights["kernel"]
    extents = {letter: stored.shape[pattern.kernel.index(letter)] for letter in pattern.window + pattern.places}
    extents |= {pattern.read: kernel.shape[1], pattern.made: kernel.shape[3]}
    letters = pattern.window + pattern.read + pattern.places + pattern.made
    turned = kernel.reshape([extents[letter] for letter in letters])
    result = {"kernel": np.transpose(turned, np.argsort(pattern.order))}
    if "bias" in weights:
        shape = [extents[letter] for letter in pattern.places + pattern.made]
        result["bias"] = weights["bias"].reshape(shape)
    return node.with_weights(result)
