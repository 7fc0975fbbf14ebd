"""Signals: what asks a worker to end, and a sleep that such a signal cuts short."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import FrameType, TracebackType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class StopNow(BaseException):
    """The second signal: breaks off the running job."""


class StopRequest:
    """Catches SIGTERM, SIGINT and SIGQUIT while it is entered.

    The first one sets `requested`; the current job goes on. A further one raises StopNow, but only inside
    a `breakable` block, where that loses nothing.

    The handler writes a byte to a pipe that `sleep` selects on. It takes no lock: threading.Event.set() in
    a handler can deadlock with the code that it interrupts (https://bugs.python.org/issue41606).
    """

    def __init__(self) -> None:
        self.requested = False
        self._hurried = False
        self._breakable = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}
        self._pipe: tuple[int, int] | None = None

    def __enter__(self) -> StopRequest:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._pipe = (reader, writer)
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def breakable(self) -> Breakable:
        """A block that a second signal breaks off with StopNow."""
        return Breakable(self)

    def sleep(self, seconds: float) -> None:
        """Waits, but not when the worker is asked to stop."""
        if self.requested or seconds <= 0 or self._pipe is None:
            return
        select.select([self._pipe[0]], [], [], seconds)

    def set_breakable(self, breakable: bool) -> None:
        """See `breakable`. Raises StopNow where the second signal has come already."""
        self._breakable = breakable
        if breakable and self._hurried:
            raise StopNow

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._hurried = self.requested
        self.requested = True
        if self._pipe is not None:
            with suppress(BlockingIOError):  # full: it wakes the sleeper all the same
                os.write(self._pipe[1], b"!")
        if self._hurried and self._breakable:
            self._breakable = False
            raise StopNow


class Breakable:
    """See StopRequest.breakable."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        self._stop.set_breakable(True)

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set_breakable(False)
