"""`failed`, `forget`, `flush` and `prune-failed`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import FAILED_KEYS, Terminal, create_lead, fail_notification, insert_failed, lines
from tests.conftest import NOW, Clock
from tests.homes import Home

HINT = "failed. One in full: leadq failed ID. Back into the queue: leadq retry ID, or all\n"


@pytest.fixture
def three(home: Home, time_now: Clock) -> Home:
    """Failed jobs 1 (4f1c, default), 2 (4f1d, high) and 3 (9abc, default), 3, 2 and 1 hours old."""
    for age, uuid, queue in ((3, "4f1c-aaaa", "default"), (2, "4f1d-bbbb", "high"), (1, "9abc-cccc", "default")):
        insert_failed(home, uuid, queue=queue, failed_at=NOW - age * 3600)
    return home


def left(home: Home) -> list[int]:
    return [failed_id for (failed_id,) in home.sql("SELECT id FROM failed_jobs ORDER BY id")]


# --- failed ----------------------------------------------------------------------------------------


def test_failed_jobs_are_listed_the_newest_first_with_the_total(three: Home) -> None:
    result = three.leadq("failed")
    assert lines(result.stdout) == [
        "id  queue    job                   lead  error                  attempts  when",
        "────────────────────────────────────────────────────────────────────────────────",
        " 3  default  SendLeadCreatedEmail     7  OSError: mail is down         0  1h ago",
        " 2  high     SendLeadCreatedEmail     7  OSError: mail is down         0  2h ago",
        " 1  default  SendLeadCreatedEmail     7  OSError: mail is down         0  3h ago",
    ]
    assert result.stderr == f"3 {HINT}"
    assert three.leadq("failed", "--limit", 2).stderr == f"The newest 2 of 3 {HINT}"
    assert three.leadq("-q", "failed").stderr == ""


def test_failed_jobs_are_printed_as_json(three: Home) -> None:
    document = three.json("failed", "--queue", "high")
    assert list(document) == ["failed", "total"]
    assert list(document["failed"][0]) == FAILED_KEYS
    assert document == {
        "failed": [
            {
                "id": 2,
                "uuid": "4f1d-bbbb",
                "connection": "database",
                "queue": "high",
                "job": "SendLeadCreatedEmail",
                "lead_id": 7,
                "error": "OSError: mail is down",
                "attempts": 0,
                "failed_at": "2027-01-15T06:00:00Z",
            }
        ],
        "total": 1,
    }
    assert [job["id"] for job in three.json("failed", "--limit", 2)["failed"]] == [3, 2]


def test_no_failed_jobs_are_no_error(home: Home) -> None:
    assert home.leadq("failed").stdout == "No failed jobs.\n"
    assert home.json("failed") == {"failed": [], "total": 0}


@pytest.mark.parametrize("reference", ["2", "4f1d-bbbb", "4f1d"])
def test_one_is_shown_with_its_payload_and_the_whole_exception(three: Home, reference: str) -> None:
    document = three.json("failed", reference)
    assert list(document) == [*FAILED_KEYS, "payload", "exception"]
    assert document["exception"] == "OSError: mail is down\nTraceback (most recent call last): …"
    assert document["payload"] == '{"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}'
    assert lines(three.leadq("failed", reference).stdout) == [
        "id          2",
        "uuid        4f1d-bbbb",
        "connection  database",
        "queue       high",
        "job         SendLeadCreatedEmail",
        "lead_id     7",
        "attempts    0",
        "failed_at   2027-01-15T06:00:00Z",
        'payload     {"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}',
        "exception:",
        "OSError: mail is down",
        "Traceback (most recent call last): …",
    ]


@pytest.mark.parametrize(
    ("reference", "says", "hint"),
    [
        ("8", "no failed job has the id '8'", "See: leadq failed"),
        ("4f1", "more than one failed job begins with '4f1'", "Give more of its uuid; see `leadq failed`."),
        ("9" * 30, f"no failed job has the id '{'9' * 30}'", "See: leadq failed"),
    ],
)
def test_an_id_that_fits_none_or_several_is_an_error(three: Home, reference: str, says: str, hint: str) -> None:
    result = three.leadq("failed", reference, exit_code=1)
    assert (result.stdout, result.stderr) == ("", f"Error: {says}\n  {hint}\n")
    assert three.json("failed", reference, exit_code=1) == {
        "error": {"type": "NotFound", "message": says, "hint": hint}
    }


@pytest.mark.parametrize(
    "payload", ["not json", "", "[]", '{"job": 7}', "\x00\x1b[2J", b"\xff\xfe", '{"job": "x", "data": 1}']
)
def test_a_payload_that_cannot_be_decoded_is_listed_all_the_same(home: Home, payload: object) -> None:
    insert_failed(home, "bad", payload=payload)
    (row,) = lines(home.leadq("failed").stdout)[2:]
    assert row.split()[:3] == ["1", "default", "?"]
    document = home.json("failed")["failed"][0]
    assert (document["job"], document["lead_id"]) == ("?", None)
    home.leadq("failed", 1)
    home.json("failed", 1)


def test_a_payload_that_is_not_utf_8_is_listed_all_the_same(home: Home) -> None:
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " VALUES ('bad', 'database', 'default', CAST(X'ff' AS TEXT), 'x', 0)"
    )
    assert home.json("failed")["total"] == 1


def test_a_real_failure_is_told_with_its_lead_and_attempt(staffed: Home) -> None:
    uuid = fail_notification(staffed)
    (job,) = staffed.json("failed")["failed"]
    assert (job["uuid"], job["lead_id"], job["attempts"]) == (uuid, 1, 1)
    assert "WRITE" in job["error"].upper()
    assert "Traceback" in staffed.json("failed", 1)["exception"]


# --- forget ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "remain"),
    [
        (("2",), [1, 3]),
        (("4f1c", "9abc-cccc"), [2]),
        (("1", "1", "4f1c"), [2, 3]),
        (("all",), []),
        (("all", "--queue", "default"), [2]),
        (("--queue", "high"), [1, 3]),
        (("all", "--range", "2-3"), [1]),
        (("--range", "1-1", "--range", "3-9"), [2]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_forget_deletes_those_that_are_meant(three: Home, arguments: tuple[str, ...], remain: list[int]) -> None:
    count = 3 - len(remain)
    noun = "job" if count == 1 else "jobs"
    assert three.leadq("forget", *arguments).stdout == f"{count} failed {noun} deleted.\n"
    assert left(three) == remain
    assert three.count("jobs") == 0


def test_forget_deletes_what_it_knows_and_says_what_it_does_not(three: Home) -> None:
    result = three.leadq("forget", "1", "nope", exit_code=1)
    assert result.stdout == "1 failed job deleted.\n"
    assert result.stderr == "Error: no failed job has the id 'nope'\n  See: leadq failed\n"
    assert three.json("forget", "2", "nope", "9abc", exit_code=1) == {"deleted": 2, "not_found": ["nope"]}
    assert three.json("forget", "all") == {"deleted": 0, "not_found": []}


# --- flush and prune-failed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "deleted"), [((), 3), (("--hours", "0"), 3), (("--hours", "2"), 2), (("--hours", "4"), 0)]
)
def test_flush_deletes_what_is_old_enough(three: Home, options: tuple[str, ...], deleted: int) -> None:
    noun = "job" if deleted == 1 else "jobs"
    assert three.leadq("flush", *options).stdout == f"{deleted} failed {noun} deleted.\n"
    assert left(three) == [1, 2, 3][deleted:]


def test_the_hour_of_flush_is_exact(three: Home, time_now: Clock) -> None:
    time_now.pass_(-1)
    assert three.json("flush", "--hours", "3") == {"deleted": 0}
    time_now.pass_(1)
    assert three.json("flush", "--hours", "3") == {"deleted": 1}


@pytest.mark.parametrize("command", ["flush", "prune-failed"])
def test_hours_may_be_as_many_as_one_likes(three: Home, command: str) -> None:
    assert three.json(command, "--hours", "9" * 30) == {"deleted": 0}


def test_prune_failed_takes_a_day_by_default(three: Home, time_now: Clock) -> None:
    assert three.leadq("prune-failed").stdout == "0 entries deleted.\n"
    time_now.pass_(21 * 3600)
    assert three.leadq("prune-failed").stdout == "1 entry deleted.\n"
    assert three.json("prune-failed", "--hours", "23") == {"deleted": 1}
    assert left(three) == [3]


def test_in_production_flush_refuses_without_a_terminal_and_prune_does_not(three: Home) -> None:
    three.environment["APP_ENV"] = "production"
    result = three.run("flush", exit_code=1)
    assert result.stdout == ""
    assert result.stderr == (
        "Error: the application is in production. This deletes failed jobs for good.\n"
        "  Add --force if that is what you want.\n"
    )
    assert left(three) == [1, 2, 3]
    three.sql("UPDATE failed_jobs SET failed_at = 0")
    assert three.run("prune-failed", "--hours", "0").stdout == "3 entries deleted.\n"
    insert_failed(three, "again")
    assert three.run("flush", "--force").stdout == "1 failed job deleted.\n"


@pytest.mark.parametrize(("answer", "exit_code", "remain"), [("", 1, [1, 2, 3]), ("n", 1, [1, 2, 3]), ("y", 0, [])])
def test_in_production_flush_asks_on_a_terminal(three: Home, answer: str, exit_code: int, remain: list[int]) -> None:
    three.environment["APP_ENV"] = "production"
    terminal = Terminal(three, "flush")
    terminal.answer("Are you sure you want to run this command? [y/N]: ", answer)
    assert terminal.end().exit_code == exit_code
    assert left(three) == remain


def test_forgotten_and_flushed_jobs_leave_the_lead_failed(staffed: Home) -> None:
    fail_notification(staffed)
    staffed.leadq("flush")
    assert [lead["notification"] for lead in staffed.json("lead", "list")["leads"]] == ["failed"]
    assert create_lead(staffed)["job"] is not None
