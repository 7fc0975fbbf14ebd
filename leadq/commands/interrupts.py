"""Ctrl-C in the middle of a long piece of work: it ends after the step that it is at, so that its count is true."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], bool]]:
    """Inside, Ctrl-C is noted, and the second one strikes at once. Gives a call that says whether one was noted."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if noted:
            signal.default_int_handler(number, frame)
        noted.append(number)

    if threading.current_thread() is not threading.main_thread():  # only that one has handlers
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
