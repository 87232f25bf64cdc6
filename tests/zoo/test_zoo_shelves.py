"""A store stays within its bound, and tidies up what was left behind."""

import os
import time
from dataclasses import replace

import pytest

from redundancy.errors import DataError
from redundancy.zoo import Recipe, Run, Store, conv, dense, flatten, initial, shelves, train
from redundancy.zoo.shelves import DEFAULT, VARIABLE
from redundancy.zoo.train import finished

RECIPE = Recipe((conv(2, 3), flatten(), dense(3)), optimizer="sgd", steps=0, batch_size=8, data="toy")
SHAPE = (6, 6, 1)
RUN = Run(RECIPE, 0, initial(RECIPE, 0, SHAPE), 1.0, 0.5, "data")


def filled(directory, count, limit):
    """A store with runs of seeds 0, 1, ..., each used an hour after the one before; and how large one is."""
    store = Store(directory, limit)
    for seed in range(count):
        size = store.save(replace(RUN, seed=seed))
        used = time.time() - 3600 * (count - seed)
        os.utime(store.path(RECIPE, seed, "data"), (used, used))
    return store, size


def kept(store):
    return [seed for seed in range(20) if store.path(RECIPE, seed, "data").exists()]


def within(tmp_path, runs):
    _, size = filled(tmp_path / "one", 1, 0)
    return filled(tmp_path / "store", 10, runs * size)[0]


def test_the_runs_go_that_were_not_used_for_longest(tmp_path):
    store = within(tmp_path, 5)
    store.trim()
    assert kept(store) == [6, 7, 8, 9]


def test_there_is_nothing_to_do_where_there_is_room(tmp_path):
    store = within(tmp_path, 11)
    store.trim()
    assert kept(store) == list(range(10))


def test_loading_a_run_is_using_it(tmp_path):
    store = within(tmp_path, 5)
    assert store.load(RECIPE, 0, "data", SHAPE) is not None
    store.trim()
    assert kept(store) == [0, 7, 8, 9]


def test_runs_that_are_needed_stay(tmp_path):
    store = within(tmp_path, 5)
    store.trim([(RECIPE, 1), (RECIPE, 2)], "data")
    assert kept(store) == [1, 2, 8, 9]


def test_what_is_damaged_goes_first(tmp_path):
    store = within(tmp_path, 9)
    path = store.path(RECIPE, 9, "data")
    path.replace(path.with_name(f"{path.name}.bad"))
    store.trim()
    assert kept(store) == list(range(1, 9))


def left(store, name, days):
    path = store.path(RECIPE, 0, "data").with_name(name)
    path.touch()
    os.utime(path, (time.time() - days * 86400,) * 2)
    return path


@pytest.mark.parametrize("name", ["f" * 64 + ".npz.bad", "." + "f" * 64 + ".npz.123-0123abcd"])
@pytest.mark.parametrize(("days", "stays"), [(0.5, True), (8, False)])
def test_what_was_left_behind_goes_in_time(tmp_path, name, days, stays):
    store = within(tmp_path, 20)
    path = left(store, name, days)
    store.trim()
    assert path.exists() == stays


def test_what_is_being_written_stays_in_the_fullest_store(tmp_path):
    store = replace(within(tmp_path, 1), limit=0)
    path = left(store, "." + "f" * 64 + ".npz.123-0123abcd", 0.5)
    store.trim()
    assert kept(store) == []
    assert path.exists()


def test_files_that_are_not_the_stores_stay(tmp_path):
    store = replace(within(tmp_path, 1), limit=0)
    others = [left(store, name, 1000) for name in ("thesis.npz", "f" * 63 + ".npz", "f" * 64 + ".npz.lock")]
    (store.directory / "mine").mkdir()
    others.append(store.directory / "mine" / ("f" * 64 + ".npz"))
    others[-1].touch()
    store.trim()
    assert all(path.exists() for path in others)


def test_a_shelf_that_is_emptied_while_another_writes_is_made_again(tmp_path, monkeypatch):
    store, _ = filled(tmp_path, 1, 1 << 20)
    made = Store._make
    emptied = []

    def emptied_once(self, path):
        made(self, path)
        if not emptied:
            emptied.append(shelves.remove(list(shelves.files(self.directory))))

    monkeypatch.setattr(Store, "_make", emptied_once)
    store.save(replace(RUN, seed=1))
    assert emptied == [1]
    assert kept(store) == [1]


def test_two_processes_may_trim_at_once(tmp_path, monkeypatch):
    store = within(tmp_path, 5)
    listed = shelves.files

    def listed_and_trimmed(directory):
        found = list(listed(directory))
        monkeypatch.setattr(shelves, "files", listed)
        store.trim()
        return iter(found)

    monkeypatch.setattr(shelves, "files", listed_and_trimmed)
    store.trim()
    assert kept(store) == [6, 7, 8, 9]


def test_training_keeps_the_store_within_its_bound(tmp_path, toy):
    _, size = filled(tmp_path / "one", 1, 0)
    store = Store(tmp_path / "store", 3 * size)
    runs = train(RECIPE, range(10), data=toy, store=store)
    assert [run.seed for run in runs] == list(range(10))
    assert sum(file.size for file in shelves.files(store.directory)) <= 3 * size


def test_one_run_that_is_too_much_keeps_the_store_within_its_bound(tmp_path, toy):
    _, size = filled(tmp_path / "one", 1, 0)
    store, _ = filled(tmp_path / "store", 30, 30 * size)
    train(RECIPE, [99], data=toy, store=store)
    assert sum(file.size for file in shelves.files(store.directory)) <= 30 * size


def test_training_goes_beyond_the_bound_by_little_meanwhile(tmp_path, toy):
    _, size = filled(tmp_path / "one", 1, 0)
    store = Store(tmp_path / "store", 0)
    arriving = finished([(RECIPE, seed) for seed in range(10)], toy, store)
    assert max(sum(file.size for file in shelves.files(store.directory)) for _ in arriving) <= 2 * size


@pytest.mark.parametrize(
    ("said", "bytes_"),
    [("", DEFAULT), ("1000", 1000), ("2K", 2048), ("500M", 500 << 20), ("2g", 2 << 30), ("1.5 GiB", 3 << 29), ("0", 0)],
)
def test_the_variable_says_how_large_a_store_may_be(tmp_path, monkeypatch, said, bytes_):
    monkeypatch.setenv(VARIABLE, said)
    assert Store(tmp_path).limit == bytes_
    assert Store(tmp_path, 7).limit == 7


@pytest.mark.parametrize("said", ["much", "-1", "2 X", "1e9", "K"])
def test_what_is_no_size_is_refused_in_one_line(tmp_path, monkeypatch, said):
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(DataError, match=r"REDUNDANCY_STORE_SIZE=.* is no size: give bytes, or") as refused:
        Store(tmp_path)
    assert "\n" not in str(refused.value)
