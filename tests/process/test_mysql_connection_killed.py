"""The server ends a worker's connection (KILL) at the worst moments: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import random
import signal
from collections import Counter

import pymysql
import pytest

from tests.homes import Home, eventually
from tests.mariadb import ACCOUNT, MariaDbServer
from tests.process.conftest import OWN_JOBS
from tests.process.signs import create_lead, idle_worker, let_go, notes, own_job, until_held, until_it_beats
from tests.smtp_servers import MailServer

JOBS, JOBS_A_KILL = 200, 10
WORKERS = 4
SEED = 7

pytestmark = pytest.mark.mariadb_only("an SQLite file has no connections that somebody could end")


def connections(home: Home, mariadb: MariaDbServer, state: str = "%") -> list[int]:
    """The numbers of the workers' connections that are in this state, oldest first."""
    name = home.environment["DB_DATABASE"]
    query = "SELECT id FROM information_schema.processlist WHERE user = ? AND db = ? AND state LIKE ? ORDER BY id"
    return [number for (number,) in mariadb.execute(query, ACCOUNT, name, state)]


def both(home: Home, mariadb: MariaDbServer, besides: tuple[int, ...] = ()) -> tuple[int, int]:
    """A worker's own connection and that of its lease, which is opened at the first sweep."""
    eventually(lambda: len(connections(home, mariadb)) == 2 + len(besides))
    own, of_lease = [number for number in connections(home, mariadb) if number not in besides]
    return own, of_lease


def end(home: Home, mariadb: MariaDbServer, number: int) -> None:
    """Ends a connection, unless it has ended meanwhile."""
    with contextlib.suppress(pymysql.OperationalError):
        mariadb.execute(f"KILL {number}")
    eventually(lambda: number not in connections(home, mariadb))


def test_an_idle_worker_connects_anew(jobs_home: Home, mariadb: MariaDbServer) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    for number in both(jobs_home, mariadb):
        end(jobs_home, mariadb, number)
    jobs_home.insert_job(own_job("Note", text="after"))
    eventually(lambda: notes(jobs_home) == ["after"])
    both(jobs_home, mariadb)
    assert jobs_home.stop(worker).exit_code == 0
    assert jobs_home.log.count("The database cannot be used") <= 1
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == jobs_home.count("workers") == 0


def test_the_end_of_a_job_that_ran_meanwhile_is_recorded_first(
    mailing_jobs: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    home = mailing_jobs
    create_lead(home)
    home.sql("UPDATE jobs SET payload = replace(payload, 'SendLeadCreatedEmail', 'MailThenHold')")
    worker = home.start("work", "--tries", 1)
    until_held(home, "mailed")
    end(home, mariadb, both(home, mariadb)[0])
    home.insert_job(own_job("Note", text="next"))
    let_go(home, "mailed")
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(worker).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert home.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]
    log = home.log
    assert log.index("cannot be used") < log.index("can be used again") < log.index("Mail sent")
    assert log.index("Mail sent") < log.rindex("Job started") < log.index("Job done")
    assert log.count("Job started") == 2
    assert notes(home) == ["next"]
    assert home.count("failed_jobs") == 0


def test_a_job_that_meets_the_end_of_the_connection_itself_is_run_again_and_loses_no_attempt(
    staffed: Home, mariadb: MariaDbServer
) -> None:
    staffed.add_module("own_jobs", OWN_JOBS.read_text(encoding="utf-8"))
    create_lead(staffed)
    staffed.sql("DELETE FROM jobs")
    staffed.insert_job(own_job("WriteToStore", name="writing", lead_id=1))
    worker = staffed.start("work", "--tries", 1)
    until_held(staffed, "writing")
    end(staffed, mariadb, both(staffed, mariadb)[0])
    let_go(staffed, "writing")
    eventually(lambda: staffed.count("jobs") == 0)
    assert staffed.stop(worker).exit_code == 0
    assert notes(staffed) == ["writing"]
    assert "Job given back, the attempt does not count" in staffed.log
    assert staffed.count("failed_jobs") == 0


@pytest.mark.parametrize("command", [("lead", "create", "--name", "Bo", "--email", "bo@example.com"), ("test",)])
def test_a_mail_sent_within_a_command_is_recorded_all_the_same(
    mailing: Home, mail_server: MailServer, mariadb: MariaDbServer, command: tuple[str, ...]
) -> None:
    create_lead(mailing)
    mailing.leadq("clear")
    mailing.environment["QUEUE_CONNECTION"] = "sync"
    mail_server.gate.clear()
    shell = mailing.start(*command)
    eventually(lambda: mail_server.received == 1)
    for number in connections(mailing, mariadb):
        end(mailing, mariadb, number)
    mail_server.gate.set()
    assert mailing.ended(shell).exit_code == 0
    mailing.run("work", "--stop-when-empty")
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries WHERE id = 2") == [("sent", 1)]
    assert mailing.count("jobs") == mailing.count("failed_jobs") == 0


