"""`leadq test --wait` follows a notification to its end."""

from __future__ import annotations

import json

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, idle_worker
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("about following a job, whatever the store")


@pytest.fixture
def with_a_lead(mailing: Home) -> Home:
    """The lead's own notification is gone."""
    create_lead(mailing)
    mailing.leadq("clear")
    return mailing


def test_with_a_live_worker_it_follows_what_that_one_does(with_a_lead: Home, mail_server: MailServer) -> None:
    worker = idle_worker(with_a_lead, "--sleep", 60)
    told = with_a_lead.run("test", "--wait")
    (mail,) = mail_server.wait_for(1)
    assert f"Sent as {mail.message_id}" in told.stdout
    assert "sent right here" not in told.stderr
    assert "test" in str(mail.message["Subject"]).lower()
    assert with_a_lead.stop(worker).stdout.count("DONE") == 1


def test_without_a_worker_it_sends_here_and_says_so(with_a_lead: Home, mail_server: MailServer) -> None:
    told = with_a_lead.run("test", "--wait")
    assert "No worker is running" in told.stderr
    (mail,) = mail_server.wait_for(1)
    assert f"Sent as {mail.message_id}" in told.stdout
    assert with_a_lead.count("jobs") == 0


def test_a_worker_on_another_queue_does_not_count(with_a_lead: Home, mail_server: MailServer) -> None:
    worker = idle_worker(with_a_lead, "--sleep", 60, "--queue", "other")
    assert "No worker is running" in with_a_lead.run("test", "--wait").stderr
    mail_server.wait_for(1)
    assert with_a_lead.stop(worker).exit_code == 0


def test_a_worker_that_was_killed_does_not_count(with_a_lead: Home, mail_server: MailServer) -> None:
    worker = idle_worker(with_a_lead, "--sleep", 60)
    worker.kill()
    with_a_lead.ended(worker)
    assert "No worker is running" in with_a_lead.run("test", "--wait").stderr
    mail_server.wait_for(1)


def test_a_mail_that_fails_is_exit_1(with_a_lead: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "550 5.1.1 No such user here")
    worker = idle_worker(with_a_lead, "--sleep", 60)
    told = with_a_lead.run("test", "--wait", "--json", exit_code=1).json
    assert told["status"] == "failed"
    assert "550 5.1.1 No such user here" in told["error"]
    assert with_a_lead.stop(worker).exit_code == 0


def test_it_follows_through_a_release_to_the_mail(with_a_lead: Home, mail_server: MailServer) -> None:
    mail_server.refuse("ana@example.com", "451 4.7.1 Later", times=1)
    worker = idle_worker(with_a_lead, "--sleep", 60, "--backoff", 1)
    told = with_a_lead.run("test", "--wait", "--json").json
    assert told["status"] == "sent"
    assert told["message_id"] == mail_server.accepted[0].message_id
    assert with_a_lead.stop(worker).exit_code == 0


def test_without_wait_it_leaves_the_mail_to_a_worker(with_a_lead: Home, mail_server: MailServer) -> None:
    told = with_a_lead.run("test", "--json").json
    assert told["status"] == "queued"
    assert mail_server.accepted == []
    with_a_lead.run("work", "--once")
    mail_server.wait_for(1)


def test_a_worker_that_dies_while_it_is_followed_leaves_the_job_to_the_follower(
    with_a_lead: Home, mail_server: MailServer
) -> None:
    mail_server.refuse("ana@example.com", "451 4.7.1 Later", times=1)
    worker = idle_worker(with_a_lead, "--sleep", 60, "--backoff", 600)
    follower = with_a_lead.start("test", "--wait", "--json")
    eventually(lambda: with_a_lead.sql("SELECT attempts FROM jobs WHERE reserved_at IS NULL") == [(1,)])
    worker.kill()
    with_a_lead.ended(worker)
    ended = with_a_lead.ended(follower)
    assert json.loads(ended.stdout)["status"] == "sent"
    assert ended.exit_code == 0
