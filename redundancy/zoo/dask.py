"""Groups of runs on a Dask cluster, by `distributed` itself and not by joblib's backend for it.

That backend waits for ever where all workers are gone, loses the data with the worker that they were sent to, may put
several groups into one task, and leaves tasks to run when it is interrupted. Here a lost group is trained elsewhere,
for the scheduler still has the task; so it has the data, as a task that gives them: each worker fetches them once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker

from redundancy.data.dataset import Dataset
from redundancy.errors import ClusterError, RedundancyError
from redundancy.zoo.groups import units
from redundancy.zoo.run import Run
from redundancy.zoo.store import Pair
from redundancy.zoo.workers import CONNECT, Workers, unreachable
from redundancy.zoo.working import check_alike, facts, work

LOOK = 1.0
"""Seconds between two looks at whether there are workers, while nothing arrives."""

PATIENCE = 30.0
"""Seconds without any worker after which nobody is waited for; a worker that is restarted takes a few."""

CLOSE = 2.0
"""Seconds in which a scheduler that may be gone is taken leave of."""


def trained(workers: Workers, pairs: Sequence[Pair], data: Dataset) -> Iterator[Run]:
    """The runs of these pairs, as groups are finished. See `workers.trained_by`."""
    workers.check()
    with _connected(workers.address) as client:
        there = _workers(client, workers.address)
        tasks = _tasks(client, pairs, data, len(there))
        # However this ends, the client closes: then the scheduler drops what is not done.
        yield from _arriving(Watch(client, workers.address), tasks, data)


@dataclass(slots=True)
class Watch:
    """Looks whether anybody is left to wait for.

    Attributes:
        client: Of the cluster.
        address: Of its scheduler.
        seen: When there was a worker, on the monotonic clock.
    """

    client: Client
    address: str
    seen: float = field(default_factory=time.monotonic)

    def look(self, left: int) -> None:
        """Raises ClusterError where the scheduler is gone, or there have been no workers for PATIENCE seconds."""
        kept = f"with {left} groups left; what had arrived is kept"
        try:
            there = self.client.status == "running" and self.client.nthreads()
        except (OSError, TimeoutError):
            there = False
        if there is False:
            raise ClusterError(f"the scheduler at {self.address} is gone, {kept}; start it again, and this")
        if there:
            self.seen = time.monotonic()
        elif time.monotonic() - self.seen > PATIENCE:
            start = f"start some with: dask worker {self.address} --nthreads 1"
            raise ClusterError(f"no worker has been at {self.address} for {PATIENCE:g} s, {kept}; {start}")


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise unreachable(address, error) from error
    try:
        yield client
    finally:
        client.close(timeout=CLOSE)


def _workers(client: Client, address: str) -> list[str]:
    """The addresses of the workers that there are by now, all of them like this process."""
    try:
        told = client.run(facts, on_error="return")
    except (OSError, TimeoutError) as error:
        raise unreachable(address, error) from error
    for worker, has in sorted(told.items()):
        if isinstance(has, Exception):
            why = " ".join(str(has).split()) or type(has).__name__
            raise ClusterError(f"the worker {worker} cannot use this package: {why}; install the same on both")
        check_alike(f"the worker {worker}", has, facts())
    return list(told)


def _tasks(client: Client, pairs: Sequence[Pair], data: Dataset, workers: int) -> set[Future]:
    work_units = units(pairs, data, max(1, workers))
    # Dask warns of data that travel with a task; they do so once.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        there = client.submit(_itself, data, key=f"redundancy-data-{data.digest}-{uuid4().hex}")
    keys = [f"redundancy-{uuid4().hex}" for _ in work_units]
    return set(client.map(work, work_units, data=there, wanted=facts(), key=keys, pure=False))


def _itself(data: Dataset) -> Dataset:
    return data


def _arriving(watch: Watch, tasks: set[Future], data: Dataset) -> Iterator[Run]:
    done: SimpleQueue[Future] = SimpleQueue()
    for task in tasks:
        task.add_done_callback(done.put)
    while tasks:
        try:
            task = done.get(timeout=LOOK)
        except Empty:
            watch.look(len(tasks))
            continue
        runs = _result(watch, task, len(tasks))
        tasks.remove(task)
        task.release()
        for run in runs:
            if run.data_digest != data.digest:
                raise ClusterError(f"a worker trained on other data than {data.name!r}; start the workers anew")
            yield run


def _result(watch: Watch, task: Future, left: int) -> tuple[Run, ...]:
    try:
        runs: tuple[Run, ...] = task.result()
    except RedundancyError:
        raise
    except KilledWorker as error:
        why = f"a group has killed every worker it was given to, with {left} groups left"
        raise ClusterError(f"{why}; is the memory used up? give workers more, or look into their logs") from error
    except Exception as error:
        watch.look(left)
        why = " ".join(str(error).split()) or type(error).__name__
        raise ClusterError(f"a worker could not train a group: {why}; look into the workers' logs") from error
    return runs
