"""A worker in trouble says so on stderr, and nobody reads that: its terminal is closed, or its supervisor is gone."""

from __future__ import annotations

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, idle_worker, notes, own_job
from tests.process.test_store_failures import troubles
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("the trouble that nobody reads of is a file's")


def test_it_waits_for_the_database_all_the_same(jobs_home: Home) -> None:
    file, away = jobs_home.path / "storage" / "leadq.db", jobs_home.path / "away.db"
    worker = idle_worker(jobs_home)
    assert worker.stderr is not None
    worker.stderr.close()
    jobs_home.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file.rename(away)
    eventually(lambda: len(troubles(jobs_home)) >= 1)
    eventually(lambda: len(troubles(jobs_home)) >= 2 or worker.poll() is not None)
    away.rename(file)
    assert worker.poll() is None
    jobs_home.insert_job(own_job("Note", text="after"))
    eventually(lambda: notes(jobs_home) == ["after"])
    worker.terminate()
    assert worker.wait(10) == 0


def test_it_records_a_mail_that_went_out_while_the_database_was_away(mailing: Home, mail_server: MailServer) -> None:
    file, away = mailing.path / "storage" / "leadq.db", mailing.path / "away.db"
    mail_server.gate.clear()
    create_lead(mailing)
    worker = mailing.start("work")
    assert worker.stderr is not None
    eventually(lambda: mail_server.received == 1)
    worker.stderr.close()
    mailing.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file.rename(away)
    mail_server.gate.set()
    eventually(lambda: len(troubles(mailing)) >= 2 or worker.poll() is not None)
    away.rename(file)
    mailing.run("work", "--stop-when-empty")
    eventually(lambda: mailing.count("jobs") == 0)
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(10) == 0
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]


def test_it_goes_on_where_the_log_cannot_be_written_either(jobs_home: Home) -> None:
    worker = jobs_home.start("work")
    eventually(lambda: jobs_home.count("workers") == 1)
    eventually(lambda: "Worker started" in jobs_home.log)
    assert worker.stderr is not None
    worker.stderr.close()
    log = jobs_home.path / "storage" / "logs" / "leadq.log"
    log.unlink()
    log.mkdir()
    for text in ("first", "second"):
        jobs_home.insert_job(own_job("Note", text=text))
    eventually(lambda: notes(jobs_home) == ["first", "second"] or worker.poll() is not None)
    assert worker.poll() is None
    assert notes(jobs_home) == ["first", "second"]
    eventually(lambda: jobs_home.count("jobs") == 0)
    worker.terminate()
    assert worker.wait(10) == 0
