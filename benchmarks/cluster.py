"""Training here, in two processes and by two workers of a Dask cluster on loopback: ratios from one run.

    python benchmarks/cluster.py [--runs 128] [--steps 157] [--repeats 3]

The first call of each, which starts processes, loads TensorFlow and builds graphs, is told apart. What a cluster costs
besides training is measured by itself: connecting, sending the data, and a group of runs that is only handed back.
Seconds are by the clock; all three ways train the same networks, which is checked.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from distributed import Client

from redundancy import load_data, train
from redundancy.zoo import Recipe, conv, dense, flatten
from redundancy.zoo.working import facts

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
NETWORKS = {
    "question-2": (conv(2, (3, 1)), flatten(), dense(10)),
    "conv-8": (conv(8, 3, activation="relu"), flatten(), dense(10)),
}


@contextmanager
def running(*arguments):
    """A process of Dask; workers have one thread each."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    quiet = subprocess.DEVNULL
    with tempfile.TemporaryDirectory() as scratch:
        process = subprocess.Popen(command, env=environment, cwd=scratch, stdout=quiet, stderr=quiet)
        try:
            yield
        finally:
            process.kill()
            process.wait()


@contextmanager
def cluster(port=8797):
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        stack.enter_context(running("scheduler", "--host", "127.0.0.1", "--port", str(port)))
        for _ in range(2):
            stack.enter_context(running("worker", address, "--nthreads", "1", "--no-nanny"))
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address


def timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def median(work, repeats):
    return float(np.median([timed(work)[0] for _ in range(repeats)]))


def furthest(runs, others):
    """The largest difference of two weights, over the largest weight of the array."""
    pairs = [
        (array, other.network[node.name].weights[name])
        for run, other in zip(runs, others, strict=True)
        for node in run.network
        for name, array in node.weights.items()
    ]
    return max(float(np.abs(one - other).max() / np.abs(one).max()) for one, other in pairs)


def ways(layers, data, address, runs, steps, repeats):
    """Prints what each way takes, and gives back what was trained here."""
    recipe = Recipe(layers, steps=steps, data=data.name)
    took = {}
    here = ()
    for workers in ("here", "processes:2", address):
        first, trained = timed(lambda: train(recipe, range(runs), data=data, workers=workers))  # noqa: B023 - at once
        here = here or trained
        took[workers] = [timed(lambda: train(recipe, range(runs), data=data, workers=workers))[0]  # noqa: B023
                         for _ in range(repeats)]  # fmt: skip
        seconds = float(np.median(took[workers]))
        ratio = float(np.median(took["here"])) / seconds
        print(f"  {workers:24}{first:9.2f}{seconds:9.2f}{1000 * seconds / runs:11.1f}{ratio:8.2f}"
              f"{furthest(here, trained):11.1e}", flush=True)  # fmt: skip
    return here


def given_back(value):
    return value


def costs(runs, data, address, repeats):
    """Prints what a cluster costs besides training."""
    group = runs[:32]

    def connecting():
        with Client(address, set_as_default=False) as client:
            client.run(facts)

    print(f"  connecting, and comparing versions    {1000 * median(connecting, repeats):8.1f} ms")
    with Client(address, set_as_default=False) as client:
        sent = timed(lambda: client.gather(client.scatter(data, broadcast=True)) and None)[0]
        size = sum(array.nbytes for array in (data.x_train, data.y_train, data.x_test, data.y_test))
        print(f"  the data to both workers and back     {1000 * sent:8.1f} ms for {size / 1e6:.1f} MB")
        took = median(lambda: client.submit(given_back, group, pure=False).result(), 10 * repeats)
        print(f"  {len(group)} runs to a worker and back          {1000 * took:8.1f} ms for "
              f"{len(pickle.dumps(group)) / 1e3:.0f} kB each way")  # fmt: skip


def main(runs, steps, repeats):
    data = load_data()
    with cluster() as address:
        for name, layers in NETWORKS.items():
            print(f"{name}, {runs} runs of {steps} steps")
            print(f"  {'':24}{'first s':>9}{'s':>9}{'ms a run':>11}{'times':>8}{'difference':>11}")
            trained = ways(layers, data, address, runs, steps, repeats)
            costs(trained, data, address, repeats)


if __name__ == "__main__":
    # Workers import what they are told to hand back from here.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=128, help="how many networks of each kind")
    parser.add_argument("--steps", type=int, default=157, help="batches of 128 images")
    parser.add_argument("--repeats", type=int, default=3, help="calls after the first")
    given = parser.parse_args()
    main(given.runs, given.steps, given.repeats)
