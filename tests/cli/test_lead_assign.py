"""`lead assign`: exactly one notification to the new user."""

from __future__ import annotations

import pytest

from tests.cli.conftest import DISPATCHED_KEYS, LEAD_KEYS, create_lead, fail_notification
from tests.homes import Home
from tests.smtp_servers import MailServer


@pytest.fixture
def three(staffed: Home) -> Home:
    """A home with the users 1 (ana), 2 (bo) and 3 (cy)."""
    for name in ("bo", "cy"):
        staffed.leadq("user", "create", "--name", name, "--email", f"{name}@example.com")
    return staffed


def waiting(home: Home) -> list[str]:
    """The uuids of the waiting jobs."""
    return [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs ORDER BY id")]


def recipients(home: Home) -> list[str]:
    """To whom the file mailer has sent."""
    return [line for mail in home.mails for line in mail.read_text().splitlines() if line.startswith("To: ")]


def test_an_unassigned_lead_is_given_to_a_user_who_is_told(home: Home) -> None:
    create_lead(home)
    home.leadq("user", "create", "--name", "Ana", "--email", "ana@example.com")
    result = home.leadq("lead", "assign", 1, "ana@example.com", "--queue", "high")
    (uuid,) = waiting(home)
    expected = f"Lead 1 assigned to Ana <ana@example.com>; job 1 is queued on high ({uuid}).\n"
    assert (result.stdout, result.stderr) == (expected, "")


def test_the_notification_still_waiting_for_somebody_else_is_dropped(three: Home) -> None:
    first = create_lead(three)["job"]["uuid"]
    assigned = three.json("lead", "assign", 1, 2)
    assert (list(assigned), list(assigned["lead"]), list(assigned["job"])) == (
        ["lead", "job"],
        LEAD_KEYS,
        DISPATCHED_KEYS,
    )
    assert assigned["lead"]["user_id"] == 2
    assert waiting(three) == [assigned["job"]["uuid"]]
    statuses = {d["uuid"]: (d["user_id"], d["status"]) for d in three.json("lead", "show", 1)["deliveries"]}
    assert statuses == {first: (1, "dropped"), assigned["job"]["uuid"]: (2, "queued")}
    three.leadq("work", "--stop-when-empty")
    assert recipients(three) == ["To: bo <bo@example.com>"]


def test_the_same_user_twice_changes_nothing(three: Home) -> None:
    create_lead(three)
    first = three.json("lead", "assign", 1, 2)
    before = three.sql("SELECT * FROM jobs"), three.sql("SELECT * FROM deliveries")
    assert three.json("lead", "assign", 1, 2) == first
    assert (three.sql("SELECT * FROM jobs"), three.sql("SELECT * FROM deliveries")) == before


def test_a_user_who_was_told_already_is_not_told_again(three: Home) -> None:
    create_lead(three)
    three.leadq("work", "--once")
    result = three.leadq("lead", "assign", 1, 1)
    assert result.stdout == "Lead 1 assigned to Ana Sales <ana@example.com>; there is nothing new to send.\n"
    assert three.json("lead", "assign", 1, 1)["job"] is None
    assert waiting(three) == []


def test_back_and_forth_ends_with_one_mail_to_the_last_one(three: Home) -> None:
    create_lead(three)
    for user in (2, 1, 3, 2, 1):
        three.leadq("lead", "assign", 1, user)
    assert len(waiting(three)) == 1
    three.leadq("work", "--stop-when-empty")
    assert recipients(three) == ["To: Ana Sales <ana@example.com>"]


def test_whoever_was_told_before_is_not_untold(three: Home) -> None:
    create_lead(three)
    three.leadq("work", "--once")
    three.leadq("lead", "assign", 1, 2)
    three.leadq("work", "--stop-when-empty")
    assert sorted(recipients(three)) == ["To: Ana Sales <ana@example.com>", "To: bo <bo@example.com>"]


def test_a_notification_that_had_failed_for_somebody_else_is_not_sent_by_a_retry(three: Home) -> None:
    fail_notification(three)
    three.leadq("lead", "assign", 1, 2)
    three.leadq("retry", "all")
    three.leadq("work", "--stop-when-empty")
    assert recipients(three) == ["To: bo <bo@example.com>"]


def test_with_the_sync_connection_the_new_user_is_told_at_once(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["QUEUE_CONNECTION"] = "sync"
    mailing.leadq("user", "deactivate", 1)
    create_lead(mailing)
    assert "has run" in mailing.leadq("lead", "assign", 1, 1).stdout
    (mail,) = mail_server.wait_for(1)
    assert mail.recipients == ("ana@example.com",)
    assert mailing.count("jobs") == 0


@pytest.mark.parametrize(
    ("lead", "user", "says"),
    [
        (9, 1, "there is no lead 9"),
        (1, 9, "there is no user 9"),
        (1, "x@example.com", "there is no user 'x@example.com'"),
    ],
)
def test_a_lead_or_user_that_is_not_there_changes_nothing(three: Home, lead: int, user: object, says: str) -> None:
    uuid = create_lead(three)["job"]["uuid"]
    assert three.leadq("lead", "assign", lead, user, exit_code=1).stderr.startswith(f"Error: {says}\n")
    assert three.json("lead", "assign", lead, user, exit_code=1)["error"]["type"] == "NotFound"
    assert waiting(three) == [uuid]
