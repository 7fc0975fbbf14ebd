"""QUEUE_CONNECTION=sync in an application: the job runs inside the call, or once the application has committed."""

from __future__ import annotations

import threading

import peewee
import pytest

import leadq
from leadq.threads import MAIN_THREADS_OWN
from tests.api import own_jobs
from tests.cli.conftest import mail_down
from tests.homes import Home
from tests.process.signs import notes

ANA = {"name": "Ana", "email": "ana@client.example"}


@pytest.fixture
def sync(placed: Home, app_db: peewee.Database, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home that runs jobs at once, and an application with its own connection to its database."""
    monkeypatch.setenv("QUEUE_CONNECTION", "sync")
    leadq.configure(home=placed.path, database=app_db)
    return placed


def test_the_mail_is_sent_inside_the_call(sync: Home) -> None:
    leadq.create_lead(**ANA)
    assert len(sync.mails) == 1
    assert [sync.count(table) for table in ("leads", "jobs", "failed_jobs", "workers")] == [1, 0, 0, 0]


def test_with_a_home_alone_too(sync: Home) -> None:
    leadq.configure(home=sync.path)
    leadq.create_lead(**ANA)
    assert len(sync.mails) == 1


def test_in_the_applications_transaction_it_is_sent_after_the_commit(sync: Home, app_db: peewee.Database) -> None:
    with app_db.atomic():
        leadq.create_lead(**ANA)
        leadq.create_lead(**ANA)
        assert sync.mails == []
    assert len(sync.mails) == 2
    assert sync.count("jobs") == 0


def test_of_what_is_rolled_back_no_mail_is_sent(sync: Home, app_db: peewee.Database) -> None:
    with app_db.atomic() as transaction:
        leadq.create_lead(**ANA)
        transaction.rollback()
    with app_db.atomic():
        with app_db.atomic() as savepoint:
            leadq.create_lead(**ANA)
            savepoint.rollback()
        leadq.create_lead(**ANA)
    assert len(sync.mails) == sync.count("leads") == 1


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_mail_that_fails_does_not_fail_the_lead(sync: Home, app_db: peewee.Database, in_transaction: bool) -> None:
    with mail_down(sync):
        if in_transaction:
            with app_db.atomic():
                leadq.create_lead(**ANA)
        else:
            leadq.create_lead(**ANA)
    assert sync.sql("SELECT connection, attempts FROM failed_jobs") == [("sync", 1)]
    assert [sync.count("leads"), sync.count("jobs")] == [1, 0]


def test_a_setting_that_shows_at_the_mailer_leaves_the_job_to_a_worker(
    sync: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (sync.path / "ca.pem").write_text("none", encoding="utf-8")
    for key, value in (("MAIL_MAILER", "smtp"), ("MAIL_FROM_ADDRESS", "a@b.example"), ("MAIL_CA_FILE", "ca.pem")):
        monkeypatch.setenv(key, value)
    leadq.configure(home=sync.path)
    leadq.create_lead(**ANA)
    assert [sync.count("leads"), sync.count("jobs"), sync.count("failed_jobs")] == [1, 1, 0]
    assert "Job 1 could not be run at once" in caplog.messages


def test_a_job_of_the_applications_own_runs_and_is_told_when_it_fails(sync: Home) -> None:
    lead = leadq.create_lead(**ANA)
    leadq.dispatch(own_jobs.Chain(lead_id=lead.id))
    leadq.dispatch(own_jobs.Doomed(text="b"))
    told = notes(sync)
    assert told[0].startswith("Ana ['from a job'] ")
    assert told[1:] == ["b, attempt 1"]  # its tries are its own, so a worker makes the others
    assert sync.sql("SELECT queue, attempts FROM jobs") == [("doomed", 1)]


def test_a_thread_of_a_server_runs_it_too(sync: Home, app_db: peewee.Database) -> None:
    def request() -> None:
        with app_db.connection_context():
            leadq.create_lead(**ANA)

    thread = threading.Thread(target=request)
    thread.start()
    thread.join()
    assert len(sync.mails) == 1


def test_the_applications_signals_and_fault_handler_stay_its_own(sync: Home) -> None:
    import faulthandler
    import signal

    before = [signal.getsignal(number) for number in (*MAIN_THREADS_OWN, signal.SIGVTALRM)], faulthandler.is_enabled()
    leadq.create_lead(**ANA)
    after = [signal.getsignal(number) for number in (*MAIN_THREADS_OWN, signal.SIGVTALRM)], faulthandler.is_enabled()
    assert after == before
