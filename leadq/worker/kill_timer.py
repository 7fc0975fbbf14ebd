"""A timer that ends this process at its time, whatever it is doing.

Python's own, faulthandler.dump_traceback_later, starts and joins a thread for each job, which takes longer than a short
job does. Linux has one in the kernel (timer_create(2)) that costs two system calls.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from functools import lru_cache
from typing import IO, Any

SIGNAL = signal.SIGVTALRM  # nobody else's here; its default is the end of the process
CLOCK_MONOTONIC = 1
SIGEV_SIGNAL = 0


class _SigEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("_rest", ctypes.c_byte * 48),  # its size is 64 bytes on every 64-bit Linux
    )


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


@lru_cache
def _time(seconds: float) -> Any:
    """A reference to it, as the kernel takes it: a worker's jobs have few different ones."""
    whole, rest = divmod(seconds, 1)
    return ctypes.byref(_Itimerspec(seconds=int(whole), nanoseconds=int(rest * 1e9)))


class ThreadTimer:
    """Python's own, for where there is no other.

    Args:
        file: where every thread is goes there; None stands for stderr.
    """

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file

    def start(self, seconds: float) -> None:
        """From now on the process has so long; a time set before counts no more."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._file or sys.stderr)

    def stop(self) -> None:
        """There is no limit any more."""
        faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """There is nothing to give back."""


class KillTimer:
    """Writes where every thread is into `file`, and ends the process.

    For the process that makes it: a timer is not inherited by a fork.

    Raises:
        OSError: this system has no such timer.
    """

    def __init__(self, file: IO[str]) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._library, "timer_create"):
            raise OSError("this system has no timer_create")
        self._timer = ctypes.c_void_p()
        event = _SigEvent(signo=SIGNAL, notify=SIGEV_SIGNAL)
        # written from C, where it needs nothing of the interpreter, and then the signal's default ends the process
        faulthandler.register(SIGNAL, file=file, all_threads=True, chain=True)
        if self._library.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def start(self, seconds: float) -> None:
        """From now on the process has so long; a time set before counts no more."""
        self._set(_time(seconds))

    def stop(self) -> None:
        """There is no limit any more."""
        self._set(_time(0))

    def close(self) -> None:
        """Gives it back to the kernel."""
        self._library.timer_delete(self._timer)
        faulthandler.unregister(SIGNAL)

    def _set(self, time: Any) -> None:
        if self._library.timer_settime(self._timer, 0, time, None):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
