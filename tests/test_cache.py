"""The cache directory, atomic writing and locks."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy import cache
from redundancy.errors import DataError


def one_line(caught: pytest.ExceptionInfo[DataError]) -> str:
    message = str(caught.value)
    assert message.isprintable(), message
    return message


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    path = tmp_path / "a" / "b"
    monkeypatch.setenv("REDUNDANCY_CACHE", str(path))
    return path


def test_the_variable_names_the_directory_and_it_is_made(chosen):
    assert cache.directory() == chosen
    assert chosen.is_dir()


@pytest.mark.parametrize("value", ["", None])
def test_without_the_variable_it_is_the_users_own(value, tmp_path, monkeypatch):
    monkeypatch.delenv("REDUNDANCY_CACHE", raising=False)
    if value is not None:
        monkeypatch.setenv("REDUNDANCY_CACHE", value)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert cache.directory() == tmp_path / "redundancy"


def test_a_relative_directory_stays_where_it_was_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDUNDANCY_CACHE", "here")
    assert cache.directory() == tmp_path / "here"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_its_place_is_refused(below, tmp_path, monkeypatch):
    (tmp_path / "file\nname").touch()
    monkeypatch.setenv("REDUNDANCY_CACHE", str(tmp_path / "file\nname" / below))
    with pytest.raises(DataError, match="set REDUNDANCY_CACHE to") as caught:
        cache.directory()
    assert "ot a directory" in one_line(caught)


def test_a_directory_that_is_not_writable_is_refused(chosen, monkeypatch):
    # Not by chmod: a superuser may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == chosen and mode & os.W_OK))
    with pytest.raises(DataError, match="it is not writable; set REDUNDANCY_CACHE"):
        cache.directory()


def test_an_unknown_home_is_refused(monkeypatch):
    monkeypatch.setenv("REDUNDANCY_CACHE", "~nobody-of-that-name/x")
    with pytest.raises(DataError, match="no such home directory; set REDUNDANCY_CACHE"):
        cache.directory()


@settings(deadline=None)  # the disk may take its time
@given(old=st.binary(max_size=20), new=st.binary(max_size=20))
def test_what_is_written_replaces_what_was_there(old, new, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "file"
    path.write_bytes(old)
    cache.write_atomically(path, lambda file: file.write(new))
    assert path.read_bytes() == new
    assert list(path.parent.iterdir()) == [path]


def test_a_written_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "ordinary").touch()
    cache.write_atomically(tmp_path / "kept", lambda file: file.write(b""))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_readers_never_see_a_part(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    with path.open("rb") as opened_before:
        cache.write_atomically(path, write)
        assert opened_before.read() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_nothing(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise kind

    with pytest.raises(kind):
        cache.write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line(tmp_path):
    def fail(file):
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left on device; check the space") as caught:
        cache.write_atomically(tmp_path / "two\nlines", fail)
    one_line(caught)


def test_a_missing_directory_is_one_line(tmp_path):
    with pytest.raises(DataError, match="No such file or directory; check"):
        cache.write_atomically(tmp_path / "missing" / "file", lambda file: None)


def hold(path: Path, held, done) -> None:
    with cache.locked(path, 5):
        held.set()
        done.wait(60)


def test_another_process_waits_for_the_lock(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    held, done = spawn.Event(), spawn.Event()
    process = spawn.Process(target=hold, args=(tmp_path / "file", held, done))
    process.start()
    assert held.wait(60)
    with pytest.raises(DataError, match="wait for it, or end it"), cache.locked(tmp_path / "file", 0.1):
        pass
    done.set()
    with cache.locked(tmp_path / "file", 60):
        process.join()
    assert process.exitcode == 0


def test_a_lock_is_free_again_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="inside"), cache.locked(tmp_path / "file", 0.1):
            raise ValueError("inside")


def test_a_file_gets_its_name_when_the_disk_has_all_of_it(tmp_path, monkeypatch):
    path, seen = tmp_path / "file", []
    monkeypatch.setattr(os, "fsync", lambda number: seen.append((os.fstat(number).st_size, path.exists())))
    cache.write_atomically(path, lambda file: file.write(b"new"))
    assert seen == [(3, False)]


def test_two_may_write_one_file_at_once(tmp_path):
    path = tmp_path / "file"

    def write(file):
        file.write(b"one")
        cache.write_atomically(path, lambda other: other.write(b"other"))

    cache.write_atomically(path, write)
    assert path.read_bytes() == b"one"
