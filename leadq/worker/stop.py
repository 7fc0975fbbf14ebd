"""Signals: what asks a worker to end or to pause, and a sleep that such a signal cuts short."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from types import FrameType, TracebackType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)  # the last: its terminal was closed
NOW_SIGNAL = signal.SIGQUIT  # what a parent sends its children when it is asked to stop a second time
PAUSE_SIGNALS = (signal.SIGUSR2, signal.SIGCONT)
SIGNALS = (*STOP_SIGNALS, *PAUSE_SIGNALS)
ORPHAN_CHECK_SECONDS = 1.0  # how often a sleeping child asks whether its parent still lives


class StopNow(BaseException):
    """The second signal: breaks off the running job."""


class StopRequest:
    """Catches a worker's signals while it is entered.

    The first SIGTERM, SIGINT, SIGQUIT or SIGHUP sets `requested`; the current job goes on. A further one raises
    StopNow, but only inside a `breakable` block, where that loses nothing. SIGUSR2 sets `paused`, SIGCONT
    unsets it. `times_requested` counts those that ask to stop. Under nohup SIGHUP stays ignored.

    The handlers write a byte to a pipe that `sleep` selects on. They take no lock: threading.Event.set() in
    a handler can deadlock with the code that it interrupts (https://bugs.python.org/issue41606).

    Args:
        parent: the process that started this one, for a child: its death is a request to stop, too.
    """

    def __init__(self, *, parent: int | None = None) -> None:
        self.paused = False
        self._parent = parent
        self.times_requested = 0
        self._breakable = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}
        self._pipe: tuple[int, int] | None = None

    @property
    def requested(self) -> bool:
        """Whether to stop after the current job."""
        return self.times_requested > 0 or (self._parent is not None and os.getppid() != self._parent)

    def __enter__(self) -> StopRequest:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._pipe = (reader, writer)
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle_stop)
        for number in PAUSE_SIGNALS:
            self._previous[number] = signal.signal(number, self._handle_pause)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, (*STOP_SIGNALS, *PAUSE_SIGNALS)
        )  # a child is forked with them blocked
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.forget()

    def forget(self) -> None:
        """Puts the handlers from before back; in a child, those of the parent's parent."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def breakable(self) -> Breakable:
        """A block that a second signal breaks off with StopNow."""
        return Breakable(self)

    def sleep(self, seconds: float) -> None:
        """Waits, but not when the worker is asked to stop, nor past any other signal."""
        until = time.monotonic() + seconds
        while not self.requested and (left := until - time.monotonic()) > 0:
            if self.nap(left if self._parent is None else min(left, ORPHAN_CHECK_SECONDS)):
                return

    def nap(self, seconds: float) -> bool:
        """Waits, asked to stop or not, and returns whether a signal has cut it short."""
        if self._pipe is None or not select.select([self._pipe[0]], [], [], seconds)[0]:
            return False
        with suppress(BlockingIOError):
            os.read(self._pipe[0], 1024)
        return True

    def set_breakable(self, breakable: bool) -> None:
        """See `breakable`. Raises StopNow where the second signal has come already."""
        self._breakable = breakable
        if breakable and self.times_requested > 1:
            self._breakable = False
            raise StopNow

    def _handle_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._parent is None:
            self.times_requested += 1
        else:  # a supervisor may signal parent and children alike: only what the parent alone sends means "now"
            self.times_requested = max(self.times_requested, 2 if number == NOW_SIGNAL else 1)
        self._wake()
        if self.times_requested > 1 and self._breakable:
            self._breakable = False
            raise StopNow

    def _handle_pause(self, number: int, _frame: FrameType | None) -> None:
        self.paused = number == signal.SIGUSR2
        self._wake()

    def _wake(self) -> None:
        if self._pipe is not None:
            with suppress(BlockingIOError):  # full: it wakes the sleeper all the same
                os.write(self._pipe[1], b"!")


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
