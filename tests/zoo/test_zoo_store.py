import importlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from redundancy import cache
from redundancy.errors import DataError
from redundancy.zoo import Recipe, Store, conv, dense, flatten, train
from redundancy.zoo import store as storing

training = importlib.import_module("redundancy.zoo.train")

RECIPE = Recipe((conv(2, 3), flatten(), dense(3)), optimizer="sgd", steps=2, batch_size=8, data="toy")


def bits(run):
    return [array.tobytes() for node in run.network for array in node.weights.values()]


@pytest.fixture(scope="module")
def run(toy):
    return train(RECIPE, (1,), data=toy)[0]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def test_a_store_is_where_a_text_or_a_path_says(tmp_path, run, toy):
    Store(str(tmp_path / "runs")).save(run)
    found = Store(tmp_path / "runs")
    assert found == Store(str(tmp_path / "runs"))
    assert found.load(RECIPE, 1, toy.digest, toy.input_shape) is not None


@pytest.fixture
def no_training(monkeypatch):
    def refuse(pairs, data):
        assert not pairs, f"trained {pairs}"
        return iter(())

    monkeypatch.setattr(training, "trained_together", refuse)


@pytest.fixture
def trained(monkeypatch, run):
    """Stands for training: gives the one run under any seed, and notes which were asked for."""
    asked = []

    def train_one(pairs, data):
        asked.extend(seed for _, seed in pairs)
        return (replace(run, recipe=recipe, seed=seed) for recipe, seed in pairs)

    monkeypatch.setattr(training, "trained_together", train_one)
    return asked


def test_what_is_kept_is_what_comes_back(toy, store, run, no_training):
    store.save(run)
    (again,) = train(RECIPE, (1,), data=toy, store=store)
    assert bits(again) == bits(run)
    assert str(again.network) == str(run.network)
    assert (again.recipe, again.seed, again.loss, again.accuracy, again.data_digest) == (
        run.recipe, run.seed, run.loss, run.accuracy, run.data_digest)  # fmt: skip


def test_only_what_is_missing_is_trained(toy, store, run, trained):
    store.save(run)
    runs = train(RECIPE, (5, 1, 6, 5), data=toy, store=store)
    assert [one.seed for one in runs] == [5, 1, 6, 5]
    assert trained == [5, 6]
    train(RECIPE, (6, 5, 1), data=toy, store=store)
    assert trained == [5, 6]


def test_what_was_trained_before_a_failure_is_kept(toy, store, run, monkeypatch):
    def failing(pairs, data):
        yield replace(run, seed=pairs[0][1])
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "trained_together", failing)
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, (1, 2), data=toy, store=store)
    assert store.load(RECIPE, 1, toy.digest, toy.input_shape) is not None


