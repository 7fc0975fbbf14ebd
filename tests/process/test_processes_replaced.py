"""`work --processes N`: who is replaced, by what, and what the flags mean for each."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.process.signs import failed_job, notes, own_job, worker_pids
from tests.process.test_store_failures import READ_ONLY

pytestmark = pytest.mark.sqlite_only("about processes, whatever the store")


def test_a_job_that_ends_its_process_as_if_all_were_well_does_not_cost_a_worker(jobs_home: Home) -> None:
    for _ in range(2):
        jobs_home.insert_job(own_job("Exiting", code=0, MAXTRIES=1))
    parent = jobs_home.start("work", "--processes", 2)
    eventually(lambda: jobs_home.count("failed_jobs") == 2, timeout=10)
    jobs_home.insert_job(own_job("Note", text="next"))
    eventually(lambda: "next" in notes(jobs_home), timeout=5)
    eventually(lambda: len(worker_pids(jobs_home)) == 2)
    assert jobs_home.stop(parent).exit_code == 0


def test_one_that_replaces_a_paused_worker_is_paused(jobs_home: Home) -> None:
    parent = jobs_home.start("work", "--processes", 2)
    eventually(lambda: len(worker_pids(jobs_home)) == 2)
    parent.send_signal(signal.SIGUSR2)
    time.sleep(1)  # longer than a parent takes to pass it on
    victims = worker_pids(jobs_home)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(worker_pids(jobs_home)) == 2 and not set(victims) & set(worker_pids(jobs_home)))
    jobs_home.insert_job(own_job("Note", text="paused"))
    time.sleep(1)
    assert notes(jobs_home) == []
    parent.send_signal(signal.SIGCONT)
    eventually(lambda: notes(jobs_home) == ["paused"])
    assert jobs_home.stop(parent).exit_code == 0


def test_each_worker_rests_after_each_job(jobs_home: Home) -> None:
    for _ in range(4):
        jobs_home.insert_job(own_job("Tick"))
    jobs_home.run("work", "--processes", 2, "--rest", 2, "--stop-when-empty")
    first, _, third, _ = sorted(json.loads(at) for at in notes(jobs_home))
    assert third - first >= 2


def test_the_dead_are_buried_and_all_replaced(jobs_home: Home) -> None:
    parent = jobs_home.start("work", "--processes", 3)
    eventually(lambda: len(worker_pids(jobs_home)) == 3)
    victims = worker_pids(jobs_home)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in victims))
    eventually(lambda: len(worker_pids(jobs_home)) == 3 and not set(victims) & set(worker_pids(jobs_home)), timeout=5)
    assert jobs_home.stop(parent).exit_code == 0
    assert jobs_home.log.count('"end": "killed by SIGKILL"') == 3
    assert jobs_home.count("workers") == 0


@pytest.mark.parametrize("flags", [(), ("--processes", 3)], ids=["one worker", "three workers"])
def test_a_store_that_cannot_be_written_at_the_start_is_told_once(jobs_home: Home, flags: tuple[object, ...]) -> None:
    jobs_home.add_module("read_only", READ_ONLY)
    (jobs_home.path / "read-only").touch()
    worker = jobs_home.start("work", *flags)
    eventually(lambda: worker.poll() is not None, timeout=5)
    ended = jobs_home.ended(worker)
    assert ended.exit_code == 1
    assert ended.stderr.count("the database cannot be written") == 1
    assert "Traceback" not in ended.stderr


def test_a_job_that_kills_every_worker_does_not_keep_them_from_ending(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Fatal"))
    jobs_home.run("work", "--processes", 2, "--tries", 2, "--stop-when-empty")
    assert failed_job(jobs_home)["attempts"] == 2
    assert notes(jobs_home) == ["attempt 1", "attempt 2", "failed for good: TooManyAttempts"]
    assert jobs_home.count("jobs") == jobs_home.count("workers") == 0
