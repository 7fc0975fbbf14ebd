"""A timeout or a signal strikes while a job waits for the database."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.homes import Home, eventually
from tests.mariadb import MariaDbServer
from tests.process.signs import create_lead, let_go, notes, own_job

pytestmark = pytest.mark.mariadb_only("on SQLite Python looks at a signal when the statement has ended")


@pytest.fixture
def writing(mailing_jobs: Home) -> Home:
    """A home with a job that writes to a lead, and two seconds to do so."""
    create_lead(mailing_jobs)
    mailing_jobs.sql("DELETE FROM jobs")
    mailing_jobs.insert_job(own_job("WriteToStore", name="writing", lead_id=1, TIMEOUT=2))
    let_go(mailing_jobs, "writing")
    return mailing_jobs


@contextmanager
def lead_locked(home: Home, mariadb: MariaDbServer) -> Iterator[None]:
    """The lead is locked inside the block."""
    with mariadb.connected(home.environment["DB_DATABASE"]) as connection:
        connection.begin()
        connection.query("SELECT * FROM leads WHERE id = 1 FOR UPDATE")
        yield
        connection.rollback()


def until_it_waits(mariadb: MariaDbServer) -> None:
    """Returns once a statement waits for the lead."""
    eventually(lambda: mariadb.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0][1] == "1")


def start_in_a_shell(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """Starts a command that Ctrl-C reaches, also where these tests run in the background."""
    command = [sys.executable, "-m", "leadq", *arguments]
    return home.spawn(command, preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL))


def test_a_job_that_waits_for_a_row_is_interrupted_at_its_timeout(writing: Home, mariadb: MariaDbServer) -> None:
    writing.insert_job(own_job("Note", text="next"))
    with lead_locked(writing, mariadb):
        worker = writing.start("work", "--tries", 0, "--backoff", 1)
        eventually(lambda: "Job timed out, will be tried again" in writing.log)
        eventually(lambda: notes(writing) == ["next"])
    eventually(lambda: writing.count("jobs") == 0)
    assert writing.stop(worker).exit_code == 0
    assert notes(writing) == ["next", "writing"]
    assert writing.count("failed_jobs") == 0
    assert "ERROR" not in writing.log


def test_such_a_timeout_counts_and_the_last_one_fails_the_job(writing: Home, mariadb: MariaDbServer) -> None:
    with lead_locked(writing, mariadb):
        writing.run("work", "--stop-when-empty", "--tries", 1)
    ((exception, attempts),) = writing.sql("SELECT exception, attempts FROM failed_jobs")
    assert exception.startswith("TimeoutExceeded: WriteToStore has timed out after 2 s")
    assert attempts == 1
    assert writing.count("jobs") == 0


def test_a_second_signal_breaks_off_a_job_that_waits_for_a_row(writing: Home, mariadb: MariaDbServer) -> None:
    writing.sql("UPDATE jobs SET payload = replace(payload, '\"timeout\": 2', '\"timeout\": 60')")
    with lead_locked(writing, mariadb):
        worker = writing.start("work")
        until_it_waits(mariadb)
        worker.send_signal(signal.SIGTERM)
        assert writing.stop(worker, signal.SIGINT).exit_code == 0
        assert "the worker was told to stop at once" in writing.log
    assert writing.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    writing.run("work", "--stop-when-empty")
    assert notes(writing) == ["writing"]


def test_ctrl_c_ends_a_command_that_waits_for_a_row(writing: Home, mariadb: MariaDbServer) -> None:
    with lead_locked(writing, mariadb):
        shell = start_in_a_shell(writing, "lead", "assign", "1", "1")
        until_it_waits(mariadb)
        told = writing.stop(shell, signal.SIGINT)
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == "Error: interrupted\n"
