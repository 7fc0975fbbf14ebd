"""When a worker stops by itself, and when it does not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, idle_worker, notes, own_job
from tests.smtp_servers import MailServer

about_flags = pytest.mark.sqlite_only("about flags, whatever the store")


def add_notes(home: Home, *texts: str) -> None:
    for text in texts:
        home.insert_job(own_job("Note", text=text))


def test_once_with_an_empty_queue_stops_at_once(home: Home) -> None:
    began = time.monotonic()
    assert home.run("work", "--once", "--sleep", 60).stdout == ""
    assert time.monotonic() - began < 5


def test_once_runs_one_job(jobs_home: Home) -> None:
    add_notes(jobs_home, "a", "b")
    jobs_home.run("work", "--once")
    assert notes(jobs_home) == ["a"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]


@about_flags
def test_max_jobs(jobs_home: Home) -> None:
    add_notes(jobs_home, "a", "b", "c")
    jobs_home.run("work", "--max-jobs", 2)
    assert notes(jobs_home) == ["a", "b"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    assert '"reason": "max_jobs"' in jobs_home.log


@about_flags
def test_max_time_ends_an_idle_worker(jobs_home: Home) -> None:
    began = time.monotonic()
    jobs_home.run("work", "--max-time", 1, "--sleep", 60)
    assert 1 <= time.monotonic() - began < 4
    assert '"reason": "max_time"' in jobs_home.log


@about_flags
def test_max_time_ends_a_busy_worker_after_its_job(jobs_home: Home) -> None:
    for _ in range(500):
        jobs_home.insert_job(own_job("Tick"))
    jobs_home.run("work", "--max-time", "0.2", "--rest", "0.05")
    assert 1 <= len(notes(jobs_home)) < 20
    assert jobs_home.sql("SELECT COUNT(*) FROM jobs WHERE reserved_at IS NOT NULL") == [(0,)]


def test_stop_when_empty(jobs_home: Home) -> None:
    add_notes(jobs_home, "a", "b", "c")
    jobs_home.insert_job(own_job("Note", text="later"), delay=3600)
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["a", "b", "c"]
    assert '"reason": "empty"' in jobs_home.log


@about_flags
def test_too_much_memory_ends_the_worker_with_12_after_the_job(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Greedy"))
    add_notes(jobs_home, "next")
    jobs_home.run("work", "--memory", 128, exit_code=12)
    assert notes(jobs_home) == ["greedy"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["greedy", "next"]


@about_flags
def test_rest_is_the_wait_after_each_job(jobs_home: Home) -> None:
    for _ in range(3):
        jobs_home.insert_job(own_job("Tick"))
    jobs_home.run("work", "--rest", "0.5", "--stop-when-empty")
    first, second, third = (json.loads(at) for at in notes(jobs_home))
    assert second - first >= 0.5
    assert third - second >= 0.5


def test_a_delayed_job_is_picked_up_when_it_is_due(mailing: Home, mail_server: MailServer) -> None:
    worker = idle_worker(mailing, "--sleep", 60)
    began = time.time()
    create_lead(mailing, "Later", "--delay", 2)
    mail_server.wait_for(1, timeout=6)
    assert time.time() - began >= 1  # whole seconds are stored: a delay of 2 lasts from 1 to 2
    assert mailing.stop(worker).exit_code == 0


def test_an_idle_worker_picks_up_a_new_lead_at_once(mailing: Home, mail_server: MailServer) -> None:
    worker = idle_worker(mailing, "--sleep", 60)
    for number in range(1, 4):
        create_lead(mailing, str(number))
        mail_server.wait_for(number, timeout=2)
    assert mailing.stop(worker).exit_code == 0
    assert mailing.sql("SELECT COUNT(*) FROM deliveries WHERE status = 'sent'") == [(3,)]


def test_an_idle_worker_hardly_uses_the_processor(home: Home) -> None:
    worker = idle_worker(home, "--sleep", 60)

    def ticks() -> int:
        with open(f"/proc/{worker.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    eventually(lambda: home.count("workers") == 1)  # start-up is over
    before = ticks()
    time.sleep(2)
    assert ticks() - before <= 4  # of 200
    assert home.stop(worker).exit_code == 0


def test_an_idle_worker_without_a_sleep_does_not_burn_the_processor(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 0)
    ticks = processor_ticks(worker.pid)
    time.sleep(1)
    used = processor_ticks(worker.pid) - ticks
    assert used < os.sysconf("SC_CLK_TCK") / 4
    assert jobs_home.stop(worker).exit_code == 0


def processor_ticks(pid: int) -> int:
    """User and system time of a process (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
