"""How often a job is tried, and how long it waits in between."""

from __future__ import annotations

import time

import pytest

from tests.homes import Home
from tests.process.signs import failed_job, make_due, notes, own_job

pytestmark = pytest.mark.sqlite_only("about attempts, whatever the store")


def work_off(home: Home, *flags: object) -> None:
    home.run("work", "--stop-when-empty", "--backoff", 0, *flags)


def test_a_jobs_own_tries_beat_the_flag(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=9, MAXTRIES=2))
    work_off(jobs_home, "--tries", 5)
    assert notes(jobs_home) == ["attempt 1", "attempt 2", "failed for good: RuntimeError"]
    failed = failed_job(jobs_home)
    assert failed["attempts"] == 2
    assert failed["error"] == "RuntimeError: not yet, at last"
    assert "Traceback (most recent call last)" in failed["exception"]


def test_the_flag_holds_for_a_job_that_names_no_tries(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=9))
    work_off(jobs_home, "--tries", 4)
    assert failed_job(jobs_home)["attempts"] == 4


@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError"])
def test_whatever_a_job_raises_is_a_failed_attempt_and_the_worker_goes_on(jobs_home: Home, what: str) -> None:
    jobs_home.insert_job(own_job("Raising", what=what))
    jobs_home.insert_job(own_job("Note", text="next"))
    work_off(jobs_home, "--tries", 2, "--max-jobs", 9)
    assert notes(jobs_home) == ["attempt 1", "attempt 2", "next"]
    failed = failed_job(jobs_home)
    assert failed["attempts"] == 2
    assert failed["error"].startswith(what)


def test_no_tries_means_no_end_of_them(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=7))
    jobs_home.insert_job(own_job("Flaky", failures=4, MAXTRIES=0))
    work_off(jobs_home, "--tries", 0)
    assert sorted(notes(jobs_home)) == sorted(f"attempt {n}" for last in (8, 5) for n in range(1, last + 1))
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0


def test_a_jobs_own_unlimited_tries_beat_the_flag(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=4, MAXTRIES=0))
    work_off(jobs_home, "--tries", 1)
    assert notes(jobs_home)[-1] == "attempt 5"
    assert jobs_home.count("failed_jobs") == 0


def test_three_attempts_wait_60_and_360_seconds_give_or_take_a_tenth(jobs_home: Home) -> None:
    for number in range(20):
        jobs_home.insert_job(own_job("Flaky", failures=9, text=str(number)))
    for step in (60, 360):
        began = int(time.time())
        jobs_home.run("work", "--stop-when-empty")
        ended = int(time.time())
        waits = [available_at for (available_at,) in jobs_home.sql("SELECT available_at FROM jobs")]
        assert len(waits) == 20
        assert min(waits) >= began + step * 0.9
        assert max(waits) <= ended + step * 1.1 + 1
        assert len(set(waits)) > 3  # so that jobs which failed together do not come back together
        make_due(jobs_home)
    jobs_home.run("work", "--stop-when-empty")
    assert jobs_home.sql("SELECT DISTINCT attempts FROM failed_jobs") == [(3,)]


def test_the_last_backoff_repeats_and_a_jobs_own_beats_the_flag(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=9, BACKOFF=[100, 1000]))
    for step in (100, 1000, 1000):
        jobs_home.run("work", "--once", "--tries", 9, "--backoff", "5")
        ((available_at,),) = jobs_home.sql("SELECT available_at FROM jobs")
        assert step * 0.9 - 30 <= available_at - time.time() <= step * 1.1 + 1
        make_due(jobs_home)


def test_a_delayed_attempt_is_not_made_before_its_time(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Flaky", failures=1))
    jobs_home.run("work", "--stop-when-empty")
    jobs_home.run("work", "--once")
    assert notes(jobs_home) == ["attempt 1"]
    assert jobs_home.json("size")["delayed"] == 1
