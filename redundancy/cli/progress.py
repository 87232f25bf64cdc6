"""What a person is told while something takes long; nothing where no person is looking."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE = 3.0
"""Seconds before a person is told what takes so long."""

BURST = 0.5
"""Seconds without anything new after which what comes is of another group."""

TICK = 1.0
"""Seconds between two looks at what is done, for a person who is looking."""


@dataclass(slots=True)
class Pace:
    """How long the rest takes of what comes in groups; the first group, which takes longer, counts while it is alone.

    Attributes:
        total: How many there are to come.
        began: When, in seconds.
        done: How many have come.
        last: When the last of them did.
        first: When the last of the first group did, and how many that were.
    """

    total: int
    began: float
    done: int = 0
    last: float = 0.0
    first: tuple[float, int] = (0.0, 0)

    def came(self, now: float) -> None:
        """One more has come."""
        if not self.done or (self.first[1] == self.done and now - self.last < BURST):
            self.first = now, self.done + 1
        self.done, self.last = self.done + 1, now

    def left(self, now: float) -> float | None:
        """Seconds until the last one comes; None where nothing is known yet."""
        if not self.done:
            return None
        since, before = (self.began, 0) if self.first[1] == self.done else self.first
        each = (self.last - since) / (self.done - before)
        return max(0.0, each * (self.total - self.done) - (now - self.last))


@contextmanager
def counted(pace: Pace, what: str) -> Iterator[Callable[[], None]]:
    """Gives what to call for each one that has come; a line on a terminal says how far that is, and is gone in the end.

    Args:
        pace: Of what comes.
        what: Things of that kind, as "runs".
    """
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(TICK):
            now = time.monotonic()
            left = pace.left(now)
            rest = f"{span(now - pace.began)} so far" if left is None else f"about {span(left)} left"
            # ESC [ K clears what a longer line has left.
            print(
                f"\rredundancy: {pace.done:,} of {pace.total:,} {what}, {rest}\x1b[K",
                end="",
                file=sys.stderr,
                flush=True,
            )
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    if sys.stderr.isatty():
        teller.start()
    try:
        yield lambda: pace.came(time.monotonic())
    finally:
        ended.set()
        if teller.ident is not None:
            teller.join()


def span(seconds: float) -> str:
    """A time as people say it: 12 s, 3 min, 1.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def told(what: str) -> Iterator[None]:
    """Says on a terminal what is being done, where that takes long."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(PATIENCE, lambda: print(f"redundancy: {what} ...", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def silenced() -> Iterator[None]:
    """Keeps from a terminal what TensorFlow says while it is loaded, which it says past Python."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def only_ours() -> Iterator[None]:
    """Keeps from a person what libraries tell those who write programs with them: that would point at our lines."""
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
