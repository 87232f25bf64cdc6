"""docs/layers.md lists what the registries hold."""

import inspect
import re
from pathlib import Path

from redundancy.frameworks.keras import kinds
from redundancy.gate.settings import OF_ALL, OF_MODELS
from redundancy.layers.tying import REASONS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "layers.md").read_text()
FOLLOWED, KEPT = (PAGE.split(f"\n## {heading}")[1].split("\n## ")[0] for heading in ("Followed", "Kept"))


def test_every_class_that_is_read_is_listed():
    import keras

    layers, operations = (re.findall(r"`(\w+)`", text) for text in FOLLOWED.split("So are these operations", 1))
    known = {
        name: name in kinds.kind.UNLISTED or inspect.isclass(getattr(keras.layers, name, None))
        for name in kinds.kind.classes()
    }
    assert sorted(layers) == sorted(name for name, layer in known.items() if layer)
    assert sorted(operations) == sorted(name for name, layer in known.items() if not layer)


def test_every_reason_is_listed():
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", KEPT, re.MULTILINE)) == dict(REASONS)


def test_every_key_of_the_gate_is_listed():
    keys = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "gate.md").read_text(), re.MULTILINE)
    assert sorted(keys) == sorted([*OF_ALL, *OF_MODELS])


def test_the_example_of_certificates_runs(tmp_path, monkeypatch, capsys):
    import keras

    monkeypatch.chdir(tmp_path)
    for name, width in (("model.keras", 3), ("small.keras", 2)):
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(width), keras.layers.Dense(1)]).save(name)
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "certificates.md").read_text(), re.DOTALL)
    exec(example, {})
    assert float(capsys.readouterr().out.split()[0]) > 0
