"""The database server hangs: connections stay, and nothing is answered."""

from __future__ import annotations

import signal
import time

import pytest

from leadq.store.dialect import MYSQL
from tests.homes import Home, eventually
from tests.mariadb import MariaDbServer
from tests.process.signs import create_lead, idle_worker, notes, own_job
from tests.smtp_servers import MailServer

REPLY_SECONDS = 1.0
WAITS_AT_THE_END = 3  # for what was asked last, for the lease's thread, and for the worker's row to be taken away

SHORT_REPLIES = f"""
from leadq.store import mysql

assert mysql.REPLY_SECONDS > {REPLY_SECONDS}
mysql.REPLY_SECONDS = {REPLY_SECONDS}
"""

pytestmark = pytest.mark.mariadb_only("an SQLite file has no server")


def expect_replies_soon(home: Home) -> None:
    """Has workers wait for a reply only so long."""
    (home.path / "short_replies.py").write_text(SHORT_REPLIES)
    home.environment["LEADQ_JOBS"] = ",".join(filter(None, (home.environment.get("LEADQ_JOBS"), "short_replies")))


def test_an_idle_worker_ends_when_it_is_told_to(jobs_home: Home, mariadb: MariaDbServer) -> None:
    expect_replies_soon(jobs_home)
    worker = idle_worker(jobs_home, "--sleep", 60)
    mariadb.pause()
    time.sleep(2 * MYSQL.glance_seconds)  # it has asked whether a job is due by then, and waits for the answer
    told_at = time.monotonic()
    assert jobs_home.stop(worker).exit_code == 0
    assert time.monotonic() - told_at < WAITS_AT_THE_END * REPLY_SECONDS + 2  # a busy machine


def test_what_was_done_meanwhile_is_recorded_when_it_goes_on(
    mailing: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    expect_replies_soon(mailing)
    create_lead(mailing)
    create_lead(mailing, "Next")
    mail_server.gate.clear()
    worker = mailing.start("work", "--tries", 1)
    eventually(lambda: mail_server.received == 1)
    mariadb.pause()
    mail_server.gate.set()
    eventually(lambda: mailing.log.count("The database cannot be used") == 2)
    worker.send_signal(signal.SIGTERM)  # what it has to record it still records
    eventually(lambda: mailing.log.count("The database cannot be used") == 3)
    mariadb.resume()
    assert mailing.ended(worker).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries ORDER BY id") == [("sent", 1), ("queued", 0)]
    mailing.run("work", "--stop-when-empty")
    assert [status for (status,) in mailing.sql("SELECT status FROM deliveries")] == ["sent", "sent"]
    assert len(mail_server.accepted) == 2
    assert mailing.count("jobs") == mailing.count("failed_jobs") == 0


def test_a_hang_shorter_than_its_patience_is_not_even_noticed(jobs_home: Home, mariadb: MariaDbServer) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    jobs_home.insert_job(own_job("Note", text="before"))
    eventually(lambda: notes(jobs_home) == ["before"])
    mariadb.pause()
    time.sleep(1)
    mariadb.resume()
    jobs_home.insert_job(own_job("Note", text="after"))
    eventually(lambda: notes(jobs_home) == ["before", "after"])
    assert jobs_home.stop(worker).exit_code == 0
    assert "ERROR" not in jobs_home.log
