"""`user …`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import USER_KEYS, lines
from tests.conftest import Clock
from tests.homes import Home


def test_a_user_is_created(home: Home) -> None:
    result = home.leadq("user", "create", "--name", "Ana  Sales ", "--email", "ana@EXAMPLE.com")
    assert (result.stdout, result.stderr) == ("User 1 created: Ana Sales <ana@example.com>\n", "")


def test_a_user_is_printed_as_json(home: Home, time_now: Clock) -> None:
    user = home.json("user", "create", "--name", "Zoë", "--email", "zoe@example.com")
    assert user == {
        "id": 1,
        "name": "Zoë",
        "email": "zoe@example.com",
        "active": True,
        "created_at": "2027-01-15T08:00:00Z",
    }
    assert list(user) == USER_KEYS
    assert home.json("user", "list") == {"users": [user], "total": 1}


@pytest.mark.parametrize("email", ["ana@example.com", "ANA@Example.COM"])
def test_an_address_is_taken_whatever_its_case(staffed: Home, email: str) -> None:
    result = staffed.leadq("user", "create", "--name", "Twin", "--email", email, exit_code=1)
    assert result.stdout == ""
    assert result.stderr == "Error: user 1 has the address ana@example.com already\n  See: leadq user list\n"
    assert staffed.json("user", "create", "--name", "Twin", "--email", email, exit_code=1) == {
        "error": {
            "type": "InvalidInput",
            "message": "user 1 has the address ana@example.com already",
            "hint": "See: leadq user list",
        }
    }
    assert staffed.count("users") == 1


@pytest.mark.parametrize(
    ("name", "email", "says"),
    [
        ("Ana", "ana", "Error: 'ana' is not an email address: "),
        ("", "ana@example.com", "Error: the user's name is empty"),
        ("Ana", "josé@example.com", "Error: josé@example.com cannot be mailed to: "),
    ],
)
def test_what_cannot_be_a_user_is_refused(home: Home, name: str, email: str, says: str) -> None:
    result = home.leadq("user", "create", "--name", name, "--email", email, exit_code=1)
    assert result.stderr.startswith(says)
    assert home.count("users") == 0


def test_users_are_listed(staffed: Home) -> None:
    staffed.leadq("user", "create", "--name", "Bo", "--email", "bo@exämple.com")
    staffed.leadq("user", "deactivate", "bo@exämple.com")
    assert lines(staffed.leadq("user", "list").stdout) == [
        "id  name       email            active",
        "──────────────────────────────────────",
        " 1  Ana Sales  ana@example.com  yes",
        " 2  Bo         bo@exämple.com   no",
    ]


def test_without_users_the_list_says_what_to_type(home: Home) -> None:
    text = "No users yet. Add one with: leadq user create --name NAME --email ADDRESS\n"
    assert home.leadq("user", "list").stdout == text
    assert home.json("user", "list") == {"users": [], "total": 0}


@pytest.mark.parametrize("reference", ["1", "ana@example.com", "ANA@EXAMPLE.COM"])
def test_a_user_is_deactivated_and_activated(staffed: Home, reference: str) -> None:
    assert staffed.leadq("user", "deactivate", reference).stdout == "User 1 (Ana Sales) is inactive now.\n"
    assert staffed.json("user", "deactivate", reference)["active"] is False
    assert staffed.leadq("user", "activate", reference).stdout == "User 1 (Ana Sales) is active now.\n"
    user = staffed.json("user", "activate", reference)
    assert user["active"] is True
    assert list(user) == USER_KEYS


@pytest.mark.parametrize("command", ["activate", "deactivate"])
@pytest.mark.parametrize(("reference", "shown"), [("9", "9"), ("nobody@example.com", "'nobody@example.com'")])
def test_a_user_that_is_not_there_is_an_error(staffed: Home, command: str, reference: str, shown: str) -> None:
    result = staffed.leadq("user", command, reference, exit_code=1)
    assert result.stderr == f"Error: there is no user {shown}\n  See: leadq user list\n"


@pytest.mark.parametrize("reference", ["99999999999999999999999999", "\udcff"])
def test_a_reference_that_no_database_can_hold_is_not_found(staffed: Home, reference: str) -> None:
    assert staffed.json("user", "activate", reference, exit_code=1)["error"]["type"] == "NotFound"
