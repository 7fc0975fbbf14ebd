"""`work --processes N`: workers under one parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pexpect
import pytest

from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.process.signs import (
    is_running,
    let_go,
    notes,
    own_job,
    until_held,
    until_it_beats,
    worker_pids,
)

about_processes = pytest.mark.sqlite_only("about processes, whatever the store")


def held_jobs(home: Home, count: int) -> list[str]:
    names = [f"held-{number}" for number in range(count)]
    for name in names:
        home.insert_job(own_job("Held", name=name))
    return names


def started(home: Home, count: int, *flags: object) -> tuple[subprocess.Popen[str], list[int]]:
    """A parent, and its children once they are all registered."""
    parent = home.start("work", "--processes", count, *flags)
    eventually(lambda: len(worker_pids(home)) == count)
    return parent, worker_pids(home)


def test_so_many_jobs_run_at_once(jobs_home: Home) -> None:
    names = held_jobs(jobs_home, 3)
    parent = jobs_home.start("work", "--processes", 3, "--stop-when-empty")
    for name in names:
        until_held(jobs_home, name)
    for name in names:
        let_go(jobs_home, name)
    assert jobs_home.ended(parent).exit_code == 0
    assert sorted(notes(jobs_home)) == names
    assert jobs_home.count("workers") == 0


@about_processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_one_signal_lets_every_worker_end_its_job(jobs_home: Home, number: signal.Signals) -> None:
    names = held_jobs(jobs_home, 2)
    parent, children = started(jobs_home, 2)
    for name in names:
        until_held(jobs_home, name)
    jobs_home.insert_job(own_job("Note", text="next"))
    parent.send_signal(number)
    for name in names:
        until_it_beats(jobs_home, name)
        let_go(jobs_home, name)
    assert jobs_home.ended(parent).exit_code == 0
    assert sorted(notes(jobs_home)) == names
    assert jobs_home.count("jobs") == 1
    assert not any(is_running(pid) for pid in children)


def test_a_second_signal_gives_the_jobs_back(jobs_home: Home) -> None:
    names = held_jobs(jobs_home, 2)
    parent, _ = started(jobs_home, 2)
    for name in names:
        until_held(jobs_home, name)
    parent.send_signal(signal.SIGTERM)
    for name in names:
        until_it_beats(jobs_home, name)
    assert jobs_home.stop(parent, signal.SIGINT).exit_code == 0
    assert notes(jobs_home) == []
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None), (0, None)]


@about_processes
def test_ctrl_c_on_a_terminal_is_one_signal_and_not_two(jobs_home: Home) -> None:
    held_jobs(jobs_home, 1)
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "leadq", "work", "--processes", "2"],
        cwd=str(jobs_home.path),
        env={**os.environ, **jobs_home.environment},
        timeout=PATIENCE_SECONDS,
    )
    try:
        until_held(jobs_home, "held-0")
        terminal.sendintr()
        until_it_beats(jobs_home, "held-0")
        let_go(jobs_home, "held-0")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close(force=True)
    assert terminal.exitstatus == 0
    assert notes(jobs_home) == ["held-0"]
    assert jobs_home.count("jobs") == 0


def test_a_worker_that_is_killed_is_replaced_and_its_job_runs_again(jobs_home: Home) -> None:
    held_jobs(jobs_home, 1)
    parent, children = started(jobs_home, 2)
    until_held(jobs_home, "held-0")
    ((victim,),) = jobs_home.sql("SELECT pid FROM workers WHERE id = (SELECT worker_id FROM jobs)")
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: jobs_home.sql("SELECT attempts FROM jobs WHERE reserved_at IS NOT NULL") == [(2,)], timeout=8)
    eventually(lambda: len(worker_pids(jobs_home)) == 2 and victim not in worker_pids(jobs_home))
    let_go(jobs_home, "held-0")
    eventually(lambda: notes(jobs_home) == ["held-0"])
    assert jobs_home.stop(parent).exit_code == 0
    assert f'Worker process died {{"pid": {victim}, "end": "killed by SIGKILL"' in jobs_home.log
    assert not any(is_running(pid) for pid in children)


@about_processes
def test_workers_that_die_young_are_replaced_after_pauses_that_grow(jobs_home: Home) -> None:
    for _ in range(3):
        jobs_home.insert_job(own_job("Exiting", MAXTRIES=1))
    parent = jobs_home.start("work", "--processes", 2)
    eventually(lambda: jobs_home.log.count("Worker process died") == 3 and jobs_home.count("failed_jobs") == 3)
    pauses = [float(pause) for pause in re.findall(r'"replaced_in_s": ([\d.]+)', jobs_home.log)]
    assert len(pauses) == 3
    assert sorted(set(pauses)) in ([1.0, 2.0], [1.0, 2.0, 4.0])
    assert jobs_home.stop(parent).exit_code == 0


@about_processes
def test_a_worker_over_its_memory_is_replaced(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Greedy"))
    parent, children = started(jobs_home, 2)
    eventually(lambda: '"end": "exit code 12"' in jobs_home.log)
    eventually(lambda: len(worker_pids(jobs_home)) == 2 and worker_pids(jobs_home) != children)
    assert jobs_home.stop(parent).exit_code == 0


@about_processes
def test_workers_that_have_reached_an_end_they_were_given_are_not_replaced(jobs_home: Home) -> None:
    for number in range(5):
        jobs_home.insert_job(own_job("Note", text=str(number)))
    jobs_home.run("work", "--processes", 2, "--max-jobs", 2)
    assert len(notes(jobs_home)) == 4
    assert jobs_home.count("jobs") == 1
    assert "Worker process died" not in jobs_home.log


def test_when_the_parent_is_killed_the_workers_end_their_jobs_and_stop(jobs_home: Home) -> None:
    held_jobs(jobs_home, 1)
    parent, children = started(jobs_home, 2, "--sleep", 60)
    until_held(jobs_home, "held-0")
    jobs_home.insert_job(own_job("Note", text="next"), delay=3600)
    parent.kill()
    parent.wait()
    eventually(lambda: sum(is_running(pid) for pid in children) == 1, timeout=10)  # the idle one
    let_go(jobs_home, "held-0")
    eventually(lambda: not any(is_running(pid) for pid in children), timeout=10)
    assert notes(jobs_home) == ["held-0"]
    assert jobs_home.count("workers") == 0
    assert jobs_home.count("jobs") == 1


@about_processes
@pytest.mark.parametrize("flags", [[], ["--processes", 2]])
def test_usr2_pauses_and_cont_lets_go_on(jobs_home: Home, flags: list[object]) -> None:
    worker = jobs_home.start("work", *flags)
    eventually(lambda: len(worker_pids(jobs_home)) == (2 if flags else 1))
    worker.send_signal(signal.SIGUSR2)
    time.sleep(1)  # longer than a parent takes to pass it on
    jobs_home.insert_job(own_job("Note", text="paused"))
    time.sleep(0.5)
    assert notes(jobs_home) == []
    worker.send_signal(signal.SIGCONT)
    eventually(lambda: notes(jobs_home) == ["paused"])
    worker.send_signal(signal.SIGUSR2)
    assert jobs_home.stop(worker).exit_code == 0


@about_processes
def test_each_worker_has_a_name_of_its_own(jobs_home: Home) -> None:
    parent, _ = started(jobs_home, 2, "--name", "night")
    assert [name for (name,) in jobs_home.sql("SELECT name FROM workers ORDER BY name")] == ["night-1", "night-2"]
    assert jobs_home.stop(parent).exit_code == 0


@pytest.mark.sqlite_only("a file that is not there")
def test_a_database_that_is_not_there_is_told_once(jobs_home: Home) -> None:
    (jobs_home.path / "storage" / "leadq.db").unlink()
    ended = jobs_home.run("work", "--processes", 3, exit_code=1)
    assert ended.stderr.count("there is no database at") == 1
    assert not (jobs_home.path / "storage" / "leadq.db").exists()


@about_processes
def test_a_wrong_setting_is_told_once(jobs_home: Home) -> None:
    jobs_home.environment["MAIL_PORT"] = "none"
    ended = jobs_home.run("work", "--processes", 3, exit_code=1)
    assert ended.stderr.count("MAIL_PORT=none is wrong") == 1


@about_processes
def test_once_and_processes_contradict_each_other(jobs_home: Home) -> None:
    told = jobs_home.run("work", "--once", "--processes", 2, exit_code=2).stderr
    assert "--once runs one job, so it cannot be combined with --processes." in told


@about_processes
@pytest.mark.parametrize("count", ["0", "-1", "many", "100000"])
def test_an_impossible_number_of_workers_is_wrong_usage(jobs_home: Home, count: str) -> None:
    assert "--processes" in jobs_home.run("work", "--processes", count, exit_code=2).stderr
