"""`restart`: every worker ends after its current job, on every host, and its supervisor starts it anew."""

from __future__ import annotations

import os
import signal

import pytest

from tests.homes import Home, eventually
from tests.process.signs import (
    idle_worker,
    is_running,
    let_go,
    notes,
    own_job,
    until_held,
    until_it_beats,
    worker_pids,
)


def stopped_for_restart(home: Home) -> int:
    """How many workers have ended with that reason."""
    return home.log.count('"reason": "restart"')


@pytest.mark.parametrize("sleep", [0, 3600])
def test_an_idle_worker_ends(jobs_home: Home, sleep: int) -> None:
    worker = idle_worker(jobs_home, "--sleep", sleep)
    eventually(lambda: worker_pids(jobs_home) == [worker.pid])
    assert jobs_home.json("restart") == {"workers": 1}
    assert jobs_home.ended(worker).exit_code == 0
    assert stopped_for_restart(jobs_home) == 1
    assert jobs_home.count("workers") == 0


def test_a_busy_worker_ends_after_its_job(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="one"))
    jobs_home.insert_job(own_job("Note", text="next"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "one")
    jobs_home.leadq("restart")
    for _ in range(40):  # longer than it goes without a look
        until_it_beats(jobs_home, "one")
    let_go(jobs_home, "one")
    assert jobs_home.ended(worker).exit_code == 0
    assert stopped_for_restart(jobs_home) == 1
    assert notes(jobs_home) == ["one"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]


def test_a_worker_with_an_endless_line_of_jobs_ends(jobs_home: Home) -> None:
    for _ in range(100):
        jobs_home.insert_job(own_job("Lasting", seconds=0.1))
    worker = jobs_home.start("work")
    eventually(lambda: notes(jobs_home))
    jobs_home.leadq("restart")
    assert jobs_home.ended(worker).exit_code == 0
    done = notes(jobs_home).count("ends")
    assert done < 100
    assert jobs_home.count("jobs") == 100 - done


def test_a_worker_that_is_paused_ends(jobs_home: Home) -> None:
    jobs_home.leadq("pause", "--all")
    by_command, by_signal = idle_worker(jobs_home), idle_worker(jobs_home, "--sleep", 1)
    eventually(lambda: len(worker_pids(jobs_home)) == 2)
    by_signal.send_signal(signal.SIGUSR2)
    assert jobs_home.json("restart") == {"workers": 2}
    for worker in (by_command, by_signal):
        assert jobs_home.ended(worker).exit_code == 0
    assert stopped_for_restart(jobs_home) == 2


def test_a_worker_that_starts_afterwards_works(jobs_home: Home) -> None:
    jobs_home.leadq("restart")
    worker = idle_worker(jobs_home)
    jobs_home.insert_job(own_job("Note", text="works"))
    eventually(lambda: notes(jobs_home) == ["works"])
    assert jobs_home.stop(worker).exit_code == 0
    assert stopped_for_restart(jobs_home) == 0


def test_a_parent_ends_with_its_workers_and_nobody_is_replaced(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="one"))
    parent = jobs_home.start("work", "--processes", 3)
    until_held(jobs_home, "one")
    eventually(lambda: len(worker_pids(jobs_home)) == 3)
    children = worker_pids(jobs_home)
    assert jobs_home.json("restart") == {"workers": 3}
    eventually(lambda: stopped_for_restart(jobs_home) == 2)
    until_it_beats(jobs_home, "one")
    assert parent.poll() is None
    let_go(jobs_home, "one")
    assert jobs_home.ended(parent).exit_code == 0
    assert stopped_for_restart(jobs_home) == 3
    assert "Worker process died" not in jobs_home.log
    assert jobs_home.log.count("Worker started") == 3
    assert not any(is_running(pid) for pid in children)
    assert notes(jobs_home) == ["one"]
    assert jobs_home.count("workers") == 0


@pytest.mark.sqlite_only("about processes, whatever the store")
def test_a_worker_that_dies_in_a_restart_is_not_replaced(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="one"))
    parent = jobs_home.start("work", "--processes", 2)
    until_held(jobs_home, "one")
    eventually(lambda: len(worker_pids(jobs_home)) == 2)
    ((victim,),) = jobs_home.sql("SELECT pid FROM workers WHERE id = (SELECT worker_id FROM jobs)")
    jobs_home.leadq("restart")
    eventually(lambda: stopped_for_restart(jobs_home) == 1)
    eventually(lambda: children_of(parent.pid) == [victim])
    os.kill(victim, signal.SIGKILL)
    assert jobs_home.ended(parent).exit_code == 0
    assert "replaced_in_s" not in jobs_home.log
    assert jobs_home.log.count("Worker started") == 2


@pytest.mark.sqlite_only("about processes, whatever the store")
def test_a_parent_whose_workers_were_replaced_after_the_signal_ends_too(jobs_home: Home) -> None:
    for name in ("one", "two"):
        jobs_home.insert_job(own_job("Held", name=name))
    parent = jobs_home.start("work", "--processes", 2)
    for name in ("one", "two"):
        until_held(jobs_home, name)
    children = worker_pids(jobs_home)
    jobs_home.leadq("restart")
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    assert jobs_home.ended(parent).exit_code == 0
    assert stopped_for_restart(jobs_home) >= 1
    assert jobs_home.sql("SELECT COUNT(*) FROM jobs") == [(2,)]


def children_of(parent: int) -> list[int]:
    """The processes that a process has forked and not buried yet."""
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as children:
        return [int(pid) for pid in children.read().split()]
