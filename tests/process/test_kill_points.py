"""kill -9 at each point of a job's life: the job is in one place afterwards, and whoever comes next finishes it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job, story
from tests.smtp_servers import MailServer

KILL_POINTS = Path(__file__).with_name("kill_points.py").read_text(encoding="utf-8")


def killed_at(home: Home, point: str, *arguments: object) -> None:
    """Runs a command that is killed at `point`."""
    (home.path / "sitecustomize.py").write_text(KILL_POINTS, encoding="utf-8")
    before = dict(home.environment)
    home.environment |= {"KILL_AT": point, "PYTHONPATH": str(home.path)}
    try:
        home.run(*arguments, exit_code=-signal.SIGKILL)
    finally:
        home.environment.clear()
        home.environment.update(before)


@pytest.mark.parametrize(
    ("point", "accepted_by_then"),
    [
        ("after the claim", 0),
        ("before DATA", 0),
        ("after the 250", 1),
        ("before the record", 1),
        ("inside the commit", 1),
    ],
)
def test_the_job_is_still_its_workers_and_the_next_worker_sends_the_same_mail(
    mailing: Home, mail_server: MailServer, point: str, accepted_by_then: int
) -> None:
    create_lead(mailing)
    killed_at(mailing, point, "work", "--once")
    assert len(mail_server.accepted) == accepted_by_then
    assert mailing.sql("SELECT attempts, reserved_at IS NULL FROM jobs") == [(1, 0)]
    assert mailing.count("failed_jobs") == 0
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("queued", 0)]
    mailing.run("work", "--once")
    assert len(mail_server.accepted) == accepted_by_then + 1
    assert len({mail.wire for mail in mail_server.accepted}) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 2)]
    assert story(mailing, 1)[2:] == [("abandoned", 1), ("sent", 2)]
    assert mailing.count("jobs") == mailing.count("workers") == 0


def test_killed_while_the_server_ponders_the_final_dot(mailing: Home, mail_server: MailServer) -> None:
    create_lead(mailing)
    killed_at(mailing, "after the final dot", "work", "--once")
    assert mailing.sql("SELECT attempts FROM jobs") == [(1,)]
    mailing.run("work", "--once")
    sent = mail_server.wait_for(1)
    assert 1 <= len(sent) <= 2  # whether the server took the first one is its own affair
    assert len({mail.wire for mail in sent}) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 2)]


def test_killed_in_the_move_to_failed_jobs_it_has_not_moved(mailing: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "550 5.1.1 No such user here")
    create_lead(mailing)
    killed_at(mailing, "in the move to failed_jobs", "work", "--once")
    assert (mailing.count("jobs"), mailing.count("failed_jobs")) == (1, 0)
    assert mailing.sql("SELECT status FROM deliveries") == [("queued",)]
    mailing.run("work", "--once")
    assert (mailing.count("jobs"), mailing.count("failed_jobs")) == (0, 1)
    assert failed_job(mailing)["attempts"] == 2
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("failed", 2)]


def test_killed_in_retry_it_is_still_failed(mailing: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "550 5.1.1 No such user here", times=1)
    uuid = create_lead(mailing)["job"]["uuid"]
    mailing.run("work", "--once")
    killed_at(mailing, "in retry", "retry", "all")
    assert (mailing.count("jobs"), mailing.count("failed_jobs")) == (0, 1)
    assert failed_job(mailing)["uuid"] == uuid
    mailing.run("retry", "all")
    mailing.run("work", "--once")
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status FROM deliveries") == [("sent",)]
