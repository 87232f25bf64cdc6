"""Groups of runs in processes of this machine: joblib's, which stay for the next call and compile nothing twice."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from redundancy.data.dataset import Dataset
from redundancy.errors import ClusterError
from redundancy.zoo.groups import Unit, units
from redundancy.zoo.run import Run
from redundancy.zoo.store import Pair
from redundancy.zoo.workers import Workers, processors
from redundancy.zoo.working import facts, use_threads, work

DEATHS = 3
"""How often in a row processes may die before any of them has finished a group."""


def trained(workers: Workers, pairs: Sequence[Pair], data: Dataset) -> Iterator[Run]:
    """The runs of these pairs, as groups are finished. See `workers.trained_by`.

    Where a process dies, joblib ends the others as well: what has not arrived is trained anew.
    """
    left = dict(enumerate(units(pairs, data, workers.count)))
    deaths = 0
    while left:
        try:
            with closing(_streamed(workers.count, dict(left), data)) as arriving:
                for place, runs in arriving:
                    del left[place]
                    deaths = 0
                    yield from runs
        except TerminatedWorkerError as error:
            deaths += 1
            if deaths == DEATHS:
                rest = sum(len(unit.pairs) for unit in left.values())
                why = f"processes died {DEATHS} times before they had finished a group, with {rest} runs left"
                raise ClusterError(f"{why}; is the memory used up? give fewer than {workers.count}") from error


def _streamed(
    count: int, left: Mapping[int, Unit], data: Dataset
) -> Generator[tuple[int, tuple[Run, ...]], None, None]:
    # Arrays of a megabyte or more are written to a file once, and mapped by every process.
    threads = max(1, processors() // count)
    engine = Parallel(n_jobs=count, backend="loky", return_as="generator_unordered", batch_size=1)
    task = partial(_placed, data=data, wanted=facts(), threads=threads)
    stream: Generator[tuple[int, tuple[Run, ...]], None, None] = engine(delayed(task)(*item) for item in left.items())
    return stream


def _placed(
    place: int, unit: Unit, *, data: Dataset, wanted: Mapping[str, str], threads: int
) -> tuple[int, tuple[Run, ...]]:
    use_threads(threads)
    return place, work(unit, data, wanted)
