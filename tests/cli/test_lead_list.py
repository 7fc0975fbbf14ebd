"""`lead list` and `lead show`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import (
    DELIVERY_KEYS,
    EVENT_KEYS,
    LEAD_KEYS,
    USER_KEYS,
    Terminal,
    create_lead,
    fail_notification,
    lines,
)
from tests.conftest import Clock
from tests.homes import Home


@pytest.fixture
def mixed(staffed: Home, time_now: Clock) -> Home:
    """Leads 1 sent, 2 failed, 3 of nobody, 4 queued for user 2; an hour lies between each."""
    create_lead(staffed, "Sent")
    staffed.leadq("work", "--once")
    time_now.pass_(3600)
    fail_notification(staffed, "Failed")
    time_now.pass_(3600)
    staffed.leadq("user", "deactivate", 1)
    create_lead(staffed, "Nobody's", "--company", "Acme")
    time_now.pass_(3600)
    staffed.leadq("user", "create", "--name", "Bo", "--email", "bo@example.com")
    create_lead(staffed, "Queued")
    return staffed


def test_leads_are_listed_the_newest_first(mixed: Home) -> None:
    result = mixed.leadq("lead", "list")
    assert lines(result.stdout) == [
        "id  name      email           company  user       notification  created",
        "───────────────────────────────────────────────────────────────────────",
        " 4  Queued    bo@example.com           Bo         queued        now",
        " 3  Nobody's  bo@example.com  Acme                none          1h ago",
        " 2  Failed    bo@example.com           Ana Sales  failed        2h ago",
        " 1  Sent      bo@example.com           Ana Sales  sent          3h ago",
    ]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "ids", "total"),
    [
        ((), [4, 3, 2, 1], 4),
        (("--user", "1"), [2, 1], 2),
        (("--user", "BO@example.com"), [4], 1),
        (("--status", "sent"), [1], 1),
        (("--status", "failed"), [2], 1),
        (("--status", "none"), [3], 1),
        (("--status", "queued"), [4], 1),
        (("--since", "2h"), [4, 3, 2], 3),
        (("--since", "7199"), [4, 3], 2),
        (("--limit", "1"), [4], 4),
        (("--user", "1", "--status", "sent", "--since", "1d"), [1], 1),
        (("--user", "2", "--status", "sent"), [], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters_narrow_the_list(mixed: Home, options: tuple[str, ...], ids: list[int], total: int) -> None:
    listed = mixed.json("lead", "list", *options)
    assert list(listed) == ["leads", "total"]
    assert ([lead["id"] for lead in listed["leads"]], listed["total"]) == (ids, total)
    assert {tuple(lead) for lead in listed["leads"]} <= {(*LEAD_KEYS, "notification")}


def test_a_list_that_is_cut_says_how_many_there_are(mixed: Home) -> None:
    assert mixed.leadq("lead", "list", "--limit", 2).stderr == "The newest 2 of 4; see more with --limit.\n"
    assert mixed.leadq("-q", "lead", "list", "--limit", 2).stderr == ""


def test_no_leads_are_no_error(home: Home) -> None:
    assert home.leadq("lead", "list").stdout == "No leads.\n"
    assert home.json("lead", "list") == {"leads": [], "total": 0}


def test_leads_of_a_user_that_is_not_there_are_an_error(home: Home) -> None:
    assert home.leadq("lead", "list", "--user", "9", exit_code=1).stderr.startswith("Error: there is no user 9\n")


def test_a_number_too_large_for_any_database_is_no_bug(home: Home) -> None:
    huge = "9" * 30
    for arguments in (("lead", "show", huge), ("lead", "preview", huge), ("jobs", huge), ("test", "--lead-id", huge)):
        error = home.json(*arguments, exit_code=1)["error"]
        assert error["type"] == "NotFound", arguments


def test_a_limit_may_be_as_large_as_one_likes(home: Home) -> None:
    for command in (("lead", "list"), ("jobs",), ("failed",)):
        home.leadq(*command, "--limit", "9" * 30)


def test_show_tells_the_story_of_a_mail_that_was_retried(staffed: Home, time_now: Clock) -> None:
    staffed.environment["APP_TIMEZONE"] = "Europe/Berlin"
    fail_notification(staffed, "Bo", "--source", "web", "--message", "Call me.\nSoon.")
    time_now.pass_(60)
    staffed.leadq("retry", "all")
    time_now.pass_(5)
    staffed.leadq("work", "--once")
    document = staffed.json("lead", "show", 1)
    (delivery,) = document["deliveries"]
    shown = lines(staffed.leadq("lead", "show", 1).stdout)
    assert shown[:9] == [
        "id       1",
        "name     Bo",
        "email    bo@example.com",
        "source   web",
        "user     Ana Sales <ana@example.com>",
        "message:",
        "Call me.",
        "Soon.",
        "",
    ]
    error = document["events"][2]["detail"]
    assert shown[9:] == [
        "2027-01-15 09:00:00  created               web",
        "2027-01-15 09:00:00  queued                for Ana Sales <ana@example.com>",
        f"2027-01-15 09:00:00  failed     attempt 1  {error}",
        "2027-01-15 09:01:00  retried",
        f"2027-01-15 09:01:05  sent       attempt 1  {delivery['message_id']} {delivery['reply']}",
    ]


def test_on_a_terminal_what_is_known_of_an_event_is_folded_below_itself(staffed: Home) -> None:
    words = [f"word{number:02}" for number in range(12)]
    create_lead(staffed, "Bo", "--source", " ".join(words))
    shown = Terminal(staffed, "lead", "show", 1, columns=80).end().text
    created, *more = lines(shown.partition("\n\n")[2])[:3]
    assert created[19:] == "  created               " + " ".join(words[:5])
    assert more == [" " * 43 + " ".join(words[5:10]), " " * 43 + " ".join(words[10:])]


def test_show_prints_the_story_as_json(staffed: Home, time_now: Clock) -> None:
    uuid = fail_notification(staffed)
    story = staffed.json("lead", "show", 1)
    assert list(story) == ["lead", "user", "deliveries", "events"]
    assert (list(story["lead"]), list(story["user"])) == (LEAD_KEYS, USER_KEYS)
    (delivery,) = story["deliveries"]
    assert list(delivery) == DELIVERY_KEYS
    assert {tuple(event) for event in story["events"]} == {tuple(EVENT_KEYS)}
    error = delivery.pop("error")
    assert delivery == {
        "uuid": uuid,
        "user_id": 1,
        "status": "failed",
        "attempts": 1,
        "message_id": None,
        "reply": None,
        "queued_at": "2027-01-15T08:00:00Z",
        "sent_at": None,
    }
    at = "2027-01-15T08:00:00Z"
    assert story["events"] == [
        {"at": at, "event": "created", "attempt": None, "detail": None},
        {"at": at, "event": "queued", "attempt": None, "detail": "for Ana Sales <ana@example.com>"},
        {"at": at, "event": "failed", "attempt": 1, "detail": error},
    ]


def test_the_story_of_a_lead_that_went_to_several_is_told_in_order(
    staffed: Home, time_now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bo", "cy"):
        staffed.leadq("user", "create", "--name", name, "--email", f"{name}@example.com")
    uuids = iter(("c", "a", "b"))
    monkeypatch.setattr("leadq.dispatching.new_uuid", lambda: next(uuids))
    create_lead(staffed)
    staffed.leadq("lead", "assign", 1, 2)
    staffed.leadq("lead", "assign", 1, 3)
    story = [(event["event"], event["detail"]) for event in staffed.json("lead", "show", 1)["events"]]
    assert [detail for event, detail in story if event == "queued"] == [
        "for Ana Sales <ana@example.com>",
        "for bo <bo@example.com>",
        "for cy <cy@example.com>",
    ]


def test_a_lead_of_nobody_is_shown(home: Home) -> None:
    create_lead(home)
    assert "user   nobody" in lines(home.leadq("lead", "show", 1).stdout)
    story = home.json("lead", "show", 1)
    assert (story["user"], story["deliveries"], [event["event"] for event in story["events"]]) == (
        None,
        [],
        ["created"],
    )


def test_a_lead_that_is_not_there_is_an_error(home: Home) -> None:
    result = home.leadq("lead", "show", 7, exit_code=1)
    assert (result.stdout, result.stderr) == ("", "Error: there is no lead 7\n  See: leadq lead list\n")
