"""Pruning criteria, one a file: each ranks the units of a space, and none removes them."""

# The order of these imports is the order in which criteria are listed: the simplest first.
from redundancy.saliency import random  # isort: skip
from redundancy.saliency import norm  # isort: skip
from redundancy.saliency import product  # isort: skip
from redundancy.saliency import apoz  # isort: skip
from redundancy.saliency import mean  # isort: skip
from redundancy.saliency import taylor  # isort: skip
from redundancy.saliency import median  # isort: skip
from redundancy.saliency import srinivas_babu  # isort: skip
from redundancy.saliency import interpolative  # isort: skip
from redundancy.saliency import obd  # isort: skip
from redundancy.saliency import obs  # isort: skip
from redundancy.saliency.criterion import CRITERIA, Criterion, criterion
from redundancy.saliency.view import Ranking, Reading, View

__all__ = ["CRITERIA", "Criterion", "Ranking", "Reading", "View", "criterion"]

_FILES = (random, norm, product, apoz, mean, taylor, median, srinivas_babu, interpolative, obd, obs)
