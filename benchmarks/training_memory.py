"""What training takes of memory: many small networks in one process, and groups beside what is estimated for them.

    python benchmarks/training_memory.py [--networks 1000]

Resident memory is the process's own, in MB. Ten structures take turns, more than engines are kept, so that graphs are
built and let go all the time. What TensorFlow's kernels remember of a shape it keeps: about 3.5 MB a structure.
"""

import argparse
import gc
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from redundancy import load_data, train
from redundancy.data.dataset import Dataset
from redundancy.zoo import Recipe, batch_normalization, conv, dense, flatten, max_pooling
from redundancy.zoo.fused import training
from redundancy.zoo.fused.sizes import CACHE, bytes_a_run

GROUPS = {
    "question-2": (32, (conv(2, (3, 1)), flatten(), dense(10))),
    "conv-8": (2, (conv(8, 3, activation="relu"), flatten(), dense(10))),
    "conv-32, normalised": (1, (conv(32, 3), batch_normalization(), max_pooling(), flatten(), dense(10))),
    "lenet-300-100": (4, (flatten(), dense(300, activation="relu"), dense(100, activation="relu"), dense(10))),
}


def resident():
    """MB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def many(networks):
    rng = np.random.default_rng(0)
    images, labels = rng.random((600, 8, 8, 1), dtype=np.float32), np.arange(600) % 3
    data = Dataset("toy", images, labels, images[:60], labels[:60])
    print("networks trained -> resident, MB")
    for done in range(0, networks, 10):
        width = 2 + done // 10 % 10
        recipe = Recipe((conv(width, 3, activation="relu"), flatten(), dense(3)), steps=5, data="toy")
        train(recipe, range(10), data=data)
        if (done + 10) % max(10, networks // 10) == 0:
            gc.collect()
            print(f"{done + 10:8} {resident():10.0f}", flush=True)


def peak(work):
    """MB that are resident at most while something runs, beyond what is resident before."""
    before, seen, over = resident(), [resident()], threading.Event()

    def watch():
        while not over.is_set():
            seen.append(resident())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    over.set()
    watcher.join()
    return max(seen) - before


def group(name):
    size, layers = GROUPS[name]
    data = load_data()
    recipe = Recipe(layers, steps=0, data=data.name)
    plan = training._plan(training.shared(recipe), data.input_shape, len(data.x_train) + len(data.x_test))
    estimate = size * bytes_a_run(plan, recipe.batch_size, 2, 4) / 1e6
    training.group_size = lambda *_: size
    train(recipe, range(size), data=data)  # the framework and the data set, but no step
    took = peak(lambda: train(replace(recipe, steps=30), range(size), data=data))
    print(f"{name:22}{size:4}{estimate:12.0f}{took:12.0f}", flush=True)


def main(networks):
    many(networks)
    print(
        f"\nbound: {CACHE / 1e6:.0f} MB, or one run\n{'group':22}{'runs':>4}{'estimate':>12}{'peak, MB':>12}",
        flush=True,
    )
    for name in GROUPS:
        subprocess.run([sys.executable, __file__, "--group", name], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=1000, help="how many to train in one process")
    parser.add_argument("--group", help="measure one group, in a process of its own")
    given = parser.parse_args()
    group(given.group) if given.group else main(given.networks)
