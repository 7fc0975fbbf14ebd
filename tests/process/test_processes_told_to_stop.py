"""`work --processes N` and what ends it: supervisors, terminals, and death."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pexpect
import pytest

from tests.homes import PATIENCE_SECONDS, Home, eventually, heed_hangups
from tests.process.signs import (
    is_running,
    let_go,
    notes,
    own_job,
    processor_seconds,
    until_held,
    until_it_beats,
    worker_pids,
)

pytestmark = pytest.mark.sqlite_only("about processes, whatever the store")

NAMES = ("one", "two")


@pytest.fixture
def held(jobs_home: Home) -> Home:
    """A home with two jobs that are held."""
    for name in NAMES:
        jobs_home.insert_job(own_job("Held", name=name))
    return jobs_home


def until_both_are_held(home: Home) -> None:
    for name in NAMES:
        until_held(home, name)


def let_both_go(home: Home) -> None:
    for name in NAMES:
        let_go(home, name)


@pytest.fixture
def terminal(held: Home) -> Iterator[pexpect.spawn]:
    """A terminal on which two workers hold the two jobs."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "leadq", "work", "--processes", "2"],
        cwd=str(held.path),
        env={**os.environ, **held.environment},
        timeout=PATIENCE_SECONDS,
        preexec_fn=heed_hangups,
    )
    try:
        until_both_are_held(held)
        yield child
    finally:
        workers = worker_pids(held)
        let_both_go(held)
        child.close(force=True)
        eventually(lambda: not any(is_running(pid) for pid in workers))


def beats_for(home: Home, name: str, beats: int) -> None:
    """Waits until the held job has gone on for so long: it notes 100 beats a second at most."""
    file = home.path / f"{name}.running"
    before = file.stat().st_size
    eventually(lambda: file.stat().st_size >= before + beats)


def test_a_supervisor_that_signals_every_process_is_taken_for_one_signal(held: Home) -> None:
    # systemd does so (systemd.kill(5), KillMode=control-group, the default)
    parent = held.start("work", "--processes", 2)
    until_both_are_held(held)
    for pid in worker_pids(held):
        os.kill(pid, signal.SIGTERM)
    for name in NAMES:
        until_it_beats(held, name)
    parent.send_signal(signal.SIGTERM)
    time.sleep(1)  # longer than a parent takes to pass it on
    let_both_go(held)
    assert held.ended(parent).exit_code == 0
    assert sorted(notes(held)) == ["one", "two"]
    assert held.count("jobs") == held.count("workers") == 0


def test_a_parent_that_waits_for_its_workers_hardly_uses_the_processor(held: Home) -> None:
    parent = held.start("work", "--processes", 2)
    until_both_are_held(held)
    parent.send_signal(signal.SIGTERM)
    until_it_beats(held, "one")
    before = processor_seconds(parent.pid)
    time.sleep(1)
    used = processor_seconds(parent.pid) - before
    let_both_go(held)
    assert held.ended(parent).exit_code == 0
    assert used <= 0.05


def test_a_worker_that_dies_while_the_others_end_is_not_replaced_and_its_job_waits(held: Home) -> None:
    parent = held.start("work", "--processes", 2)
    until_both_are_held(held)
    ((victim,),) = held.sql(
        "SELECT pid FROM workers JOIN jobs ON worker_id = workers.id WHERE json_extract(payload, '$.data.name') = 'one'"
    )
    parent.send_signal(signal.SIGTERM)
    until_it_beats(held, "one")
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: "Worker process died" in held.log)
    let_both_go(held)
    assert held.ended(parent).exit_code == 0
    assert held.log.count("Worker started") == 2
    assert "replaced_in_s" not in held.log
    assert notes(held) == ["two"]
    held.run("work", "--stop-when-empty")
    assert notes(held) == ["two", "one"]
    assert held.count("jobs") == held.count("failed_jobs") == 0


def test_ctrl_c_twice_gives_the_jobs_back(held: Home, terminal: pexpect.spawn) -> None:
    terminal.sendintr()
    for name in NAMES:
        beats_for(held, name, 60)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert notes(held) == []
    assert held.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None), (0, None)]
    assert held.count("workers") == 0


def test_when_the_terminal_is_closed_the_workers_end_their_jobs_and_stop(held: Home, terminal: pexpect.spawn) -> None:
    held.insert_job(own_job("Note", text="next"))
    workers = worker_pids(held)
    terminal.ptyproc.fileobj.close()  # the kernel sends SIGHUP to what runs in the foreground: the parent
    for name in NAMES:
        until_it_beats(held, name)
    let_both_go(held)
    assert terminal.wait() == 0
    assert not any(is_running(pid) for pid in workers)
    assert sorted(notes(held)) == ["one", "two"]
    assert held.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    assert held.count("workers") == 0
