"""One attempt cannot outlive its timeout."""

from __future__ import annotations

import signal
from types import FrameType

AGAIN_SECONDS = 1.0


class AttemptTimedOut(BaseException):
    """Interrupts a job. Not an Exception, so that a job's own `except Exception` does not eat it; and not an
    OSError, which smtplib would take for a dropped connection."""


class Alarm:
    """Raises AttemptTimedOut in the main thread, where Python handles signals.

    Its handler of SIGALRM is set at the first use and stays until `close`: to set it and put the one before back for
    each job takes longer than all else here.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._previous: signal._HANDLER = None
        self._has_handler = False

    def start(self, seconds: float) -> None:
        """From now on the main thread has so long, and is interrupted every second from then on, in case it swallows
        the first one; 0 sets no limit.

        Raises:
            ValueError: this is another thread.
        """
        if seconds <= 0:
            return
        if not self._has_handler:
            self._previous = signal.signal(signal.SIGALRM, self._interrupt)
            self._has_handler = True
        self._is_set = True
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)

    def stop(self) -> None:
        """There is no limit any more."""
        if self._is_set:
            self._is_set = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def close(self) -> None:
        """Puts the handler from before back."""
        self.stop()
        if self._has_handler:
            signal.signal(signal.SIGALRM, self._previous)
            self._has_handler = False

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_set:
            raise AttemptTimedOut
