"""Training by other processes: of this machine, and of a Dask cluster whose scheduler and workers are processes too."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from distributed import Client

from redundancy.errors import ClusterError, OptionError
from redundancy.zoo import Recipe, Store, conv, dense, flatten, train
from redundancy.zoo.groups import trained, units
from redundancy.zoo.train import finished
from redundancy.zoo.workers import HERE, Workers, processors
from redundancy.zoo.working import check_alike, facts, work

dask = importlib.import_module("redundancy.zoo.dask")
processes = importlib.import_module("redundancy.zoo.processes")

RECIPE = Recipe((conv(2, 3, activation="relu"), flatten(), dense(3)), steps=40, batch_size=16, data="toy")
PAIRS = [(RECIPE, seed) for seed in range(16)]
PATH = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])


@contextmanager
def running(directory, *arguments, **environment):
    """A process of Dask, which is killed in the end."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    with (directory / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=os.environ | {"PYTHONPATH": PATH} | environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def scheduling(directory):
    """A scheduler without workers, and its address."""
    file = directory / "scheduler.json"
    arguments = "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
    with running(directory, *arguments) as process:
        while not (file.exists() and file.read_text()):
            assert process.poll() is None, (directory / "scheduler.log").read_text()
            time.sleep(0.05)
        yield process, json.loads(file.read_text())["address"]


@pytest.fixture
def scheduler(tmp_path):
    with scheduling(tmp_path) as (_, address):
        yield address


@contextmanager
def worker(address, directory, **environment):
    with running(directory, "worker", address, "--nthreads", "1", "--no-nanny", **environment) as process:
        yield process


def wait_for_workers(address, count):
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def only_here():
    """What workers look for in a module that they do not have."""


@pytest.fixture
def pairs_of_runs(monkeypatch):
    """Groups of two, so that there are several for each worker."""
    monkeypatch.setattr(importlib.import_module("redundancy.zoo.fused.sizes"), "LARGEST", 2)


def weights(runs):
    return {run.seed: [array for node in run.network for array in node.weights.values()] for run in runs}


def bits(runs):
    return {seed: [array.tobytes() for array in arrays] for seed, arrays in weights(runs).items()}


def test_a_cluster_trains_the_same_to_the_bit_though_a_worker_is_killed(toy, scheduler, tmp_path, pairs_of_runs):
    with worker(scheduler, tmp_path) as killed, worker(scheduler, tmp_path):
        wait_for_workers(scheduler, 2)
        arriving = finished(PAIRS, toy, workers=scheduler)
        first = next(arriving)
        killed.send_signal(signal.SIGKILL)
        arrived = [run for run, _ in [first, *arriving]]
    assert len(arrived) == len(PAIRS)
    assert bits(arrived) == bits(train(RECIPE, range(len(PAIRS)), data=toy))


def test_the_data_do_not_die_with_the_workers_and_one_that_comes_later_goes_on(toy, scheduler, tmp_path, pairs_of_runs):
    with worker(scheduler, tmp_path) as killed:
        wait_for_workers(scheduler, 1)
        arriving = finished(PAIRS[:6], toy, workers=scheduler)
        arrived = [next(arriving)]
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    with worker(scheduler, tmp_path):
        arrived += arriving
    assert sorted(run.seed for run, _ in arrived) == list(range(6))


def test_processes_train_the_same_but_for_rounding(toy, tmp_path):
    (here,) = weights(train(RECIPE, (3,), data=toy)).values()
    (there,) = weights(train(RECIPE, (3,), data=toy, store=Store(tmp_path), workers="processes:2")).values()
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(one).max())
    assert len(list(tmp_path.glob("*/*.npz"))) == 1


def test_what_a_killed_process_had_is_done_by_others(toy, tmp_path, monkeypatch, pairs_of_runs):
    def first_killed(place, unit, *, data, wanted, threads):
        if not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return place, unit.pairs

    monkeypatch.setattr(processes, "_placed", first_killed)
    assert sorted(processes.trained(Workers("processes", 2), PAIRS, toy), key=lambda pair: pair[1]) == PAIRS


def test_processes_that_die_now_and_then_are_not_given_up(toy, monkeypatch, pairs_of_runs):
    def one_group_and_death(count, left, data):
        (place, unit), *others = left.items()
        yield place, unit.pairs
        if others:
            raise processes.TerminatedWorkerError

    monkeypatch.setattr(processes, "_streamed", one_group_and_death)
    assert list(processes.trained(Workers("processes", 2), PAIRS, toy)) == PAIRS


def test_processes_that_go_on_dying_are_an_error_in_one_line(toy, monkeypatch, pairs_of_runs):
    monkeypatch.setattr(processes, "_placed", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    tried, streamed = [], processes._streamed
    monkeypatch.setattr(processes, "_streamed", lambda *given: tried.append(given) or streamed(*given))
    with pytest.raises(ClusterError, match=r"died 3 times .* with 16 runs left") as refused:
        list(processes.trained(Workers("processes", 2), PAIRS, toy))
    assert "\n" not in str(refused.value)
    assert len(tried) == 3


def test_a_cluster_without_workers_is_not_waited_for_for_ever(toy, scheduler, monkeypatch):
    monkeypatch.setattr(dask, "PATIENCE", 0.5)
    with pytest.raises(ClusterError, match=r"no worker has been at tcp://.*with 1 groups left.*dask worker tcp://"):
        train(RECIPE, (0,), data=toy, workers=scheduler)


def test_a_scheduler_that_dies_is_an_error_in_one_line(toy, tmp_path, monkeypatch):
    look = dask.Watch.look

    def killed(self, left):
        process.kill()
        process.wait()
        look(self, left)

    monkeypatch.setattr(dask.Watch, "look", killed)
    with scheduling(tmp_path) as (process, address), pytest.raises(ClusterError, match="is gone, with 1 groups"):
        train(RECIPE, (0,), data=toy, workers=address)


def test_an_interrupt_takes_the_work_back(toy, scheduler, monkeypatch):
    def interrupted(self, left):
        raise KeyboardInterrupt

    monkeypatch.setattr(dask.Watch, "look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, (0,), data=toy, workers=scheduler)
    with Client(scheduler, set_as_default=False) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)) == []


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://no-such-host.invalid:8786"])
def test_a_scheduler_that_is_not_there_is_said_in_one_line(toy, address):
    began = time.monotonic()
    with pytest.raises(ClusterError, match=f"nothing answers at {address}") as refused:
        train(RECIPE, (0,), data=toy, workers=address)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - began < 10


