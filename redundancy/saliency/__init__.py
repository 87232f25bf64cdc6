"""Pruning criteria, one a file: each ranks the units of a space, and none removes them."""

from redundancy.saliency import (
    apoz,
    interpolative,
    mean,
    median,
    norm,
    obd,
    obs,
    product,
    random,
    srinivas_babu,
    taylor,
)
from redundancy.saliency.criterion import CRITERIA, Criterion, criterion
from redundancy.saliency.view import Ranking, Reading, View

__all__ = ["CRITERIA", "Criterion", "Ranking", "Reading", "View", "criterion"]

_FILES = (random, norm, product, apoz, mean, taylor, median, srinivas_babu, interpolative, obd, obs)