def test_runs_are_looked_for_again_before_they_are_trained(toy, store, run, no_training, monkeypatch):
    turn = Store.turn

    def another_was_first(self, *asked, **how):
        self.save(run)
        return turn(self, *asked, **how)

    monkeypatch.setattr(Store, "turn", another_was_first)
    assert bits(train(RECIPE, (1,), data=toy, store=store)[0]) == bits(run)


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def change(path, edit):
    with np.load(path) as file:
        content = dict(file)
    meta = json.loads(content["meta"].tobytes())
    edit(content, meta)
    np.savez(path, **{**content, "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)})


def other_weights(path):
    change(path, lambda content, meta: content.update({"dense_1/bias": content["dense_1/bias"] + 1}))


def better_accuracy(path):
    change(path, lambda content, meta: meta.update(accuracy="1.0"))


def more_arrays(path):
    change(path, lambda content, meta: content.update(more=np.ones(3)))


def no_meta(path):
    np.savez(path, weights=np.ones(3))


def pickled(path):
    np.savez(path, meta=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "damage",
    [cut, empty, flip, other_weights, better_accuracy, more_arrays, no_meta, pickled],
    ids=lambda f: f.__name__,
)
def test_a_damaged_entry_is_set_aside_and_trained_again(toy, store, run, trained, damage):
    store.save(run)
    path = store.path(RECIPE, 1, toy.digest)
    damage(path)
    damaged = path.read_bytes()
    (again,) = train(RECIPE, (1,), data=toy, store=store)
    assert trained == [1]
    assert bits(again) == bits(run)
    assert path.with_name(f"{path.name}.bad").read_bytes() == damaged
    assert store.load(RECIPE, 1, toy.digest, toy.input_shape) is not None


def test_an_entry_under_the_name_of_another_is_not_believed(toy, store, run, trained):
    store.save(run)
    store.path(RECIPE, 1, toy.digest).rename(store.path(RECIPE, 2, toy.digest))
    train(RECIPE, (2,), data=toy, store=store)
    assert trained == [2]


def test_a_damaged_entry_that_another_process_sets_aside_first_is_trained_again(toy, store, run, trained, monkeypatch):
    def set_aside_already(self, path):
        path.unlink()
        set_aside(self, path)

    store.save(run)
    cut(store.path(RECIPE, 1, toy.digest))
    set_aside = Store._set_aside
    monkeypatch.setattr(Store, "_set_aside", set_aside_already)
    train(RECIPE, (1,), data=toy, store=store)
    assert trained == [1]


def test_a_run_that_goes_while_it_is_read_is_read_to_its_end(toy, store, run, monkeypatch):
    def gone_first(path):
        path.unlink()
        used(path)

    store.save(run)
    used = storing.os.utime
    monkeypatch.setattr(storing.os, "utime", gone_first)
    assert bits(store.load(RECIPE, 1, toy.digest, toy.input_shape)) == bits(run)


def test_everything_that_decides_a_run_is_in_its_name(store, toy, monkeypatch):
    other = Recipe(RECIPE.architecture, steps=3, data="toy")
    names = [
        store.path(*asked).name for asked in [(RECIPE, 1, "a"), (RECIPE, 2, "a"), (RECIPE, 1, "b"), (other, 1, "a")]
    ]
    monkeypatch.setattr(storing, "versions", lambda: {"keras": "4"})
    names.append(store.path(RECIPE, 1, "a").name)
    monkeypatch.setattr(storing, "FORMAT", storing.FORMAT + 1)
    names.append(store.path(RECIPE, 1, "a").name)
    assert len(set(names)) == 6


def test_the_machine_decides_no_name(store, monkeypatch):
    name = store.path(RECIPE, 1, "a").name
    monkeypatch.setattr("redundancy.zoo.entry.machine", lambda: "another processor")
    assert store.path(RECIPE, 1, "a").name == name


def test_where_a_run_comes_from_is_kept(store, run, toy):
    store.save(run)
    with np.load(store.path(RECIPE, 1, toy.digest)) as file:
        meta = json.loads(file["meta"].tobytes())
    assert " threads" in meta["machine"]
    assert meta["versions"]["numpy"] == np.__version__
    assert meta["saved"].endswith("+00:00")


def test_bfloat16_and_infinite_losses_are_kept(toy, store):
    recipe = Recipe(RECIPE.architecture, steps=0, data="toy", dtype="bfloat16")
    run = replace(train(recipe, (1,), data=toy)[0], loss=float("nan"))
    store.save(run)
    again = store.load(recipe, 1, toy.digest, toy.input_shape)
    assert bits(again) == bits(run)
    assert again.network["dense_1"].weights["kernel"].dtype.name == "bfloat16"
    assert np.isnan(again.loss)


def test_a_hit_loads_no_framework(toy, store, run):
    store.save(run)
    code = f"""
import sys
from pathlib import Path
from redundancy.zoo import Recipe, Store
recipe = Recipe.from_json({RECIPE.to_json()!r})
found = Store(Path({str(store.directory)!r})).load(recipe, 1, {toy.digest!r}, {toy.input_shape!r})
print(found is not None, {{"keras", "tensorflow"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "set()"]


def test_a_file_in_the_place_of_the_directory_is_said_in_one_line(toy, tmp_path, trained):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(DataError, match="set REDUNDANCY_CACHE") as refused:
            train(RECIPE, (1,), data=toy, store=Store(path))
        assert "\n" not in str(refused.value)
    assert trained == []


def test_a_directory_that_cannot_be_written_to_is_said_in_one_line(store, run, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    store.save(run)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(DataError, match="Permission denied") as refused:
        store.load(RECIPE, 1, run.data_digest, (6, 6, 1))
    assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match="Permission denied"):
        store.save(run)


def test_the_default_store_is_in_the_cache_directory(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "mine"))
    assert Store.default() == Store(tmp_path / "mine" / "runs")


TWO_WORKERS = """
import sys
import numpy as np
import importlib
from itertools import islice
from pathlib import Path
from redundancy.data.dataset import Dataset
from redundancy.zoo import Recipe, Run, Store, train
from redundancy.zoo.structure import structure
training = importlib.import_module("redundancy.zoo.train")
def trained(pairs, data):
    for recipe, seed in pairs:
        print(seed, flush=True)
        yield Run(recipe, seed, structure(recipe, data.input_shape), 0.0, 0.0, data.digest)
training.trained_together = trained
training.grouping = lambda pairs, data: lambda free: list(islice(free, 2))
images, labels = np.zeros((3, 6, 6, 1), np.float32), np.arange(3)
data = Dataset("toy", images, labels, images, labels)
recipe = Recipe.from_json(sys.argv[1])
train(recipe, range(30), data=data, store=Store(Path(sys.argv[2])))
"""


def test_two_processes_do_not_train_the_same_run_twice(tmp_path):
    command = [sys.executable, "-c", TWO_WORKERS, RECIPE.to_json(), str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [int(line) for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(printed) == list(range(30))
    assert list((tmp_path / "notices").iterdir()) == [tmp_path / "notices" / "board.lock"]
