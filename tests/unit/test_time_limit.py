"""The limit on one attempt."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress

import pytest

from leadq.worker.timeout import AttemptTimedOut, time_limit


def test_a_block_that_outlives_its_limit_is_interrupted() -> None:
    began = time.monotonic()
    with pytest.raises(AttemptTimedOut), time_limit(0.05):
        signal.sigtimedwait([], 10)
    assert time.monotonic() - began < 5


def test_a_jobs_own_broad_except_does_not_swallow_the_interruption() -> None:
    with pytest.raises(AttemptTimedOut), time_limit(0.05), suppress(Exception):
        signal.sigtimedwait([], 10)


def test_a_block_that_ends_in_time_is_left_alone_and_so_is_what_follows() -> None:
    with time_limit(0.05):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_previous_handler_is_put_back_after_an_error() -> None:
    def handler(_number: int, _frame: object) -> None:
        pytest.fail("nobody sent the signal")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(ZeroDivisionError), time_limit(60):
            raise ZeroDivisionError
        assert signal.getsignal(signal.SIGALRM) is handler
    finally:
        signal.signal(signal.SIGALRM, before)


def test_zero_sets_no_limit() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with time_limit(0):
        assert signal.getsignal(signal.SIGALRM) is handler


def test_outside_the_main_thread_a_limit_is_refused_rather_than_ignored() -> None:
    seen: list[BaseException] = []

    def attempt() -> None:
        try:
            with time_limit(1):
                pass
        except ValueError as error:
            seen.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(seen) == 1
