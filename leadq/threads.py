"""Threads beside the main one."""

from __future__ import annotations

import signal
import threading

MAIN_THREADS_OWN = (
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR2,
    signal.SIGCONT,
)


def start_unsignalled(thread: threading.Thread) -> None:
    """Starts a thread that no signal is delivered to.

    The kernel gives a signal to any thread that takes it, and Python runs its handler in the main thread, but
    only once that comes back from its system call (https://docs.python.org/3/library/signal.html): a
    worker that waits for a mail server would not notice.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, MAIN_THREADS_OWN)  # a new thread inherits the mask
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
