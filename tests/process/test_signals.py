"""How a worker is asked to stop."""

from __future__ import annotations

import signal
import time

import pytest

from tests.homes import Home
from tests.process.signs import idle_worker, let_go, notes, own_job, until_held, until_it_beats

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]


@pytest.mark.sqlite_only("about signals, whatever the store")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_lets_the_current_job_end_then_the_worker_stops(jobs_home: Home, number: signal.Signals) -> None:
    jobs_home.insert_job(own_job("Held", name="current"))
    jobs_home.insert_job(own_job("Note", text="next"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "current")
    worker.send_signal(number)
    until_it_beats(jobs_home, "current")
    let_go(jobs_home, "current")
    ended = jobs_home.ended(worker)
    assert ended.exit_code == 0
    assert ended.stderr == ""
    assert notes(jobs_home) == ["current"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    assert jobs_home.count("workers") == 0
    assert '"reason": "interrupted"' in jobs_home.log


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_worker_stops_at_once(jobs_home: Home, number: signal.Signals) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    began = time.monotonic()
    assert jobs_home.stop(worker, number).exit_code == 0
    assert time.monotonic() - began < 3


@pytest.mark.sqlite_only("about signals, whatever the store")
def test_a_worker_that_rests_stops_at_once(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="done"))
    worker = jobs_home.start("work", "--rest", 60)
    assert worker.stdout is not None
    assert worker.stdout.readline().endswith("RUNNING\n")
    assert worker.stdout.readline().endswith("DONE\n")
    began = time.monotonic()
    assert jobs_home.stop(worker).exit_code == 0
    assert time.monotonic() - began < 3


@pytest.mark.sqlite_only("about signals, whatever the store")
def test_a_second_signal_breaks_off_what_a_job_does_about_its_failure(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("HeldInFailed", name="hook"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "hook")
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)
    assert jobs_home.ended(worker).exit_code == 0
    assert (jobs_home.count("jobs"), jobs_home.count("failed_jobs")) == (0, 1)
    assert "HeldInFailed.failed() broken off: the worker was told to stop at once" in jobs_home.log
    assert "Traceback" not in jobs_home.log


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_puts_the_job_back_with_the_attempt_not_counted(
    jobs_home: Home, second: signal.Signals
) -> None:
    jobs_home.insert_job(own_job("Held", name="current"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "current")
    worker.send_signal(signal.SIGTERM)
    until_it_beats(jobs_home, "current")
    ended = jobs_home.stop(worker, second)
    assert ended.exit_code == 0
    assert notes(jobs_home) == []
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    let_go(jobs_home, "current")
    jobs_home.run("work", "--tries", 1, "--stop-when-empty")
    assert notes(jobs_home) == ["current"]
    assert jobs_home.count("failed_jobs") == 0


def test_ten_signals_at_once_lose_nothing(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="current"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "current")
    for _ in range(10):
        for number in SIGNALS:
            worker.send_signal(number)
    assert jobs_home.ended(worker).exit_code == 0
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
