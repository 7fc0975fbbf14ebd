"""A worker is asked to stop while a mail is at the server."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, failed_job, idle_worker, story
from tests.smtp_servers import MailServer


def test_one_term_lets_the_mail_end_and_records_it(mailing: Home, mail_server: MailServer) -> None:
    mail_server.gate.clear()
    create_lead(mailing)
    create_lead(mailing, "Next")
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    worker.send_signal(signal.SIGTERM)
    mail_server.gate.set()
    assert mailing.ended(worker).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries ORDER BY id") == [("sent", 1), ("queued", 0)]
    assert mailing.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]


def test_a_second_signal_breaks_the_mail_off_and_the_attempt_does_not_count(
    mailing: Home, mail_server: MailServer
) -> None:
    mail_server.gate.clear()
    create_lead(mailing)
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)  # another one: two of a kind that come close together are delivered as one
    assert mailing.ended(worker).exit_code == 0
    assert time.monotonic() - began < 5
    assert mailing.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    assert story(mailing, 1)[2:] == [("given back", 1)]
    assert mailing.log.count("may arrive twice") == 1
    mail_server.gate.set()
    mailing.run("work", "--once", "--tries", 1)
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]


def test_a_mail_that_is_broken_off_is_held_where_a_person_is_to_decide(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["MAIL_ON_UNKNOWN"] = "hold"
    mail_server.gate.clear()
    create_lead(mailing)
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)
    assert mailing.ended(worker).exit_code == 0
    assert mailing.count("jobs") == 0
    assert "a person must decide" in failed_job(mailing)["error"]


@pytest.mark.sqlite_only("one lock for the whole file")
def test_a_worker_in_a_wait_for_a_lock_stops_within_that_wait(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    other = sqlite3.connect(jobs_home.path / "storage" / "leadq.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO jobs (queue, payload, available_at, created_at) VALUES ('default', '{}', 0, 0)")
        other.execute("COMMIT")
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert jobs_home.stop(worker).exit_code == 0
        assert time.monotonic() - began < 14  # one wait of 5 s for the claim, one for the goodbye
    finally:
        other.close()
