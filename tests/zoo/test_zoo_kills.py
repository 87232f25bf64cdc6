"""Whoever is killed, at whatever moment, loses the group under way and nothing else."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from redundancy.zoo import shelves

NURSERY = Path(__file__).parent / "nursery.py"
GROUP = 2


def nursery(directory, how, count):
    """What each process told: see there."""
    command = [sys.executable, str(NURSERY), str(directory), how, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == count
    return told


@pytest.fixture(scope="module", params=[("made-up", 24), ("real", 3)], ids=lambda asked: asked[0])
def moments(request, tmp_path_factory):
    """What came of processes that were killed at many moments of their lives."""
    return nursery(tmp_path_factory.mktemp("killed"), *request.param)


def test_processes_were_killed_at_several_stages(moments):
    assert len({len(moment["whole"]) for moment in moments}) > 2


def test_every_file_is_whole_or_is_no_run(moments):
    assert [moment["bad"] for moment in moments] == [0] * len(moments)


def test_what_was_given_is_kept(moments):
    for moment in moments:
        assert set(moment["given"]) <= set(moment["whole"])


def test_no_more_is_lost_than_the_group_under_way(moments):
    for moment in moments:
        assert set(moment["begun"]) - set(moment["whole"]) <= set(moment["begun"][-GROUP:])


def test_the_next_call_gives_what_an_undisturbed_one_gives(moments):
    assert max(moment["apart"] for moment in moments) < 1e-5


def test_nobody_waits_for_the_dead(moments):
    assert max(moment["seconds"] for moment in moments) < 60
    assert {tuple(moment["notices"]) for moment in moments} == {("board.lock",)}


HALF_WRITTEN = """
import os, signal, sys
from pathlib import Path
from redundancy.cache import write_atomically
def half(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path(sys.argv[1]), half)
"""


def test_what_was_half_written_has_no_name(tmp_path):
    path = tmp_path / "run.npz"
    done = subprocess.run([sys.executable, "-c", HALF_WRITTEN, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()


@pytest.fixture(scope="module", params=["crowd", "lockless"])
def crowd(request, tmp_path_factory):
    """What came of four processes that trained at once with one store, seeds 0 to 9, 2 to 11, 4 to 13 and 6 to 15."""
    directory = tmp_path_factory.mktemp("crowd")
    return request.param, directory / "shared", nursery(directory, request.param, 4)


def test_a_crowd_is_given_equal_runs(crowd):
    _, _, told = crowd
    everything = {seed: total for one in told for seed, total in one["given"].items()}
    assert sorted(map(int, everything)) == list(range(16))
    for place, one in enumerate(told):
        assert one["given"] == {str(seed): everything[str(seed)] for seed in range(2 * place, 2 * place + 10)}


def test_a_crowd_leaves_whole_files_and_nothing_else(crowd):
    _, directory, _ = crowd
    kinds = [file.kind for file in shelves.files(directory)]
    assert kinds == [shelves.ENTRY] * 16
    assert [path.name for path in (directory / "notices").iterdir()] in ([], ["board.lock"])


def test_with_locks_a_crowd_trains_each_run_once_and_shares_the_work(crowd):
    how, _, told = crowd
    trained = sorted(seed for one in told for seed in one["trained"])
    if how == "crowd":
        assert trained == list(range(16))
        assert sum(bool(one["trained"]) for one in told) > 1
    else:
        assert sorted(set(trained)) == list(range(16))
