"""Who computes groups of runs: this process, several on this machine, or a cluster."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from urllib.parse import urlsplit

from redundancy.data.dataset import Dataset
from redundancy.errors import ClusterError, OptionError
from redundancy.zoo.run import Run
from redundancy.zoo.store import Pair

CONNECT = 10.0
"""Seconds in which a cluster has to answer."""

CHOICES = "here, processes, processes:N, or the address of a Dask scheduler, as tcp://host:8786"
"""What workers can be called."""

_PROCESSES = "processes"

Engine = Callable[["Workers", Sequence[Pair], Dataset], Iterator[Run]]


@dataclass(frozen=True, slots=True)
class Workers:
    """Who trains.

    Attributes:
        kind: "here", or one of `ENGINES`.
        count: Processes, where they are of this machine.
        address: Of a cluster.
    """

    kind: str = "here"
    count: int = 0
    address: str = ""

    def __str__(self) -> str:
        return self.address or (f"{self.kind}:{self.count}" if self.count else self.kind)

    @classmethod
    def of(cls, given: Workers | str) -> Workers:
        """Workers as they are, or parsed."""
        return cls.parse(given) if isinstance(given, str) else given

    @classmethod
    def parse(cls, text: str) -> Workers:
        """What a text names: here, or nothing at all; processes:N; or the address of a cluster.

        Raises:
            OptionError: It names no workers.
        """
        text = text.strip()
        if text in ("", "here"):
            return HERE
        kind, _, number = text.partition(":")
        if kind == _PROCESSES:
            count = _count(number, text)
            return cls(kind, count) if count > 1 else HERE
        if (scheme := text.partition("://")[0]) in CLUSTERS and _host_and_port(text):
            return cls(CLUSTERS[scheme], address=text)
        raise OptionError(f"{text!r} names no workers; give {CHOICES}")

    def check(self) -> None:
        """Makes sure that a cluster can be talked to.

        Raises:
            ClusterError: What it takes is not installed, or nothing answers at its address.
        """
        if not self.address:
            return
        check_installed(self.kind)
        try:
            socket.create_connection(_host_and_port(self.address) or ("", 0), timeout=CONNECT).close()
        except OSError as error:
            raise unreachable(self.address, error) from error


HERE = Workers()
"""This process."""

CLUSTERS: Mapping[str, str] = MappingProxyType({"tcp": "dask", "tls": "dask"})
"""The kinds of clusters, by how their addresses begin."""

NEEDED: Mapping[str, tuple[str, str]] = MappingProxyType({"dask": ("distributed", "cluster")})
"""What a kind of cluster needs installed: a module, and the extra of this package that brings it."""


def trained_by(workers: Workers, pairs: Sequence[Pair], data: Dataset) -> Iterator[Run]:
    """The runs of these pairs, as they are finished, none of them from a store.

    Nothing is left running when this is closed or interrupted, but for groups that a cluster's worker has begun.

    Args:
        workers: Who trains them; not `HERE`.
        pairs: (recipe, seed), in any order.
        data: The data set that the recipes name.

    Raises:
        RecipeError: A recipe does not fit the data.
        ClusterError: The workers cannot be reached, have other versions, or are gone.
    """
    return ENGINES[workers.kind](workers, pairs, data)


def check_installed(kind: str) -> None:
    """Raises ClusterError where a kind of cluster needs what is not installed."""
    module, extra = NEEDED[kind]
    if find_spec(module) is None:
        raise ClusterError(f"{module} is not installed, which {kind} needs; run: pip install 'redundancy[{extra}]'")


def unreachable(address: str, error: Exception) -> ClusterError:
    """What to say of a cluster that does not answer."""
    why = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return ClusterError(f"nothing answers at {address} ({why}); start a scheduler there, or give its address")


def _elsewhere(module: str) -> Engine:
    # An engine is loaded when it is used: importing Dask alone takes a second.
    def trained(workers: Workers, pairs: Sequence[Pair], data: Dataset) -> Iterator[Run]:
        runs: Iterator[Run] = import_module(module).trained(workers, pairs, data)
        return runs

    return trained


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        _PROCESSES: _elsewhere("redundancy.zoo.processes"),
        "dask": _elsewhere("redundancy.zoo.dask"),
    }
)
"""What trains elsewhere, by the kind of workers."""


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(number: str, text: str) -> int:
    if not number:
        return processors()
    if number.isascii() and number.isdigit() and int(number):
        return int(number)
    raise OptionError(f"{text!r} names no number of processes; give a whole number from 1 up, as processes:2")


def _host_and_port(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        return (parts.hostname, parts.port) if parts.hostname and parts.port else None
    except ValueError:  # a port that is none
        return None
