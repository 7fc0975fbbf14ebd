"""QUEUE_CONNECTION=sync: the job runs at once, in the command, and its failure never fails the lead."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing

import pytest

from leadq.store import sqlite
from tests.cli.conftest import create_lead
from tests.homes import Home, eventually
from tests.smtp_servers import MailServer, closed_port


@pytest.fixture
def sync(mailing: Home) -> Home:
    """A home that mails to the mail server at once."""
    mailing.environment["QUEUE_CONNECTION"] = "sync"
    return mailing


def test_the_mail_is_sent_before_the_command_ends(sync: Home, mail_server: MailServer) -> None:
    result = sync.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    (mail,) = mail_server.accepted
    assert mail.recipients == ("ana@example.com",)
    assert "; job 1 has run (" in result.stdout
    assert result.stderr == ""
    assert [sync.count(table) for table in ("jobs", "failed_jobs", "workers")] == [0, 0, 0]
    assert sync.json("lead", "list")["leads"][0]["notification"] == "sent"


def test_a_delay_does_not_hold_it_back(sync: Home, mail_server: MailServer) -> None:
    create_lead(sync, "Bo", "--delay", "1h")
    assert len(mail_server.accepted) == 1


def test_with_the_mail_server_down_the_lead_is_kept_and_its_job_in_failed_jobs(sync: Home) -> None:
    with closed_port() as port:
        sync.environment["MAIL_PORT"] = str(port)
        result = sync.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert result.stdout.startswith("Lead 1 created for Ana Sales <ana@example.com>; job 1 has run (")
    assert result.stderr.startswith("Warning: the mail did not go out: ")
    assert result.stderr.endswith(" The job is kept: leadq failed\n")
    (failed,) = sync.json("failed")["failed"]
    assert (failed["connection"], failed["lead_id"], failed["attempts"]) == ("sync", 1, 1)
    assert sync.json("lead", "list")["leads"][0]["notification"] == "failed"
    assert (sync.count("leads"), sync.count("jobs")) == (1, 0)


def test_a_refused_recipient_fails_the_job_and_not_the_lead(sync: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "550 5.1.1 no such user")
    document = create_lead(sync)
    assert (document["lead"]["id"], document["job"]["id"]) == (1, 1)
    assert "550 5.1.1 no such user" in sync.json("failed")["failed"][0]["error"]


def test_what_failed_is_retried_by_a_worker(sync: Home, mail_server: MailServer) -> None:
    mail_server.refuse_mail("451 4.3.0 later", times=1)
    create_lead(sync)
    sync.leadq("retry", "all")
    sync.leadq("work", "--once")
    assert len(mail_server.accepted) == 1


def test_a_mail_that_went_out_is_recorded_although_the_database_is_locked_just_then(
    sync: Home, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PRAGMAS", {**sqlite.PRAGMAS, "busy_timeout": 50})
    mail_server.gate.clear()

    def lock_when_the_mail_is_there() -> None:
        eventually(lambda: mail_server.received == 1)
        with closing(sqlite3.connect(sync.path / "storage" / "leadq.db", isolation_level=None)) as other_program:
            other_program.execute("BEGIN IMMEDIATE")
            mail_server.gate.set()
            time.sleep(0.7)

    locker = threading.Thread(target=lock_when_the_mail_is_there)
    locker.start()
    create_lead(sync)
    locker.join()
    assert len(mail_server.accepted) == 1
    assert [sync.count(table) for table in ("jobs", "failed_jobs", "workers")] == [0, 0, 0]
    assert sync.json("lead", "list")["leads"][0]["notification"] == "sent"


def test_a_lead_of_nobody_runs_no_job(sync: Home, mail_server: MailServer) -> None:
    sync.leadq("user", "deactivate", 1)
    assert create_lead(sync)["job"] is None
    assert mail_server.accepted == []
