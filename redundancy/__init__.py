"""Property-based tests for claims about redundancy in neural networks, and the surgery that a true claim promises.

The names below are loaded when they are first used: importing this package loads neither TensorFlow nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redundancy.auditing import Audit
    from redundancy.certification import Certificate
    from redundancy.certifying import certify
    from redundancy.compaction import Compaction
    from redundancy.comparing import judge_pairs
    from redundancy.counting import judge, judge_against_chance
    from redundancy.data import load as load_data
    from redundancy.errors import RedundancyError
    from redundancy.fold import Fold
    from redundancy.hearing import observe
    from redundancy.network import Network, Node
    from redundancy.pruned import Pruning
    from redundancy.pruning import prune
    from redundancy.verdict import Outcome, Refuted, Verdict, claim
    from redundancy.workbench import audit, compact
    from redundancy.zoo import Recipe
    from redundancy.zoo.train import train

    __version__: str

__all__ = [
    "Audit",
    "Certificate",
    "Compaction",
    "Fold",
    "Network",
    "Node",
    "Outcome",
    "Pruning",
    "Recipe",
    "RedundancyError",
    "Refuted",
    "Verdict",
    "__version__",
    "audit",
    "certify",
    "claim",
    "compact",
    "judge",
    "judge_against_chance",
    "judge_pairs",
    "load_data",
    "observe",
    "prune",
    "train",
]

_HOMES = {
    "Audit": ("redundancy.auditing", "Audit"),
    "Certificate": ("redundancy.certification", "Certificate"),
    "Compaction": ("redundancy.compaction", "Compaction"),
    "Fold": ("redundancy.fold", "Fold"),
    "Network": ("redundancy.network", "Network"),
    "Node": ("redundancy.network", "Node"),
    "Outcome": ("redundancy.verdict", "Outcome"),
    "Pruning": ("redundancy.pruned", "Pruning"),
    "Recipe": ("redundancy.zoo", "Recipe"),
    "RedundancyError": ("redundancy.errors", "RedundancyError"),
    "Refuted": ("redundancy.verdict", "Refuted"),
    "Verdict": ("redundancy.verdict", "Verdict"),
    "audit": ("redundancy.workbench", "audit"),
    "certify": ("redundancy.certifying", "certify"),
    "claim": ("redundancy.verdict", "claim"),
    "compact": ("redundancy.workbench", "compact"),
    "judge": ("redundancy.counting", "judge"),
    "judge_against_chance": ("redundancy.counting", "judge_against_chance"),
    "judge_pairs": ("redundancy.comparing", "judge_pairs"),
    "load_data": ("redundancy.data", "load"),
    "observe": ("redundancy.hearing", "observe"),
    "prune": ("redundancy.pruning", "prune"),
    "train": ("redundancy.zoo", "train"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = _version()
    elif name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module 'redundancy' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("redundancy")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"