def test_a_worker_of_another_backend_is_refused_before_anything_is_sent(toy, scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "_tasks", lambda *_: pytest.fail("work was sent"))
    with worker(scheduler, tmp_path, KERAS_BACKEND="jax"):
        wait_for_workers(scheduler, 1)
        with pytest.raises(ClusterError, match=r"worker tcp://.* has backend jax, and this process has tensorflow"):
            train(RECIPE, (0,), data=toy, workers=scheduler)


def test_a_worker_that_cannot_load_what_it_is_sent_is_refused(toy, scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "facts", only_here)
    with worker(scheduler, tmp_path):
        wait_for_workers(scheduler, 1)
        with pytest.raises(ClusterError, match=r"worker tcp://.* cannot use this package: .*No module named"):
            train(RECIPE, (0,), data=toy, workers=scheduler)


def test_a_worker_that_comes_later_refuses_itself_what_other_versions_sent(toy):
    with pytest.raises(ClusterError, match=r"a worker on .* has keras .*, and this process has 0\.1"):
        work(None, toy, facts() | {"keras": "0.1"})


def test_a_worker_trains_one_unit_at_a_time(toy, monkeypatch):
    working = importlib.import_module("redundancy.zoo.working")
    monkeypatch.setattr(working, "trained", lambda unit, data: [working._one_at_a_time.locked()])
    assert work(None, toy, facts()) == (True,)


def test_runs_of_other_data_are_refused(toy, monkeypatch):
    class Arrived:
        def add_done_callback(self, done):
            done(self)

        def release(self):
            pass

    runs = train(RECIPE, (0,), data=toy)
    monkeypatch.setattr(dask, "_result", lambda *_: tuple(replace(run, data_digest="other") for run in runs))
    with pytest.raises(ClusterError, match="trained on other data than 'toy'; start the workers anew"):
        list(dask._arriving(None, {Arrived()}, toy))


def test_the_last_unit_is_trained_in_a_group_as_large_as_the_others(toy, monkeypatch):
    sizes = []
    monkeypatch.setattr("redundancy.zoo.fused.training.fused", lambda pairs, data, size=None: sizes.append(size))
    for unit in units(PAIRS, toy, 3):
        trained(unit, toy)
    assert sizes == [6, 6, 6]


def test_a_missing_distribution_is_named():
    with pytest.raises(ClusterError, match=r"W has torch none, and this process has 2\.9"):
        check_alike("W", {}, {"torch": "2.9"})


def test_every_worker_has_a_unit_and_groups_stay_as_they_are_here(toy):
    assert [len(unit.pairs) for unit in units(PAIRS, toy, 1)] == [16]
    assert [len(unit.pairs) for unit in units(PAIRS, toy, 3)] == [6, 6, 4]
    assert {unit.size for unit in units(PAIRS, toy, 3)} == {6}
    assert len(units(PAIRS, toy, 100)) == 16


def test_runs_without_a_fused_form_are_shared_out_too(toy):
    alone = [(Recipe((flatten(), dense(3)), dtype="bfloat16", data="toy"), seed) for seed in range(4)]
    found = units([*alone, *PAIRS], toy, 2)
    assert [(len(unit.pairs), bool(unit.alone)) for unit in found] == [(2, True), (2, True), (8, False), (8, False)]


@pytest.mark.parametrize(
    ("text", "workers"),
    [
        ("", HERE),
        (" here ", HERE),
        ("processes:1", HERE),
        ("processes:3", Workers("processes", count=3)),
        ("processes", Workers.parse(f"processes:{processors()}")),
        ("tcp://host:8786", Workers("dask", address="tcp://host:8786")),
        ("tls://[::1]:1", Workers("dask", address="tls://[::1]:1")),
    ],
)
def test_a_text_names_workers(text, workers):
    assert Workers.parse(text) == workers
    assert Workers.parse(str(workers)) == workers


@pytest.mark.parametrize(
    "text", ["processes:0", "processes:x", "tcp://host", "tcp://:1", "tcp://h:x", "ray://h:1", "4"]
)
def test_a_text_that_names_no_workers_is_refused(text):
    with pytest.raises(OptionError, match=r"names no .*; give"):
        Workers.parse(text)


def test_what_a_cluster_needs_is_said_where_it_is_not_installed(toy, monkeypatch):
    monkeypatch.setattr("redundancy.zoo.workers.find_spec", lambda _: None)
    with pytest.raises(ClusterError, match=r"pip install 'redundancy\[cluster\]'"):
        train(RECIPE, (0,), data=toy, workers="tcp://127.0.0.1:1")
