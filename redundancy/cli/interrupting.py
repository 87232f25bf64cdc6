"""An interrupt that ends as one, whatever the code that it reaches in the middle of its work makes of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """What goes wrong after an interrupt is that interrupt.

    Python raises KeyboardInterrupt in whatever it runs next. Between Python and a library's compiled code that comes
    back as an error of the library, or as a SystemError. May be nested; elsewhere than in the main thread, which alone
    is interrupted, it does nothing.

    Raises:
        KeyboardInterrupt: Any exception came after an interrupt.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
