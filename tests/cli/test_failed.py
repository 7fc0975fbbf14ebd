"""`failed`, `forget`, `flush` and `prune-failed`."""

from __future__ import annotations

import time

import pytest

from tests.cli.conftest import FAILED_KEYS, Terminal, create_lead, fail_notification, insert_failed, lines
from tests.cli.test_screen import OUR_COLOURS
from tests.conftest import NOW, Clock
from tests.homes import Home

HINT = "One in full: leadq failed ID. Back into the queue: leadq retry ID, or all\n"
CAUSE_KEYS = ["job", "error", "count", "last_hour", "last_day", "first_at", "last_at", "leads", "users", "sample"]


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
    assert result.stderr == f"3 failed. {HINT}"
    assert three.leadq("-q", "failed").stderr == ""


def test_failed_jobs_are_told_page_by_page(three: Home) -> None:
    def page(number: int) -> tuple[list[int], str]:
        told = three.leadq("failed", "--limit", 2, "--page", number)
        ids = [int(row.split()[0]) for row in lines(told.stdout)[2:]]
        document = three.json("failed", "--limit", 2, "--page", number)
        assert [job["id"] for job in document["failed"]] == ids
        assert document["total"] == 3
        return ids, told.stderr

    assert page(1) == ([3, 2], f"The newest 2 of 3 failed (next: --page 2; by cause: --group). {HINT}")
    assert page(2) == ([1], f"3 to 3 of 3 failed (by cause: --group). {HINT}")
    for beyond in (3, "9" * 30):
        told = three.leadq("failed", "--limit", 2, "--page", beyond)
        assert (told.stdout, told.stderr) == ("No failed jobs on this page; there are 3 in all.\n", "")
    assert three.json("failed", "--page", "9" * 30, "--limit", "9" * 30) == {"failed": [], "total": 3}


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
        "payload:",
        "{",
        '  "job": "SendLeadCreatedEmail",',
        '  "data": {',
        '    "lead_id": 7',
        "  }",
        "}",
        "exception:",
        "OSError: mail is down",
        "Traceback (most recent call last): …",
    ]
    assert three.leadq("failed", reference).stderr == (
        "Back into its queue: leadq retry 2. Given up for good: leadq forget 2.\n"
    )


def test_one_with_a_notification_tells_its_story(staffed: Home) -> None:
    fail_notification(staffed)
    told = staffed.leadq("failed", 1)
    assert "user        Ana Sales <ana@example.com>\n" in told.stdout
    before, _, story = told.stdout.partition("\nstory:\n")
    assert "exception:\n" in before
    assert [line[21:].split()[0] for line in story.splitlines()] == ["queued", "failed"]
    assert told.stderr == (
        "Back into its queue: leadq retry 1. Given up for good: leadq forget 1. Its lead: leadq lead show 1.\n"
    )


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


# --- filters ---------------------------------------------------------------------------------------


@pytest.fixture
def various(staffed: Home) -> Home:
    """Failed jobs 1 (Ana's notification), 2 (Bea's, on high), and of another program 3 and 4."""
    staffed.leadq("user", "create", "--name", "Bea", "--email", "bea@example.com")
    fail_notification(staffed, "Bo", "--user", 1)
    fail_notification(staffed, "Cy", "--user", "bea@example.com", "--queue", "high")
    insert_failed(
        staffed,
        "third",
        payload='{"job": "Report", "displayName": "Weekly report"}',
        exception="Error: 100% Überlauf_\nTraceback: the disk is full",
        failed_at=int(time.time()) - 7200,
    )
    insert_failed(staffed, "fourth", payload="no JSON", exception="Error: 100 x", failed_at=0)
    return staffed


FILTERED: list[tuple[tuple[object, ...], list[int]]] = [
    (("--queue", "high"), [2]),
    (("--queue", "high, default"), [1, 2, 3, 4]),
    (("--queue", "none"), []),
    (("--job", "SendLeadCreatedEmail"), [1, 2]),
    (("--job", "Report"), [3]),
    (("--job", "Weekly report"), [3]),
    (("--job", "report"), []),
    (("--user", 1), [1]),
    (("--user", "BEA@example.com"), [2]),
    (("--error", "the DISK"), [3]),
    (("--error", "100%"), [3]),
    (("--error", "0_"), []),
    (("--error", "ÜBERLAUF_"), [3]),
    (("--error", "überlauf%"), []),
    (("--error", "error"), [1, 2, 3, 4]),
    (("--since", "1h"), [1, 2]),
    (("--since", "3h"), [1, 2, 3]),
    (("--range", "2-3", "--range", "4-9"), [2, 3, 4]),
    (("--job", "SendLeadCreatedEmail", "--queue", "default", "--since", "1h", "--user", 1, "--range", "1-9"), [1]),
    (("--job", "SendLeadCreatedEmail", "--error", "überlauf"), []),
]


def test_filters_narrow_failed_and_retry_alike(various: Home) -> None:
    for filters, ids in FILTERED:
        document = various.json("failed", *filters)
        assert [job["id"] for job in document["failed"]] == ids[::-1], filters
        assert document["total"] == len(ids), filters
        assert sum(group["count"] for group in various.json("failed", "--group", *filters)["groups"]) == len(ids)
        assert various.json("retry", "all", "--dry-run", *filters)["would_retry"] == len(ids), filters


@pytest.mark.parametrize("command", ["retry", "forget"])
def test_only_those_that_the_filters_let_through_are_touched(various: Home, command: str) -> None:
    various.leadq(command, "all", "--job", "SendLeadCreatedEmail", "--user", "bea@example.com", "--since", "1h")
    assert left(various) == [1, 3, 4]
    various.leadq(command, "all", "--error", "überlauf_")
    assert left(various) == [1, 4]
    various.leadq(command, "all", "--error", "100%")
    assert left(various) == [1, 4]


