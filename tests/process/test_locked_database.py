"""Another program keeps the database locked for longer than anybody waits for it."""

from __future__ import annotations

import sqlite3
import time

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, let_go, notes, own_job, until_held
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("one lock for the whole file")

LOCKED_SECONDS = 7  # a statement waits 5


def test_the_worker_waits_and_then_records_what_it_did_meanwhile(mailing_jobs: Home, mail_server: MailServer) -> None:
    home = mailing_jobs
    create_lead(home)
    home.sql("UPDATE jobs SET payload = replace(payload, 'SendLeadCreatedEmail', 'MailThenHold')")
    home.insert_job(own_job("WriteToStore", name="writing", lead_id=1), queue="writes")
    mailer = home.start("work", "--tries", 1)
    writer = home.start("work", "--tries", 1, "--queue", "writes")
    until_held(home, "mailed")
    until_held(home, "writing")
    other = sqlite3.connect(home.path / "storage" / "leadq.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        let_go(home, "mailed")
        let_go(home, "writing")
        cron = home.start("work", "--once")
        time.sleep(LOCKED_SECONDS)
        other.execute("ROLLBACK")
    finally:
        other.close()
    told = home.ended(cron)
    assert told.exit_code == 1
    assert "the database is locked by another program" in told.stderr
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(mailer).exit_code == home.stop(writer).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert home.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]
    assert "The database cannot be used" in home.log
    assert "The database can be used again" in home.log
    assert home.count("failed_jobs") == 0  # lock trouble fails no job, not even one that itself writes
    assert notes(home) == ["writing"]
