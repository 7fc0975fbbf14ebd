"""A mail server that says no, later, or nothing."""

from __future__ import annotations

import time

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job, story
from tests.smtp_servers import DROP, RESET, USUAL, MailServer, ScriptedServer, Step

pytestmark = pytest.mark.sqlite_only("about mail, whatever the store")


def use(home: Home, server: ScriptedServer) -> None:
    home.environment["MAIL_PORT"] = str(server.port)


def test_550_at_rcpt_fails_at_the_first_attempt_and_the_others_go_on(mailing: Home, mail_server: MailServer) -> None:
    mailing.leadq("user", "create", "--name", "Gone", "--email", "gone@example.com")
    mail_server.refuse("gone@example.com", "550 5.1.1 No such user here")
    for number, user in enumerate(("ana@example.com", "gone@example.com", "ana@example.com"), 1):
        create_lead(mailing, f"Lead {number}", "--user", user)
    worked = mailing.run("work", "--backoff", 0, "--stop-when-empty")
    assert [line.split()[-1] for line in worked.stdout.splitlines()] == [
        "RUNNING", "DONE", "RUNNING", "FAIL", "RUNNING", "DONE",
    ]  # fmt: skip
    mails = mail_server.wait_for(2)
    assert [str(mail.message["Subject"]) for mail in mails] == ["New lead: Lead 1", "New lead: Lead 3"]
    failed = failed_job(mailing)
    assert (failed["lead_id"], failed["attempts"]) == (2, 1)
    assert "550 5.1.1 No such user here" in failed["error"]
    assert story(mailing, 2) == [("created", None), ("queued", None), ("failed", 1)]


def test_451_is_tried_again_and_delivers_the_bytes_of_the_preview(mailing: Home, mail_server: MailServer) -> None:
    created = create_lead(mailing, "Žofie 😀", "--message", ".first line\n\nFrom here on\n.")
    preview = mailing.run("lead", "preview", 1, "--raw").stdout
    mail_server.refuse("ana@example.com", "451 4.7.1 Greylisted, try again", times=1)
    mail_server.refuse_data("452 4.3.1 Insufficient system storage", times=1)
    mailing.run("work", "--backoff", 0, "--stop-when-empty")
    (mail,) = mail_server.wait_for(1)
    assert mail.wire.decode("ascii").replace("\r\n", "\n") == preview.replace("\r\n", "\n")
    assert created["job"]["uuid"] in mail.message_id
    (delivery,) = mailing.json("lead", "show", 1)["deliveries"]
    assert (delivery["status"], delivery["attempts"], delivery["message_id"]) == ("sent", 3, mail.message_id)
    assert story(mailing, 1)[2:] == [("released", 1), ("released", 2), ("sent", 3)]


@pytest.mark.parametrize(("backoff", "shortest", "longest"), [(0, 300, 330), (900, 810, 990)])
def test_a_wait_that_the_server_asks_for_is_granted(
    mailing: Home, mail_server: MailServer, backoff: int, shortest: int, longest: int
) -> None:
    create_lead(mailing)
    mail_server.refuse("ana@example.com", "450 4.7.1 Greylisted, try again in 5 minutes")
    before = int(time.time())
    mailing.leadq("work", "--once", "--backoff", backoff)
    ((available_at,),) = mailing.sql("SELECT available_at FROM jobs")
    assert before + shortest <= available_at <= int(time.time()) + longest + 1


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
def test_421_at_any_stage_is_tried_again(mailing: Home, stage: str) -> None:
    create_lead(mailing)
    script: dict[str, list[Step]] = {stage: [("421 4.3.2 Shutting down", DROP), USUAL[stage]]}
    with ScriptedServer(script=script) as server:
        use(mailing, server)
        mailing.run("work", "--backoff", 0, "--stop-when-empty")
    assert len(server.accepted) == 1
    assert story(mailing, 1)[2:] == [("released", 1), ("sent", 2)]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(DROP, id="closed"),
        pytest.param(RESET, id="reset"),
        pytest.param("421 4.3.2 Shutting down", id="421"),
        pytest.param("\xff not SMTP at all", id="noise"),
    ],
)
def test_nothing_after_the_250_fails_a_job(mailing: Home, end: Step) -> None:
    create_lead(mailing, "One")
    create_lead(mailing, "Two")
    with ScriptedServer(script={"dot": [("250 2.0.0 Ok: taken", end)]}) as server:
        use(mailing, server)
        worked = mailing.run("work", "--tries", 1, "--stop-when-empty")
    assert worked.stdout.count("FAIL") == 0
    assert len(server.accepted) == 2
    assert mailing.sql("SELECT status, attempts, reply FROM deliveries") == [("sent", 1, "250 2.0.0 Ok: taken")] * 2
    assert mailing.count("jobs") == mailing.count("failed_jobs") == 0
