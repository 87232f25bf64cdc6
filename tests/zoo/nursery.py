"""Processes that train with a store: run as a program, which forks them before it has threads.

    python nursery.py DIRECTORY made-up|real MOMENTS
    python nursery.py DIRECTORY crowd|lockless PROCESSES

A crowd trains at once with one store, each process other runs, which overlap. Prints one line of JSON a process: what
it trained, and what it was given. Without locks, the same on a file system that has none.

Else, each process trains in a store of its own, and is killed at another moment of its life. Prints one line of JSON a
process: what it had begun and was given, what a reader finds in its store, and what the next call makes of that,
beside what a call makes that nothing disturbed.
"""

import importlib
import json
import os
import signal
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.zoo import Recipe, Run, Store, dense, flatten, notices, shelves
from redundancy.zoo.structure import structure

training = importlib.import_module("redundancy.zoo.train")

SEEDS, GROUP = tuple(range(6)), 2
WIDE = Recipe((flatten(), dense(4000), dense(3)), steps=1, batch_size=8, data="toy")
SMALL = Recipe((flatten(), dense(4), dense(3)), optimizer="sgd", steps=40, batch_size=8, data="toy")
REALLY = training.trained_together


def toy():
    rng = np.random.default_rng(0)
    images, labels = rng.random((30, 8, 8, 1), dtype=np.float32), np.arange(30) % 3
    return Dataset("toy", images, labels, images, labels)


DATA = toy()


def made_up(pairs, data):
    """Stands for training: loads no framework and takes no time, so that all of it is spent on the store."""
    for recipe, seed in pairs:
        rng, blank = np.random.default_rng(seed), structure(recipe, data.input_shape)
        drawn = {
            node.name: {name: rng.random(array.shape, np.float32) for name, array in node.weights.items()}
            for node in blank
        }
        yield Run(recipe, seed, blank.with_weights(drawn), 1.0, 0.5, data.digest)


def few(free):
    return list(islice(free, GROUP))


def train_and_tell(recipe, directory, line, train):
    """Trains, and tells of each run that is begun and each that is given."""

    def begun(pairs, data):
        os.write(line, b"".join(b"begun %d\n" % seed for _, seed in pairs))
        yield from train(pairs, data)

    training.trained_together, training.grouping = begun, lambda pairs, data: few
    for run, _ in training.finished([(recipe, seed) for seed in SEEDS], DATA, Store(directory)):
        os.write(line, b"given %d\n" % run.seed)


def killed(recipe, directory, train, wait):
    """What a process said until it was killed, once `wait` had seen enough."""
    out, into = os.pipe()
    process = os.fork()
    if not process:
        try:
            train_and_tell(recipe, directory, into, train)
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as source:
        said = wait(source)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        said += source.readlines()
    words = [line.decode().split() for line in said]
    return {what: [int(seed) for told, seed in words if told == what] for what in ("begun", "given")}


def tell(said):
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


def crowd(directory, count):
    """What each of several processes trained and was given."""
    numbers(WIDE, directory / "warm")
    pipes = [os.pipe() for _ in range(count)]
    for place, (_, into) in enumerate(pipes):
        if not os.fork():
            try:
                os.write(into, json.dumps(one_of_many(directory / "shared", place)).encode())
            finally:
                os._exit(0)
        os.close(into)
    for out, _ in pipes:
        with os.fdopen(out, "rb") as source:
            tell(json.loads(source.read()))


def one_of_many(directory, place):
    trained = []

    def slowly(pairs, data):
        for run in made_up(pairs, data):
            time.sleep(0.02)
            trained.append(run.seed)
            yield run

    training.trained_together = slowly
    runs = training.train(WIDE, range(2 * place, 2 * place + 10), data=DATA, store=Store(directory))
    sums = {run.seed: float(sum(a.sum() for node in run.network for a in node.weights.values())) for run in runs}
    return {"trained": trained, "given": sums}


def no_locks(path, seconds):
    raise NotImplementedError


def found(recipe, directory):
    """What there is in a store, by a reader that sets aside what is not whole."""
    store = Store(directory)
    whole = [seed for seed in SEEDS if store.load(recipe, seed, DATA.digest, DATA.input_shape)]
    return {"whole": whole, "bad": sum(file.kind == shelves.BAD for file in shelves.files(directory))}


def numbers(recipe, directory):
    """The first weights of each run, as the next call gives them."""
    runs = training.train(recipe, SEEDS, data=DATA, store=Store(directory))
    return [np.concatenate([a.ravel() for node in run.network for a in node.weights.values()])[:300] for run in runs]


def after(recipe, directory, undisturbed):
    """What the next call makes of a store, and how long it takes."""
    start = time.monotonic()
    apart = max(float(np.abs(a - b).max()) for a, b in zip(numbers(recipe, directory), undisturbed, strict=True))
    seconds = time.monotonic() - start
    training.train(recipe, [99], data=DATA, store=Store(directory))  # takes a turn, whatever there was
    return {
        "apart": apart,
        "seconds": seconds,
        "notices": sorted(path.name for path in (directory / "notices").iterdir()),
    }


def by_time(directory, moments):
    """Moments that are spread over the life of a process."""
    numbers(WIDE, directory / "warm")  # what is loaded now need not be loaded in every process
    start = time.monotonic()
    killed(WIDE, directory / "whole life", made_up, lambda source: source.readlines())
    life = time.monotonic() - start

    def wait(moment):
        def slept(source):
            time.sleep(life * (moment + 0.5) / moments)
            return []

        return slept

    return [wait(moment) for moment in range(moments)]


def by_runs(moments):
    """Moments when some runs were begun or given: those at which something is being trained or kept."""
    return [lambda source, count=3 * moment + 2: list(islice(source, count)) for moment in range(moments)]


def main(directory, how, moments):
    if how in ("crowd", "lockless"):
        training.trained_together, training.grouping = made_up, lambda pairs, data: few
        if how == "lockless":
            notices._acquired = no_locks
        return crowd(directory, moments)
    real = how == "real"
    recipe, train = (SMALL, REALLY) if real else (WIDE, made_up)
    training.trained_together, training.grouping = train, lambda pairs, data: few
    if real:
        import redundancy.zoo.fused.engine  # noqa: F401 - to load TensorFlow once, which starts no threads by that
    waits = by_runs(moments) if real else by_time(directory, moments)
    places = [directory / str(moment) for moment in range(moments)]
    told = [killed(recipe, place, train, wait) for place, wait in zip(places, waits, strict=True)]
    undisturbed = numbers(recipe, directory / "undisturbed")
    for said, place in zip(told, places, strict=True):
        tell({**said, **found(recipe, place), **after(recipe, place, undisturbed)})
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
