"""`test`: a real notification, marked as a test."""

from __future__ import annotations

import pytest

from tests.cli.conftest import create_lead, fail_notification, mail_down
from tests.homes import Home, eventually
from tests.smtp_servers import MailServer

KEYS = ["uuid", "status", "message_id", "reply", "error"]
HERE = "No worker is running on the queue default, so it is sent right here.\n"


@pytest.fixture
def ready(staffed: Home) -> Home:
    """A home with leads 1 and 2, users 1 and 2, and nothing in the queue."""
    staffed.leadq("user", "create", "--name", "Bo", "--email", "bo@example.com")
    for name in ("First", "Second"):
        create_lead(staffed, name)
    staffed.leadq("clear")
    return staffed


def test_without_a_lead_it_says_what_to_type(home: Home) -> None:
    for arguments in (("test",), ("test", "--wait")):
        result = home.leadq(*arguments, exit_code=1)
        assert (result.stdout, result.stderr) == (
            "",
            "Error: there is no lead to test with\n  Create one with: leadq lead create\n",
        )


def test_without_a_user_it_says_what_to_type(home: Home) -> None:
    create_lead(home)
    message, hint = "there is no active user to test with", "leadq user create --name NAME --email ADDRESS"
    assert home.json("test", exit_code=1) == {
        "error": {"type": "NotFound", "message": message, "hint": f"Add one with: {hint}"}
    }


@pytest.mark.parametrize("option", ["--lead-id", "--user-id"])
def test_a_lead_or_user_that_is_not_there_is_an_error(ready: Home, option: str) -> None:
    assert ready.leadq("test", option, 9, exit_code=1).stderr.startswith("Error: there is no ")
    assert ready.count("jobs") == 0


def test_the_first_lead_and_the_first_active_user_are_taken(ready: Home) -> None:
    document = ready.json("test")
    assert list(document) == KEYS
    assert document == {**dict.fromkeys(KEYS), "uuid": document["uuid"], "status": "queued"}
    (job,) = ready.json("jobs")["jobs"]
    assert (job["uuid"], job["data"]) == (document["uuid"], {"lead_id": 1, "user_id": 1, "test": True})
    ready.leadq("user", "deactivate", 1)
    uuid = ready.json("test", "--lead-id", 2)["uuid"]
    assert {job["uuid"]: job["data"] for job in ready.json("jobs")["jobs"]}[uuid]["user_id"] == 2


def test_a_lead_and_a_user_may_be_named(ready: Home) -> None:
    result = ready.leadq("test", "--lead-id", 2, "--user-id", 2)
    assert result.stdout.startswith("Test of lead 2 (Second) for Bo <bo@example.com>: job 3 (")
    assert result.stderr == "A worker will send it. Its story: leadq lead show 2\n"


def test_the_story_of_its_lead_tells_it_apart(ready: Home) -> None:
    ready.leadq("test", "--lead-id", 1, "--user-id", 2)
    events = ready.json("lead", "show", 1)["events"]
    queued = [event["detail"] for event in events if event["event"] == "queued"]
    assert queued[1:] == ["a test for Bo <bo@example.com>"]
    assert queued[0].startswith("for ")


def test_the_mail_is_marked_as_a_test(mailing: Home, mail_server: MailServer) -> None:
    create_lead(mailing)
    mailing.leadq("clear")
    mailing.leadq("test", "--wait")
    (mail,) = mail_server.accepted
    assert mail.message["Subject"] == "[TEST] New lead: Bo"


def test_waiting_without_a_worker_sends_it_right_here(ready: Home) -> None:
    result = ready.leadq("test", "--wait")
    (mail,) = ready.mails
    assert result.stdout.splitlines()[1].startswith("Sent as <leadq.")
    assert result.stdout.splitlines()[1].endswith(f": written to {mail}")
    assert result.stderr == HERE
    document = ready.json("test", "--wait")
    assert list(document) == KEYS
    assert (document["status"], document["error"]) == ("sent", None)
    assert ready.count("jobs") == 0


def test_waiting_for_a_mail_that_fails_exits_1_and_keeps_the_job(ready: Home) -> None:
    with mail_down(ready):
        result = ready.leadq("test", "--wait", exit_code=1)
        document = ready.json("test", "--wait", exit_code=1)
    assert result.stdout.splitlines()[1].startswith("Failed: ")
    assert result.stderr == f"{HERE}It is kept: leadq failed\n"
    assert (document["status"], document["message_id"]) == ("failed", None)
    assert document["error"].startswith("DeliveryError: write failed: ")
    assert ready.count("failed_jobs") == 2


def test_waiting_with_a_worker_leaves_it_to_the_worker(ready: Home) -> None:
    process = ready.start("work", "--sleep", "1")
    eventually(lambda: ready.count("workers") == 1)
    result = ready.leadq("test", "--wait")
    assert "Sent as <leadq." in result.stdout
    assert "No worker" not in result.stderr
    assert ready.stop(process).exit_code == 0


def test_with_the_sync_connection_it_is_sent_at_once(ready: Home) -> None:
    ready.environment["QUEUE_CONNECTION"] = "sync"
    assert ready.json("test")["status"] == "sent"
    with mail_down(ready):
        assert ready.json("test", exit_code=1)["status"] == "failed"


def test_a_test_is_nobodys_turn(ready: Home) -> None:
    ready.leadq("test", "--wait", "--user-id", 2)
    assert [create_lead(ready)["lead"]["user_id"] for _ in range(2)] == [1, 2]


def test_a_test_does_not_pass_for_the_notification_that_failed(staffed: Home) -> None:
    fail_notification(staffed)
    staffed.leadq("test", "--wait")
    assert staffed.json("lead", "list")["leads"][0]["notification"] == "failed"
    assert staffed.json("lead", "assign", 1, 1)["job"] is not None
