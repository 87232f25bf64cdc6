"""What a worker does: it trains a unit for somebody whose versions are its own."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Mapping

from redundancy.data.dataset import Dataset
from redundancy.errors import ClusterError
from redundancy.zoo.entry import FORMAT
from redundancy.zoo.groups import Unit, trained
from redundancy.zoo.run import Run
from redundancy.zoo.versions import library, versions

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")

# A worker of a cluster may have several threads, and a graph that is trained holds the weights of one group.
_one_at_a_time = threading.Lock()


def facts() -> dict[str, str]:
    """What has to be the same wherever runs of one call are trained: it decides them."""
    import redundancy

    return {**versions(), "backend": library(), "redundancy": f"{redundancy.__version__} (format {FORMAT})"}


def work(unit: Unit, data: Dataset, wanted: Mapping[str, str]) -> tuple[Run, ...]:
    """The runs of a unit.

    Args:
        unit: What to train.
        data: What to train on.
        wanted: The `facts` of the process that asks.

    Raises:
        ClusterError: Those of this process are others.
    """
    check_alike(f"a worker on {socket.gethostname()}", facts(), wanted)
    with _one_at_a_time:
        return tuple(trained(unit, data))


def check_alike(who: str, has: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raises ClusterError where a worker's facts are not those of the process that asks."""
    for name in sorted({*has, *wanted}):
        one, other = has.get(name, "none"), wanted.get(name, "none")
        if one != other:
            what = f"{who} has {name} {one}, and this process has {other}"
            raise ClusterError(f"{what}, which would give other runs; install the same on both")


def use_threads(count: int) -> None:
    """Lets what computes have that many threads, unless the environment says how many, or it is loaded already."""
    if "tensorflow" not in sys.modules:
        for name in _THREADS:
            os.environ.setdefault(name, str(count))