def test_nobody_takes_its_job_when_the_connection_of_its_lease_is_ended_again_and_again(
    jobs_home: Home, mariadb: MariaDbServer
) -> None:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "2"
    other = idle_worker(jobs_home, "--queue", "other")  # it would give the job away, but not take it
    others = both(jobs_home, mariadb)
    jobs_home.insert_job(own_job("Held", name="long"))
    busy = jobs_home.start("work")
    until_held(jobs_home, "long")
    claim = jobs_home.sql("SELECT attempts, reserved_at, worker_id FROM jobs")
    for _ in range(5):
        end(jobs_home, mariadb, both(jobs_home, mariadb, others)[1])
    eventually(lambda: jobs_home.sql("SELECT MIN(seen_at) FROM workers")[0][0] > claim[0][1] + 4)
    until_it_beats(jobs_home, "long")
    assert jobs_home.sql("SELECT attempts, reserved_at, worker_id FROM jobs") == claim
    let_go(jobs_home, "long")
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(busy).exit_code == jobs_home.stop(other).exit_code == 0
    assert notes(jobs_home) == ["long"]
    assert jobs_home.log.count("Job started") == jobs_home.log.count("Job done") == 1


def test_a_claim_that_was_cut_off_is_made_anew(jobs_home: Home, mariadb: MariaDbServer) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    own, _ = both(jobs_home, mariadb)
    worker.send_signal(signal.SIGSTOP)
    jobs_home.insert_job(own_job("Note", text="once"))
    with mariadb.connected(jobs_home.environment["DB_DATABASE"]) as connection:
        connection.query("LOCK TABLES jobs READ")  # so that a claim waits, but not the look before it
        worker.send_signal(signal.SIGCONT)
        eventually(lambda: own in connections(jobs_home, mariadb, "Waiting for table%"))
        end(jobs_home, mariadb, own)
        connection.query("UNLOCK TABLES")
    eventually(lambda: notes(jobs_home) == ["once"])
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(worker).exit_code == 0
    assert notes(jobs_home) == ["once"]
    assert '"attempt": 1' in jobs_home.log
    assert '"attempt": 2' not in jobs_home.log


def test_a_record_that_was_cut_off_is_made_anew(jobs_home: Home, mariadb: MariaDbServer) -> None:
    jobs_home.insert_job(own_job("Held", name="long"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "long")
    own, _ = both(jobs_home, mariadb)
    with mariadb.connected(jobs_home.environment["DB_DATABASE"]) as connection:
        connection.begin()
        connection.query("SELECT * FROM jobs FOR UPDATE")
        let_go(jobs_home, "long")
        waiting = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
        eventually(lambda: mariadb.execute(waiting)[0][1] == "1")
        end(jobs_home, mariadb, own)
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(worker).exit_code == 0
    assert notes(jobs_home) == ["long"]
    assert jobs_home.log.count("Job started") == jobs_home.log.count("Job done") == 1
    assert jobs_home.count("failed_jobs") == 0


def test_connections_ended_at_random_have_no_job_run_twice_or_never(jobs_home: Home, mariadb: MariaDbServer) -> None:
    chance = random.Random(SEED)
    parent = jobs_home.start("-q", "work", "--processes", WORKERS, "--tries", 1)
    eventually(lambda: jobs_home.log.count("Worker started") == WORKERS)
    texts = [str(number) for number in range(JOBS)]
    for begun in range(0, JOBS, JOBS_A_KILL):
        for text in texts[begun : begun + JOBS_A_KILL]:
            jobs_home.insert_job(own_job("Note", text=text))
        eventually(lambda: len(notes(jobs_home)) >= begun)  # noqa: B023 - while those just inserted are run
        eventually(lambda: connections(jobs_home, mariadb))
        there = connections(jobs_home, mariadb)
        for number in chance.sample(there, min(2, len(there))):
            end(jobs_home, mariadb, number)
    eventually(lambda: jobs_home.count("jobs") == 0)
    ended = jobs_home.stop(parent)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "")
    assert Counter(notes(jobs_home)) == Counter(texts)
    assert jobs_home.count("failed_jobs") == 0
    assert jobs_home.log.count("Worker started") == WORKERS
    assert "The database cannot be used" in jobs_home.log
    assert "Traceback" not in jobs_home.log
