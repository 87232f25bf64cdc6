"""docs/store.md says what is in a file of the store."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_zoo_entry import CONTENT, RUN

from redundancy.zoo.entry import FORMAT

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text()


@pytest.fixture
def entry(tmp_path):
    path = tmp_path / "entry.npz"
    path.write_bytes(CONTENT)
    return path


def test_every_field_is_told(entry):
    with np.load(entry) as file:
        meta = json.loads(file["meta"].tobytes())
    assert sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == sorted(meta)
    assert f"Of this format: {FORMAT}." in PAGE


def read_by_the_page(path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)


def test_the_page_reads_an_entry(entry):
    told = read_by_the_page(entry).stdout.splitlines()
    weights = [(node.name, name, array) for node in RUN.network for name, array in node.weights.items()]
    assert told[:-1] == [f"{node}/{name} {array.shape} float32" for node, name, array in weights]
    assert told[-1] == "seed 1 accuracy 0.5"


def test_the_page_sees_damage(entry):
    entry.write_bytes(CONTENT[:100] + b"x" + CONTENT[101:])
    assert "AssertionError: damaged" in read_by_the_page(entry).stderr
