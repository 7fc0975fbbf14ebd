"""kill -9 inside the store's own transactions, and while the answer to a mail is on its way."""

from __future__ import annotations

import signal

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, story
from tests.process.test_kill_points import killed_at
from tests.smtp_servers import MailServer


def test_killed_in_the_claim_nothing_was_claimed(mailing: Home, mail_server: MailServer) -> None:
    create_lead(mailing)
    killed_at(mailing, "in the claim", "work", "--once")
    assert mailing.sql("SELECT attempts, reserved_at, worker_id FROM jobs") == [(0, None, None)]
    mailing.run("work", "--once", "--tries", 1)
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]


def test_killed_in_the_sweep_the_job_is_released_by_the_next_one_and_once(
    mailing: Home, mail_server: MailServer
) -> None:
    create_lead(mailing)
    killed_at(mailing, "after the claim", "work", "--once")
    killed_at(mailing, "in the sweep", "work", "--once")
    assert mailing.sql("SELECT attempts, reserved_at IS NULL FROM jobs") == [(1, 0)]
    assert story(mailing, 1)[2:] == []
    mailing.run("work", "--once")
    assert story(mailing, 1)[2:] == [("abandoned", 1), ("sent", 2)]
    assert len(mail_server.accepted) == 1
    assert mailing.count("jobs") == mailing.count("workers") == 0


def test_killed_while_a_release_is_recorded_the_attempt_counts_once(mailing: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "450 4.2.1 Not now", times=1)
    create_lead(mailing)
    killed_at(mailing, "inside the commit", "work", "--once")
    assert mailing.sql("SELECT attempts, reserved_at IS NULL FROM jobs") == [(1, 0)]
    mailing.run("work", "--once", "--tries", 2)
    assert len(mail_server.accepted) == 1
    assert story(mailing, 1)[2:] == [("abandoned", 1), ("sent", 2)]


def test_killed_after_the_commit_no_mail_is_repeated_though_the_next_job_was_claimed_along(
    mailing: Home, mail_server: MailServer
) -> None:
    create_lead(mailing, "First")
    create_lead(mailing, "Second")
    killed_at(mailing, "after the commit", "work")
    assert mailing.sql("SELECT status FROM deliveries ORDER BY id") == [("sent",), ("queued",)]
    assert mailing.sql("SELECT attempts, reserved_at IS NULL FROM jobs") == [(1, 0)]
    mailing.run("work", "--stop-when-empty")
    assert [mail.message["Subject"] for mail in mail_server.accepted] == ["New lead: First", "New lead: Second"]
    assert mailing.sql("SELECT attempts FROM deliveries ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize("accepted", [False, True], ids=["before the 250", "with the 250 unread"])
def test_killed_at_the_dot_the_same_mail_goes_out_again(mailing: Home, mail_server: MailServer, accepted: bool) -> None:
    mail_server.gate.clear()
    create_lead(mailing)
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    if accepted:
        worker.send_signal(signal.SIGSTOP)  # the answer arrives and is not read
        mail_server.gate.set()
        mail_server.wait_for(1)
    worker.kill()
    mailing.ended(worker)
    assert mailing.sql("SELECT attempts, reserved_at IS NULL FROM jobs") == [(1, 0)]
    assert mailing.sql("SELECT status FROM deliveries") == [("queued",)]
    mail_server.gate.set()
    mailing.run("work", "--once")
    assert len(mail_server.accepted) == (2 if accepted else 1)
    assert len({mail.wire for mail in mail_server.accepted}) == 1
    assert story(mailing, 1)[2:] == [("abandoned", 1), ("sent", 2)]
