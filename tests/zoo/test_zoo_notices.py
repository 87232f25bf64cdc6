"""Who shares a store leaves others' work to them for as long as they live, and no longer."""

import json
import subprocess
import sys

import pytest

from redundancy.zoo.notices import BOARD, Notices, _acquired


@pytest.fixture
def notices(tmp_path):
    return Notices(tmp_path)


def seen(notices):
    """What somebody who leaves a notice is told that others are training."""
    told = []
    with notices.left(lambda others: told.extend(sorted(others)) or ["mine"]):
        pass
    return told


def test_others_see_what_is_being_trained(notices):
    with notices.left(lambda others: ["a", "b"]):
        assert seen(notices) == ["a", "b"]
    assert seen(notices) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from redundancy.zoo.notices import Notices
with Notices(Path(sys.argv[1])).left(lambda others: ["a", "b"]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_the_dead_were_training_is_free(notices):
    subprocess.run([sys.executable, "-c", KILLED, str(notices.directory)], check=False)
    (left,) = notices.directory.glob("*.json")
    assert json.loads(left.read_text()) == ["a", "b"]
    (notices.directory / f".{left.name}.3-4").touch()  # of which it had begun to write another
    assert seen(notices) == []
    assert [path.name for path in notices.directory.iterdir()] == [f"{BOARD}.lock"]


def test_one_at_a_time_reads_the_board(notices):
    others = []
    with notices.left(lambda _: others.append(_acquired(notices.directory / f"{BOARD}.lock", 0.0)) or ()):
        pass
    assert others == [None]
