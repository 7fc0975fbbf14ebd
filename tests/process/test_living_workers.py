"""A worker that lives keeps its job, however long it runs and whatever befalls the clock and the database."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from tests.homes import Home, eventually
from tests.process.signs import idle_worker, let_go, notes, own_job, until_held

JUMPING_CLOCK = """
from pathlib import Path
from leadq import clock


def jumping(now):
    return lambda *clock: now(*clock) + (1000 if Path("jumped").exists() else 0)


{which}.now = jumping({which}.now)
"""

SLOW_BEAT = """
import time
from pathlib import Path
from leadq.store.workers import Workers

beat = Workers.beat


def slow_beat(self, *arguments, **named):
    if Path("slow").exists():
        time.sleep(4)
    beat(self, *arguments, **named)


Workers.beat = slow_beat
"""

BROKEN_BEAT = """
from pathlib import Path
from leadq.store.workers import Workers

beat = Workers.beat


def broken_beat(self, *arguments, **named):
    if Path("broken").exists():
        Path("broken").unlink()
        raise RuntimeError("a fault of leadq's own")
    beat(self, *arguments, **named)


Workers.beat = broken_beat
"""


def add_module_beside_own_jobs(home: Home, name: str, source: str) -> None:
    known = home.environment["LEADQ_JOBS"]
    home.add_module(name, source)
    home.environment["LEADQ_JOBS"] = f"{known},{name}"


def never_within(condition: object, seconds: float) -> bool:
    """Whether `condition` stays false for so long."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return False
        time.sleep(0.02)
    return True


def test_a_job_longer_than_the_lease_runs_once_beside_idle_workers(jobs_home: Home) -> None:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "2"
    jobs_home.insert_job(own_job("Lasting", seconds=6))
    parent = jobs_home.start("work", "--processes", 3)
    eventually(lambda: "ends" in notes(jobs_home))
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(parent).exit_code == 0
    assert notes(jobs_home) == ["begins, attempt 1", "ends"]
    assert jobs_home.log.count("Job started") == jobs_home.log.count("Job done") == 1


@pytest.mark.sqlite_only("one lock for the whole file")
def test_nobody_takes_its_job_when_the_database_was_locked_for_longer_than_the_lease(jobs_home: Home) -> None:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "3"
    jobs_home.insert_job(own_job("Held", name="long"))
    busy = jobs_home.start("work")
    until_held(jobs_home, "long")
    idle = idle_worker(jobs_home)
    other = sqlite3.connect(jobs_home.path / "storage" / "leadq.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(7)  # no beat is written meanwhile
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert never_within(lambda: jobs_home.sql("SELECT attempts FROM jobs") != [(1,)], 3)
    let_go(jobs_home, "long")
    eventually(lambda: notes(jobs_home) == ["long"])
    assert jobs_home.stop(busy).exit_code == jobs_home.stop(idle).exit_code == 0


@pytest.mark.parametrize(
    "which",
    ["clock", pytest.param("clock.DatabaseClock", marks=pytest.mark.mariadb_only("a server has a clock of its own"))],
)
def test_nobody_takes_its_job_when_the_clock_jumps_as_after_a_suspended_host(jobs_home: Home, which: str) -> None:
    add_module_beside_own_jobs(jobs_home, "jumping_clock", JUMPING_CLOCK.replace("{which}", which))
    jobs_home.insert_job(own_job("Held", name="long"))
    busy = jobs_home.start("work")
    until_held(jobs_home, "long")
    idle = idle_worker(jobs_home)
    (jobs_home.path / "jumped").touch()
    kept = never_within(lambda: jobs_home.sql("SELECT attempts FROM jobs") != [(1,)], 6.5)  # two sweeps
    let_go(jobs_home, "long")
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(busy).exit_code == jobs_home.stop(idle).exit_code == 0
    assert kept
    assert notes(jobs_home) == ["long"]


def test_a_worker_that_was_taken_for_dead_says_that_it_lives_before_it_takes_a_further_job(jobs_home: Home) -> None:
    add_module_beside_own_jobs(jobs_home, "slow_beat", SLOW_BEAT)
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "1"
    jobs_home.insert_job(own_job("Held", name="first"))
    sleeper = jobs_home.start("work")
    until_held(jobs_home, "first")
    sleeper.send_signal(signal.SIGSTOP)
    sweeper = idle_worker(jobs_home, "--queue", "other")
    eventually(lambda: jobs_home.sql("SELECT reserved_at FROM jobs") == [(None,)])
    jobs_home.sql("DELETE FROM jobs")
    jobs_home.insert_job(own_job("Held", name="second"))
    (jobs_home.path / "slow").touch()
    let_go(jobs_home, "first")
    sleeper.send_signal(signal.SIGCONT)
    until_held(jobs_home, "second")
    kept = never_within(lambda: jobs_home.sql("SELECT reserved_at FROM jobs") == [(None,)], 3)
    (jobs_home.path / "slow").unlink()
    let_go(jobs_home, "second")
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(sleeper).exit_code == jobs_home.stop(sweeper).exit_code == 0
    assert kept


def test_its_beat_survives_a_fault_of_leadqs_own_and_the_log_tells_of_that(jobs_home: Home) -> None:
    add_module_beside_own_jobs(jobs_home, "broken_beat", BROKEN_BEAT)
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "1"
    broken = jobs_home.path / "broken"
    broken.touch()
    worker = idle_worker(jobs_home)
    eventually(lambda: not broken.exists())
    ((seen_at,),) = jobs_home.sql("SELECT seen_at FROM workers")
    eventually(lambda: jobs_home.sql("SELECT seen_at FROM workers") > [(seen_at,)])
    assert jobs_home.stop(worker).exit_code == 0
    assert jobs_home.log.count("RuntimeError: a fault of leadq's own") == 1
