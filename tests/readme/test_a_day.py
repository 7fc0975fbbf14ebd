"""`A day in operation`: the night that README.md tells of, with a real worker and a real mail server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.homes import Home, eventually
from tests.process.signs import idle_worker, make_due
from tests.readme.blocks import claim
from tests.readme.terminal import type_out
from tests.smtp_servers import MailServer

ALARM, MAIL_WORKS, RETRIED, REASSIGNED, MORNING = claim(section="A day in operation", language="console")
ALERT, DONE = 1, 0
HOUR = 3600
TRIES = 3


@pytest.fixture
def worker(mailing: Home) -> Iterator[subprocess.Popen[str]]:
    """A worker that does not wait between attempts and tells often what it has done."""
    mailing.environment["DB_QUEUE_RETRY_AFTER"] = "6"
    process = idle_worker(mailing, "--backoff=0", "--name=leadq-worker_00")
    del mailing.environment["DB_QUEUE_RETRY_AFTER"]
    yield process
    assert mailing.stop(process).exit_code == 0


def create_lead(home: Home, name: str, *options: str) -> None:
    """A new lead, and its job done once, or failed."""
    address = f"{name.split()[0].lower()}@client.example"
    home.leadq("lead", "create", "--name", name, "--email", address, "--source", "website", *options)
    idle(home)


def idle(home: Home) -> None:
    """Waits until the worker has nothing to do."""
    due = "SELECT COUNT(*) FROM jobs WHERE reserved_at IS NOT NULL OR available_at <= strftime('%s', 'now')"
    eventually(lambda: home.sql(due) == [(0,)])


def told(home: Home, *, done: int, failed: int) -> None:
    """Waits until the worker has told that it has done so many jobs."""
    eventually(lambda: home.sql("SELECT done, failed FROM workers") == [(done, failed)])


def pass_(home: Home, hours: float) -> None:
    """Has all that has happened have happened so much earlier."""
    seconds = int(hours * HOUR)
    for table, column in (
        ("leads", "created_at"),
        ("deliveries", "queued_at"),
        ("deliveries", "sent_at"),
        ("delivery_events", "at"),
        ("failed_jobs", "failed_at"),
        ("workers", "started_at"),
    ):
        home.sql(f"UPDATE {table} SET {column} = {column} - ?", seconds)
    home.sql("DELETE FROM job_counts")  # jobs/min


def test_the_night_goes_as_it_is_told(mailing: Home, mail_server: MailServer, worker: subprocess.Popen[str]) -> None:
    def at_rest() -> None:
        idle(mailing)

    mailing.leadq("user", "create", "--name", "Cem Sales", "--email", "cem@example.com")

    # in the evening: Cem has left, and the mail administrator has deleted his mailbox
    mail_server.refuse("cem@example.com", "550 5.1.1 <cem@example.com>: User unknown")
    for name in ("Bo Berg", "Dana Diaz", "Eve Ek"):
        create_lead(mailing, name)
    pass_(mailing, 6)

    # at night: the mail server's disk is full
    mail_server.refuse_mail("452 4.3.1 Insufficient system storage", times=3 * TRIES)
    for name in ("Finn Falk", "Gia Gallo", "Hugo Hill"):
        create_lead(mailing, name, "--user", "ana@example.com")
    told(mailing, done=2, failed=4)
    pass_(mailing, 2.5)

    assert type_out(ALARM, mailing, before_each=at_rest) == [ALERT, DONE, DONE]
    type_out(MAIL_WORKS, mailing, before_each=at_rest)
    type_out(RETRIED, mailing, before_each=at_rest)
    type_out(REASSIGNED, mailing, before_each=at_rest)

    # the ten minutes of --spread, and the rest of the night
    make_due(mailing)
    idle(mailing)
    assert type_out(MORNING, mailing, before_each=at_rest) == [DONE, DONE]
    assert [str(mail.message["To"]) for mail in mail_server.accepted].count("Ana Sales <ana@example.com>") == 6
