"""The limit on one attempt."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from leadq.worker.timeout import Alarm, AttemptTimedOut


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm()
    yield alarm
    alarm.close()


def outlive(alarm: Alarm, seconds: float) -> None:
    """Waits in a system call for much longer than the limit, as a job that eats every Exception."""
    alarm.start(seconds)
    with suppress(Exception):
        signal.sigtimedwait([], 10)


def test_what_outlives_its_limit_is_interrupted_and_no_broad_except_swallows_that(alarm: Alarm) -> None:
    began = time.monotonic()
    with pytest.raises(AttemptTimedOut):
        outlive(alarm, 0.05)
    assert time.monotonic() - began < 5


def test_what_ends_in_time_is_left_alone_and_so_is_what_follows(alarm: Alarm) -> None:
    alarm.start(60)
    alarm.stop()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    signal.raise_signal(signal.SIGALRM)  # one that was under way


def test_it_serves_again_and_again(alarm: Alarm) -> None:
    for _ in range(2):
        with pytest.raises(AttemptTimedOut):
            outlive(alarm, 0.02)
        alarm.stop()


def test_the_previous_handler_is_put_back_at_its_end(alarm: Alarm) -> None:
    def handler(_number: int, _frame: object) -> None:
        pytest.fail("nobody sent the signal")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        alarm.start(60)
        alarm.close()
        assert signal.getsignal(signal.SIGALRM) is handler
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_zero_sets_no_limit(alarm: Alarm) -> None:
    handler = signal.getsignal(signal.SIGALRM)
    alarm.start(0)
    assert signal.getsignal(signal.SIGALRM) is handler


def test_outside_the_main_thread_a_limit_is_refused_rather_than_ignored(alarm: Alarm) -> None:
    seen: list[BaseException] = []

    def attempt() -> None:
        try:
            alarm.start(1)
        except ValueError as error:
            seen.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(seen) == 1
