"""Another program keeps the rows of jobs locked for longer than anybody waits for them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
import pytest

from tests.homes import Home, eventually
from tests.mariadb import MariaDbServer
from tests.process.signs import create_lead, idle_worker, let_go, notes, own_job, processor_seconds, until_held
from tests.process.test_living_workers import never_within
from tests.smtp_servers import MailServer

SHORT_WAITS = """
import os
from leadq.store import mysql, session

mysql.SESSION = tuple(part.replace("lock_wait_timeout = 5", "lock_wait_timeout = 1") for part in mysql.SESSION)
assert "innodb_lock_wait_timeout = 1" in mysql.SESSION[0]
session.CONTENTION_SECONDS = float(os.environ["GIVE_UP_AFTER"])
"""

WATCHED_SECONDS = 3

pytestmark = pytest.mark.mariadb_only("SQLite locks no rows; test_locked_database.py shows the same for its file")


def wait_shortly(home: Home, *, give_up_after: float) -> None:
    """Has workers wait one second for a row, and begin anew until so many seconds are over."""
    (home.path / "short_waits.py").write_text(SHORT_WAITS)
    home.environment["LEADQ_JOBS"] += ",short_waits"
    home.environment["GIVE_UP_AFTER"] = str(give_up_after)


@contextmanager
def locked(mariadb: MariaDbServer, home: Home, job_id: int) -> Iterator[pymysql.Connection]:
    """This job is locked inside the block."""
    with mariadb.connected(home.environment["DB_DATABASE"]) as connection:
        connection.begin()
        assert connection.query(f"SELECT * FROM jobs WHERE id = {job_id} FOR UPDATE") == 1
        yield connection
        connection.rollback()


def test_the_end_of_a_job_is_recorded_when_its_row_is_free_and_meanwhile_others_run(
    mailing_jobs: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    home = mailing_jobs
    wait_shortly(home, give_up_after=0)
    job_id = create_lead(home)["job"]["id"]
    home.sql("UPDATE jobs SET payload = replace(payload, 'SendLeadCreatedEmail', 'MailThenHold')")
    worker = home.start("work", "--tries", 1)
    until_held(home, "mailed")
    with locked(mariadb, home, job_id):
        let_go(home, "mailed")
        eventually(lambda: home.log.count("The database cannot be used") == 2)
        home.insert_job(own_job("Note", text="meanwhile"))
        other = home.start("work", "--stop-when-empty")
        assert home.ended(other).exit_code == 0
        assert notes(home) == ["meanwhile"]
        home.insert_job(own_job("Note", text="after"))
        assert home.sql("SELECT status FROM deliveries") == [("queued",)]
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(worker).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert home.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]
    assert notes(home) == ["meanwhile", "after"]
    assert "the database row is locked by another transaction" in home.log
    assert home.log.index("The database can be used again") < home.log.index("Mail sent")
    assert home.count("failed_jobs") == 0


def test_a_short_lock_costs_no_word_and_no_attempt(jobs_home: Home, mariadb: MariaDbServer) -> None:
    wait_shortly(jobs_home, give_up_after=20)
    jobs_home.environment["LOG_LEVEL"] = "debug"
    job_id = jobs_home.insert_job(own_job("Held", name="long"))
    worker = jobs_home.start("work", "--tries", 1)
    until_held(jobs_home, "long")
    with locked(mariadb, jobs_home, job_id):
        let_go(jobs_home, "long")
        eventually(lambda: "Transaction begun anew: the database row is locked" in jobs_home.log)
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(worker).exit_code == 0
    assert "ERROR" not in jobs_home.log
    assert notes(jobs_home) == ["long"]


def test_a_due_job_that_is_locked_is_passed_over_and_taken_when_it_is_free(
    jobs_home: Home, mariadb: MariaDbServer
) -> None:
    first = jobs_home.insert_job(own_job("Note", text="first"))
    jobs_home.insert_job(own_job("Note", text="second"))
    with locked(mariadb, jobs_home, first):
        worker = idle_worker(jobs_home, "--sleep", 60)
        eventually(lambda: notes(jobs_home) == ["second"])
        jobs_home.insert_job(own_job("Note", text="third"))
        eventually(lambda: notes(jobs_home) == ["second", "third"])
    eventually(lambda: notes(jobs_home) == ["second", "third", "first"])
    assert jobs_home.stop(worker).exit_code == 0
    assert "ERROR" not in jobs_home.log
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0


def test_a_worker_that_finds_nothing_but_a_locked_job_makes_no_hot_loop(
    jobs_home: Home, mariadb: MariaDbServer
) -> None:
    job_id = jobs_home.insert_job(own_job("Note", text="locked"))
    with locked(mariadb, jobs_home, job_id) as connection:
        worker = idle_worker(jobs_home, "--sleep", 60)
        eventually(lambda: jobs_home.sql("SELECT COUNT(*) FROM workers") == [(1,)])
        used, asked = processor_seconds(worker.pid), questions(connection)
        connection.query(f"SELECT SLEEP({WATCHED_SECONDS})")
        used, asked = processor_seconds(worker.pid) - used, questions(connection) - asked
        print(f"{asked} queries, {used:.2f} s of processor time in {WATCHED_SECONDS} s")
    eventually(lambda: notes(jobs_home) == ["locked"])
    assert jobs_home.stop(worker).exit_code == 0
    assert asked < 60 * WATCHED_SECONDS
    assert used < 0.3 * WATCHED_SECONDS


def test_the_job_of_a_killed_worker_is_taken_up_though_another_one_is_locked(
    jobs_home: Home, mariadb: MariaDbServer
) -> None:
    ids = {}
    workers = {}
    for name in ("locked", "orphaned"):
        ids[name] = jobs_home.insert_job(own_job("Held", name=name))
        workers[name] = jobs_home.start("work")
        until_held(jobs_home, name)
    workers["idle"] = idle_worker(jobs_home, "--sleep", 60)
    attempts = "SELECT attempts FROM jobs WHERE id = ?"
    with locked(mariadb, jobs_home, ids["locked"]):
        jobs_home.stop(workers.pop("orphaned"), signal.SIGKILL)
        eventually(lambda: jobs_home.sql(attempts, ids["orphaned"]) == [(2,)], timeout=8)  # 5, on a busy machine
    for name in ids:
        let_go(jobs_home, name)
    eventually(lambda: jobs_home.count("jobs") == 0)
    for worker in workers.values():
        assert jobs_home.stop(worker).exit_code == 0
    assert sorted(notes(jobs_home)) == ["locked", "orphaned"]
    assert "ERROR" not in jobs_home.log


@pytest.mark.parametrize("flag", ["--once", "--stop-when-empty"])
def test_a_due_job_that_is_locked_for_a_moment_is_no_empty_queue(
    jobs_home: Home, mariadb: MariaDbServer, flag: str
) -> None:
    job_id = jobs_home.insert_job(own_job("Note", text="locked"))
    with locked(mariadb, jobs_home, job_id):
        worker = idle_worker(jobs_home, flag)
        assert never_within(lambda: worker.poll() is not None, 1)
    assert jobs_home.ended(worker).exit_code == 0
    assert notes(jobs_home) == ["locked"]


def test_it_is_waited_for_no_longer_than_for_any_lock(jobs_home: Home, mariadb: MariaDbServer) -> None:
    job_id = jobs_home.insert_job(own_job("Note", text="locked"))
    with locked(mariadb, jobs_home, job_id):
        jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == []
    assert jobs_home.count("jobs") == 1


def questions(connection: pymysql.Connection) -> int:
    """How many queries the server has been asked in all."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
        return int(cursor.fetchone()[1])
