"""`lead create`."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import DISPATCHED_KEYS, LEAD_KEYS, Terminal, create_lead
from tests.conftest import Clock
from tests.homes import Home

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BO = ("lead", "create", "--name", "Bo", "--email", "bo@example.com")


def test_a_lead_and_its_job_are_stored_and_both_ids_printed(staffed: Home) -> None:
    result = staffed.leadq(*BO)
    pattern = rf"Lead 1 created for Ana Sales <ana@example\.com>; job 1 is queued on default \({UUID}\)\.\n"
    assert re.fullmatch(pattern, result.stdout)
    assert result.stderr == ""
    assert [staffed.count(table) for table in ("leads", "jobs", "deliveries")] == [1, 1, 1]


def test_a_lead_is_printed_as_json(staffed: Home, time_now: Clock) -> None:
    created = staffed.json(
        *(
            "lead",
            "create",
            "--name",
            "Zoë Q",
            "--email",
            "zoe@EXÄMPLE.com",
            "--phone",
            "+49 30 1",
            "--company",
            "Acme",
        ),
        *("--source", "web", "--message", "Call\nme", "--user", "ANA@example.com"),
        *("--queue", "high", "--delay", "10m", "--priority", "-5"),
    )
    assert list(created) == ["lead", "job"]
    assert list(created["lead"]) == LEAD_KEYS
    assert list(created["job"]) == DISPATCHED_KEYS
    assert re.fullmatch(UUID, created["job"].pop("uuid"))
    assert created == {
        "lead": {
            "id": 1,
            "name": "Zoë Q",
            "email": "zoe@exämple.com",
            "phone": "+49 30 1",
            "company": "Acme",
            "source": "web",
            "message": "Call\nme",
            "user_id": 1,
            "created_at": "2027-01-15T08:00:00Z",
        },
        "job": {"id": 1, "queue": "high", "priority": -5, "available_at": "2027-01-15T08:10:00Z"},
    }
    assert created["lead"] == staffed.json("lead", "show", 1)["lead"]


@pytest.mark.parametrize("user", ["2", "bo@example.com", "BO@Example.com"])
def test_a_lead_goes_to_the_user_that_is_named(staffed: Home, user: str) -> None:
    staffed.leadq("user", "create", "--name", "Bo", "--email", "bo@example.com")
    assert create_lead(staffed, "Lead", "--user", user)["lead"]["user_id"] == 2


def test_leads_go_round_and_leave_out_who_is_inactive(staffed: Home) -> None:
    for name in ("b", "c"):
        staffed.leadq("user", "create", "--name", name, "--email", f"{name}@example.com")
    assert [create_lead(staffed)["lead"]["user_id"] for _ in range(4)] == [1, 2, 3, 1]
    staffed.leadq("user", "deactivate", "2")
    assert [create_lead(staffed)["lead"]["user_id"] for _ in range(2)] == [3, 1]
    staffed.leadq("user", "activate", "2")
    assert create_lead(staffed)["lead"]["user_id"] == 2


def test_without_an_active_user_the_lead_is_kept_with_a_warning(staffed: Home) -> None:
    staffed.leadq("user", "deactivate", "1")
    result = staffed.leadq(*BO)
    warning = (
        "Warning: there is no active user, so nobody is told. Assign it with: "
        "leadq lead assign {} USER (see: leadq user list)\n"
    )
    assert (result.stdout, result.stderr) == ("Lead 1 created.\n", warning.format(1))
    result = staffed.leadq(*BO, "--json")
    assert (result.json["lead"]["user_id"], result.json["job"]) == (None, None)
    assert result.stderr == warning.format(2)
    assert (staffed.count("leads"), staffed.count("jobs")) == (2, 0)


def test_a_user_who_is_inactive_may_be_named(staffed: Home) -> None:
    staffed.leadq("user", "deactivate", "1")
    assert create_lead(staffed, "Lead", "--user", "1")["lead"]["user_id"] == 1


def test_a_user_that_is_not_there_fails_and_stores_nothing(staffed: Home) -> None:
    result = staffed.leadq(*BO, "--user", "nobody@example.com", exit_code=1)
    assert (result.stdout, result.stderr) == (
        "",
        "Error: there is no user 'nobody@example.com'\n  See: leadq user list\n",
    )
    assert staffed.count("leads") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--name", "Bo", "--email", "bo"), "'bo' is not an email address: "),
        (("--name", " ", "--email", "bo@example.com"), "the lead's name is empty"),
        (
            ("--name", "x" * 256, "--email", "bo@example.com"),
            "the lead's name has 256 characters: expected at most 255",
        ),
        (("--name", "\udcff", "--email", "bo@example.com"), "the lead's name is not valid UTF-8 text"),
        (
            ("--name", "Bo", "--email", "bo@example.com", "--priority", "9999999999"),
            "priority 9999999999 is out of range",
        ),
    ],
)
def test_what_cannot_be_accepted_is_one_error_and_stores_nothing(
    staffed: Home, options: tuple[str, ...], says: str
) -> None:
    result = staffed.leadq("lead", "create", *options, exit_code=1)
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {says}")
    error = staffed.json("lead", "create", *options, exit_code=1)["error"]
    assert (error["type"], error["message"].startswith(says)) == ("InvalidInput", True)
    assert staffed.count("leads") == 0


def test_what_is_missing_is_asked_for_on_a_terminal(staffed: Home) -> None:
    terminal = Terminal(staffed, "lead", "create")
    terminal.answer("The lead's name: ", "Bo Li")
    terminal.answer("The lead's email: ", "bo@example.com")
    screen = terminal.end()
    assert screen.exit_code == 0
    assert "Lead 1 created for Ana Sales <ana@example.com>; job 1 is queued on default" in screen.text
    assert staffed.sql("SELECT name, email FROM leads") == [("Bo Li", "bo@example.com")]


def test_what_is_given_is_not_asked_for(staffed: Home) -> None:
    terminal = Terminal(staffed, "lead", "create", "--name", "Bo")
    terminal.answer("The lead's email: ", "bo@example.com")
    screen = terminal.end()
    assert screen.exit_code == 0
    assert "name" not in screen.text


def test_whoever_gives_up_at_a_question_stores_nothing(staffed: Home) -> None:
    terminal = Terminal(staffed, "lead", "create")
    terminal.answer("The lead's name: ", "Bo")
    terminal.see("The lead's email: ")
    screen = terminal.give_up()
    assert screen.exit_code == 1
    assert "Traceback" not in screen.text
    assert staffed.count("leads") == 0


def test_without_a_terminal_a_missing_option_is_wrong_usage(staffed: Home) -> None:
    result = staffed.run("lead", "create", "--name", "Bo", exit_code=2, input="bo@example.com\n")
    assert result.stdout == ""
    assert "Error: Missing option '--email'." in result.stderr


def test_a_queue_of_the_settings_is_used_where_none_is_named(staffed: Home) -> None:
    staffed.environment["DB_QUEUE"] = "leads"
    assert create_lead(staffed)["job"]["queue"] == "leads"
    assert create_lead(staffed, "Lead", "--queue", "high")["job"]["queue"] == "high"


def test_each_lead_and_its_job_are_logged(staffed: Home) -> None:
    uuid = create_lead(staffed)["job"]["uuid"]
    assert 'local.INFO: Lead created {"lead": 1, "user": 1}' in staffed.log
    assert f'local.INFO: Job dispatched {{"job": "{uuid}", "lead": 1, "queue": "default"}}' in staffed.log
