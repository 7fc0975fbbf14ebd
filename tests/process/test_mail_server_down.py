"""The mail server is down at three in the morning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job, story
from tests.smtp_servers import MailServer, closed_port


@pytest.fixture
def down(mailing: Home) -> Iterator[Home]:
    """A home whose mail server does not answer."""
    with closed_port() as port:
        mailing.environment["MAIL_PORT"] = str(port)
        yield mailing


def come_up(home: Home, server: MailServer) -> None:
    home.environment["MAIL_PORT"] = str(server.port)


def test_a_lead_is_created_while_the_mail_server_is_down(down: Home) -> None:
    created = down.run("lead", "create", "--name", "Bo", "--email", "bo@example.com", "--json").json
    assert created["lead"]["id"] == 1
    assert created["job"]["queue"] == "default"
    assert down.count("jobs") == 1


def test_three_attempts_then_failed_jobs_then_retried_and_delivered(down: Home, mail_server: MailServer) -> None:
    created = create_lead(down)
    worked = down.run("work", "--backoff", 0, "--stop-when-empty")
    assert [line.split()[-1] for line in worked.stdout.splitlines()] == ["RUNNING", "FAIL"] * 3
    failed = failed_job(down)
    assert failed["uuid"] == created["job"]["uuid"]
    assert (failed["queue"], failed["job"], failed["lead_id"], failed["attempts"]) == (
        "default",
        "SendLeadCreatedEmail",
        1,
        3,
    )
    assert "Connection refused" in failed["error"]
    assert failed["exception"].startswith(failed["error"])
    assert down.count("jobs") == 0
    assert story(down, 1) == [("created", None), ("queued", None), ("released", 1), ("released", 2), ("failed", 3)]

    come_up(down, mail_server)
    retried = down.run("retry", "all", "--json").json
    assert retried == {"retried": [failed["uuid"]], "not_found": []}
    down.run("work", "--stop-when-empty")
    (mail,) = mail_server.wait_for(1)
    assert down.count("jobs") == down.count("failed_jobs") == 0

    shown = down.run("lead", "show", 1, "--json").json
    (delivery,) = shown["deliveries"]
    assert (delivery["uuid"], delivery["status"], delivery["attempts"]) == (failed["uuid"], "sent", 1)
    assert delivery["message_id"] == mail.message_id
    assert delivery["reply"] == "250 2.0.0 Ok: queued as 000001"
    assert delivery["error"] is None
    assert delivery["sent_at"] is not None
    assert [event["event"] for event in shown["events"]] == [
        "created", "queued", "released", "released", "failed", "retried", "sent",
    ]  # fmt: skip
    details = [event["detail"] or "" for event in shown["events"]]
    assert all("Connection refused" in detail for detail in details[2:5])
    assert mail.message_id in details[-1]
    assert "250 2.0.0 Ok: queued as 000001" in details[-1]


def test_lead_show_tells_the_whole_story_to_a_person(down: Home, mail_server: MailServer) -> None:
    create_lead(down)
    down.run("work", "--backoff", 0, "--stop-when-empty")
    come_up(down, mail_server)
    down.run("retry", "all")
    down.run("work", "--stop-when-empty")
    shown = down.run("lead", "show", 1).stdout
    told = [line.split()[2] for line in shown.partition("\n\n")[2].splitlines()]
    assert told == ["created", "queued", "released", "released", "failed", "retried", "sent"]
    assert "attempt 3" in shown
    assert "Connection refused" in shown


def test_a_job_fails_for_its_own_lead_alone(down: Home, mail_server: MailServer) -> None:
    create_lead(down, "First")
    down.run("work", "--tries", 1, "--stop-when-empty")
    come_up(down, mail_server)
    create_lead(down, "Second")
    down.run("work", "--stop-when-empty")
    (mail,) = mail_server.wait_for(1)
    assert mail.message["Subject"] == "New lead: Second"
    assert [failed["lead_id"] for failed in down.json("failed")["failed"]] == [1]


def test_with_a_sync_queue_too_the_lead_stays_when_the_mail_fails(down: Home) -> None:
    down.environment["QUEUE_CONNECTION"] = "sync"
    created = down.run("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert created.stderr.startswith("Warning: the mail did not go out")
    assert down.count("leads") == 1
    assert down.json("failed")["failed"][0]["connection"] == "sync"