def test_filters_that_let_none_through_are_told_apart_from_no_failed_jobs(three: Home) -> None:
    for options in ((), ("--group",)):
        assert three.leadq("failed", "--queue", "none", *options).stdout == "No failed jobs match.\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--queue", "\N{PILE OF POO}"), "expected a queue name of letters, digits"),
        (("--job", ""), "expected a text that is not empty"),
        (("--error", "  "), "expected a text that is not empty"),
        (("--since", "soon"), "'soon' is not a duration"),
        (("--since", "-1"), "'-1' is not a duration"),
        (("--range", "5"), "expected two numbers such as 5-10"),
        (("--limit", "0"), "0 is not in the range x>=1"),
        (("--page", "x"), "'x' is not a valid integer"),
        (("1", "--queue", "high"), "--queue narrows `all`; it cannot be combined with ids."),
        (("1", "--since", "1h"), "--since narrows `all`; it cannot be combined with ids."),
        (("1", "--range", "1-2"), "--range narrows `all`; it cannot be combined with ids."),
        (("1", "--group"), "--group and an id exclude each other."),
        (("--group", "--limit", "5"), "--group tells all causes: --limit and --page are for the list."),
    ],
)
def test_a_filter_that_makes_no_sense_is_a_usage_error(three: Home, options: tuple[str, ...], says: str) -> None:
    result = three.leadq("failed", *options, exit_code=2)
    assert result.stdout == ""
    assert says in result.stderr


@pytest.mark.parametrize("command", ["failed", "retry all", "forget all"])
@pytest.mark.parametrize("user", ["99999999999999999999", "nobody@example.com", "\N{PILE OF POO}"])
def test_an_unknown_user_is_an_error(three: Home, command: str, user: str) -> None:
    result = three.leadq(*command.split(), "--user", user, exit_code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: there is no user ")
    assert result.stderr.endswith("\n  See: leadq user list\n")
    assert left(three) == [1, 2, 3]


# --- by cause --------------------------------------------------------------------------------------


@pytest.fixture
def causes(home: Home, time_now: Clock) -> Home:
    """Three jobs that failed for one reason, and one for another."""
    for number, hours in ((1, 30), (2, 2), (3, 0)):
        insert_failed(
            home,
            f"a{number}",
            payload=f'{{"job": "Send", "data": {{"lead_id": {number % 2}}}}}',
            exception=f"E: 550 5.1.1 <bob{number}@example.com>: no such user (id {number})\nTraceback",
            failed_at=NOW - hours * 3600,
        )
    insert_failed(home, "b", exception="E: 421 4.7.0 later", failed_at=NOW - 60)
    return home


def test_failed_jobs_are_told_by_cause(causes: Home) -> None:
    result = causes.leadq("failed", "--group")
    assert lines(result.stdout) == [
        "count  1h  24h  leads  users  first   last    sample  job                   error",
        "─" * 119,
        "    3   1    2      2      0  1d ago  now          3  Send                 "
        " E: 550 5.1.1 <address>: no such user (id #)",
        "    1   1    1      1      0  1m ago  1m ago       4  SendLeadCreatedEmail  E: 421 4.7.0 later",
    ]
    assert result.stderr == (
        "4 failed for 2 causes. One in full: leadq failed SAMPLE. Back into the queue: leadq retry all --error TEXT\n"
    )


def test_causes_are_printed_as_json(causes: Home) -> None:
    document = causes.json("failed", "--group", "--error", "550")
    assert list(document["groups"][0]) == CAUSE_KEYS
    assert document == {
        "groups": [
            {
                "job": "Send",
                "error": "E: 550 5.1.1 <address>: no such user (id #)",
                "count": 3,
                "last_hour": 1,
                "last_day": 2,
                "first_at": "2027-01-14T02:00:00Z",
                "last_at": "2027-01-15T08:00:00Z",
                "leads": 2,
                "users": 0,
                "sample": 3,
            }
        ]
    }
    assert causes.json("failed", "--group", "--queue", "none") == {"groups": []}


def test_without_failed_jobs_there_are_no_causes(home: Home) -> None:
    assert home.leadq("failed", "--group").stdout == "No failed jobs.\n"


def test_a_cause_counts_the_users_that_it_touches(staffed: Home) -> None:
    staffed.leadq("user", "create", "--name", "Bea", "--email", "bea@example.com")
    for user in (1, 2, 2):
        fail_notification(staffed, "Bo", "--user", user)
    (group,) = staffed.json("failed", "--group")["groups"]
    assert (group["count"], group["leads"], group["users"]) == (3, 3, 2)


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_cause_stands_below_its_numbers_where_the_terminal_is_narrow(causes: Home, columns: int) -> None:
    screen = Terminal(causes, "failed", "--group", columns=columns).end()
    told = lines(OUR_COLOURS.sub("", screen.text))
    assert [line.split()[0] for line in told[2:6:2]] == ["3", "1"]
    assert told[3] == "  Send  E: 550 5.1.1 <address>: no such user (id #)"
    assert told[5] == "  SendLeadCreatedEmail  E: 421 4.7.0 later"
    assert max(map(len, told[:6])) <= columns


def test_a_cause_is_one_row_where_the_terminal_is_wide(causes: Home) -> None:
    screen = Terminal(causes, "failed", "--group", columns=160).end()
    assert "Send                  E: 550 5.1.1 <address>: no such user (id #)" in screen.text.splitlines()[2]


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
