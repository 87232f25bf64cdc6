"""Trained networks: recipes, seeds, training, and the store that keeps what was trained. Light until it trains."""

from __future__ import annotations

from redundancy.zoo.choices import Initializer, Optimizer
from redundancy.zoo.initial import draw, initial
from redundancy.zoo.layer import (
    Layer,
    activation,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    dropout,
    flatten,
    global_average_pooling,
    max_pooling,
)
from redundancy.zoo.recipe import Recipe, Twins
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import seeds
from redundancy.zoo.store import Store
from redundancy.zoo.train import train, train_pairs
from redundancy.zoo.workers import Workers

__all__ = [
    "Initializer",
    "Layer",
    "Optimizer",
    "Recipe",
    "Run",
    "Store",
    "Twins",
    "Workers",
    "activation",
    "add",
    "average_pooling",
    "batch_normalization",
    "concatenate",
    "conv",
    "dense",
    "draw",
    "dropout",
    "flatten",
    "global_average_pooling",
    "initial",
    "max_pooling",
    "seeds",
    "train",
    "train_pairs",
]
