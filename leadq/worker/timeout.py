"""One attempt cannot outlive its timeout."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_SECONDS = 1.0


class AttemptTimedOut(BaseException):
    """Interrupts a job. Not an Exception, so that a job's own `except Exception` does not eat it; and not an
    OSError, which smtplib would take for a dropped connection."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises AttemptTimedOut inside the block once it has run for `seconds`, and every second from then on, in
    case the first one is swallowed; 0 sets no limit.

    Works in the main thread alone, where Python handles signals: elsewhere it raises ValueError.
    """
    if seconds <= 0:
        yield
        return
    armed = True

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if armed:
            raise AttemptTimedOut

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
