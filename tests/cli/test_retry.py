"""`retry`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from leadq.errors import StoreUnavailable
from leadq.store.failed import FailedFilter, FailedJobs
from leadq.store.jobs import DUE, UNSEEN
from leadq.store.triage import Triage
from tests.cli.conftest import fail_notification, insert_failed, lines
from tests.conftest import NOW, Clock
from tests.homes import Home

UUIDS = {1: "4f1c-aaaa", 2: "4f1d-bbbb", 3: "9abc-cccc"}


@pytest.fixture
def three(home: Home) -> Home:
    """Failed jobs 1 (4f1c, default), 2 (4f1d, high) and 3 (9abc, default)."""
    for failed_id, uuid in UUIDS.items():
        insert_failed(home, uuid, queue="high" if failed_id == 2 else "default")
    return home


def queued(home: Home) -> list[str]:
    return [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs ORDER BY id")]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("2",), [2]),
        (("4f1d-bbbb",), [2]),
        (("4f1d",), [2]),
        (("4F1D",), [2]),
        (("3", "1"), [3, 1]),
        (("1", "4f1c", "1"), [1]),
        (("all",), [1, 2, 3]),
        (("all", "--queue", "default"), [1, 3]),
        (("--queue", "high"), [2]),
        (("all", "--range", "2-9"), [2, 3]),
        (("--range", "3-2"), [2, 3]),
        (("--range", "1-1", "--range", "3-3"), [1, 3]),
        (("all", "--queue", "default", "--range", "2-3"), [3]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_those_that_are_meant_are_queued_again(three: Home, arguments: tuple[str, ...], ids: list[int]) -> None:
    result = three.leadq("retry", *arguments)
    noun = "job" if len(ids) == 1 else "jobs"
    told = "".join(f"{UUIDS[failed_id]}  queued again\n" for failed_id in ids)
    assert result.stdout == f"{told}{len(ids)} failed {noun} queued again.\n"
    assert result.stderr == ""
    assert queued(three) == [UUIDS[failed_id] for failed_id in ids]
    assert three.count("failed_jobs") == 3 - len(ids)


def test_what_was_retried_is_printed_as_json(three: Home) -> None:
    assert three.json("retry", "all") == {"retried": list(UUIDS.values()), "not_found": []}


def test_an_id_that_is_not_known_is_an_error_and_the_others_are_still_retried(three: Home) -> None:
    result = three.leadq("retry", "1", "nope", "3", exit_code=1)
    assert result.stdout == "4f1c-aaaa  queued again\n9abc-cccc  queued again\n2 failed jobs queued again.\n"
    assert result.stderr == "Error: no failed job has the id 'nope'\n  See: leadq failed\n"
    assert three.json("retry", "nope", "2", exit_code=1) == {"retried": ["4f1d-bbbb"], "not_found": ["nope"]}


def test_a_beginning_that_fits_several_retries_none_of_them(three: Home) -> None:
    result = three.leadq("retry", "4f1", exit_code=1)
    assert (result.stdout, result.stderr) == (
        "",
        "Error: more than one failed job begins with '4f1'\n  Give more of its uuid; see `leadq failed`.\n",
    )
    assert queued(three) == []


@pytest.mark.parametrize("arguments", [("all",), ("all", "--queue", "none"), ("--range", "50-60")])
def test_nothing_to_retry_is_no_error(three: Home, arguments: tuple[str, ...]) -> None:
    if arguments == ("all",):
        three.leadq("flush")
    result = three.leadq("retry", *arguments)
    assert (result.stdout, result.stderr) == ("No failed jobs to retry.\n", "")
    assert three.json("retry", *arguments) == {"retried": [], "not_found": []}


def test_a_range_as_large_as_one_likes_is_no_bug(three: Home) -> None:
    assert three.json("retry", "all", "--range", f"1-{'9' * 30}")["retried"] == list(UUIDS.values())


def test_many_are_not_told_one_by_one(home: Home) -> None:
    for number in range(60):
        insert_failed(home, f"u{number:02}")
    told = home.leadq("retry", "all").stdout.splitlines()
    assert (len(told), told[-1]) == (51, "60 failed jobs queued again.")


# --- dry run, delay, spread ------------------------------------------------------------------------


def test_a_dry_run_tells_how_many_and_why_and_changes_nothing(three: Home, time_now: Clock) -> None:
    insert_failed(three, "other", exception="E: 550 5.1.1 <bob@example.com> is unknown", failed_at=NOW)
    result = three.leadq("retry", "all", "--dry-run")
    assert lines(result.stdout)[2:] == [
        "    3   3    3      1      0  now    now        3  SendLeadCreatedEmail  OSError: mail is down",
        "    1   1    1      1      0  now    now        4  SendLeadCreatedEmail  E: 550 5.1.1 <address> is unknown",
        "4 failed jobs would be queued again.",
    ]
    document = three.json("retry", "all", "--dry-run", "--queue", "high")
    assert list(document) == ["dry_run", "would_retry", "groups", "not_found"]
    assert (document["dry_run"], document["would_retry"], document["not_found"]) == (True, 1, [])
    assert [(group["error"], group["count"]) for group in document["groups"]] == [("OSError: mail is down", 1)]
    assert (three.count("failed_jobs"), three.count("jobs")) == (4, 0)


def test_a_dry_run_takes_ids_too(three: Home) -> None:
    document = three.json("retry", "3", "nope", "4f1c", "--dry-run", exit_code=1)
    assert (document["would_retry"], document["not_found"]) == (2, ["nope"])
    assert three.leadq("retry", "all", "--queue", "none", "--dry-run").stdout == "No failed jobs to retry.\n"
    assert three.count("jobs") == 0


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ((), [0, 0, 0]),
        (("--delay", "5m"), [300, 300, 300]),
        (("--spread", "10m"), [0, 200, 400]),
        (("--spread", "10m", "--delay", "5m"), [300, 500, 700]),
        (("--spread", "1"), [0, 1, 1]),
    ],
)
def test_jobs_are_due_later_or_one_by_one(
    three: Home, time_now: Clock, options: tuple[str, ...], due: list[int]
) -> None:
    three.leadq("retry", "all", *options)
    assert three.sql("SELECT uuid, available_at, stage FROM jobs ORDER BY id") == [
        (uuid, NOW + later, DUE if later == 0 else UNSEEN) for uuid, later in zip(UUIDS.values(), due, strict=True)
    ]


def test_ids_are_spread_in_the_order_in_which_they_are_named(three: Home, time_now: Clock) -> None:
    three.leadq("retry", "3", "1", "--spread", "10m")
    assert three.sql("SELECT uuid, available_at FROM jobs ORDER BY id") == [
        (UUIDS[3], NOW),
        (UUIDS[1], NOW + 300),
    ]


def test_a_range_is_retried_along_with_ids(three: Home) -> None:
    assert three.json("retry", "3", "--range", "2-3")["retried"] == [UUIDS[3], UUIDS[2]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Give the ids of failed jobs, or `all`. See: leadq failed"),
        (("--spread", "10m"), "Give the ids of failed jobs, or `all`. See: leadq failed"),
        (("all", "1"), "`all` and ids exclude each other."),
        (("1", "--error", "x"), "--error narrows `all`; it cannot be combined with ids."),
        (("1", "--user", "1"), "--user narrows `all`; it cannot be combined with ids."),
        (("all", "--spread", "-5"), "'-5' is not a duration"),
        (("all", "--queue", "\N{PILE OF POO}"), "expected a queue name of letters, digits"),
    ],
)
@pytest.mark.parametrize("command", ["retry", "forget"])
def test_what_is_not_clear_is_a_usage_error(three: Home, command: str, arguments: tuple[str, ...], says: str) -> None:
    if "--spread" in arguments and command == "forget":
        says = "No such option"
    result = three.leadq(command, *arguments, exit_code=2)
    assert result.stdout == ""
    assert says in result.stderr
    assert three.count("failed_jobs") == 3


@pytest.mark.parametrize("reference", ["99999999999999999999", "\N{PILE OF POO}", "0", "-7"])
def test_an_id_of_any_look_is_not_found(three: Home, reference: str) -> None:
    result = three.leadq("retry", "--json", "--", reference, exit_code=1).json
    assert result == {"retried": [], "not_found": [reference]}


# --- more than a chunk -----------------------------------------------------------------------------

MANY = 1201


@pytest.fixture
def many(home: Home) -> Home:
    """More failed jobs than two transactions move."""
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)"
        " SELECT 'job-' || i, 'database', 'default', '{\"job\":\"x\"}', 'E: x', 0 FROM n"
    )
    return home


def test_thousands_are_retried_in_their_order_and_told_as_one_document(many: Home) -> None:
    document = many.json("retry", "all", "--spread", "1h")
    assert document == {"retried": [f"job-{number}" for number in range(1, MANY + 1)], "not_found": []}
    assert queued(many) == document["retried"]
    due = [at for (at,) in many.sql("SELECT available_at FROM jobs ORDER BY id")]
    assert due == sorted(due)
    assert due[-1] - due[0] == 3598  # 1200 steps of 1201
    assert len(set(due)) == MANY


def test_a_store_that_gives_up_in_the_middle_leaves_a_true_count(many: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    retry_chunk = Triage.retry_chunk

    def give_up_in_the_end(self: Triage, ids: list[int], **options: Any) -> list[str]:
        if ids[-1] == MANY:
            raise StoreUnavailable("the disk is full", hint="Make room.")
        return retry_chunk(self, ids, **options)

    monkeypatch.setattr(Triage, "retry_chunk", give_up_in_the_end)
    result = many.leadq("retry", "all", exit_code=1)
    assert result.stdout.splitlines()[-1] == "1000 failed jobs queued again."
    assert result.stderr == "Error: the disk is full\n  Make room.\n"
    assert (many.count("jobs"), many.count("failed_jobs")) == (1000, 201)
    document = many.json("retry", "all", exit_code=1)  # now the first chunk is the last one
    assert document == {"error": {"type": "StoreUnavailable", "message": "the disk is full", "hint": "Make room."}}


def test_a_store_that_cannot_be_read_any_more_leaves_a_true_count(many: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = FailedJobs.chunks

    def read_twice(self: FailedJobs, chosen: FailedFilter) -> Iterator[list[int]]:
        yield from islice(chunks(self, chosen), 2)
        raise StoreUnavailable("the server has gone away")

    monkeypatch.setattr(FailedJobs, "chunks", read_twice)
    document = many.json("retry", "all", exit_code=1)
    assert (len(document["retried"]), document["left"]) == (1000, None)
    assert document["error"] == {"type": "StoreUnavailable", "message": "the server has gone away", "hint": None}


@pytest.mark.parametrize("command", ["retry", "forget"])
def test_ctrl_c_in_the_middle_leaves_a_true_count(many: Home, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    name = f"{command}_chunk"
    move = getattr(Triage, name)
    monkeypatch.setattr(
        Triage, name, lambda *args, **options: (signal.raise_signal(signal.SIGINT), move(*args, **options))[1]
    )
    result = many.leadq(command, "all", exit_code=1)
    done = {"retry": "500 failed jobs queued again.", "forget": "500 failed jobs deleted."}
    assert result.stdout.splitlines()[-1] == done[command]
    assert result.stderr == "Error: interrupted; 701 are left\n  The same command goes on with them.\n"
    assert many.count("failed_jobs") == 701
    document = many.json(command, "all", exit_code=1)
    assert list(document) == ["retried" if command == "retry" else "deleted", "not_found", "left", "error"]
    hint = "The same command goes on with them."
    assert document["error"] == {"type": "Interrupted", "message": "interrupted; 201 are left", "hint": hint}
    assert document["left"] == 201
    assert many.leadq(command, "all").exit_code == 0  # interrupted when all was done
    assert many.count("failed_jobs") == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_strikes_at_once(many: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted_twice(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Triage, "_move_back", interrupted_twice)
    assert many.leadq("retry", "all", exit_code=1).stderr == "Error: interrupted\n"
    assert (many.count("jobs"), many.count("failed_jobs")) == (0, MANY)


# --- what becomes of them --------------------------------------------------------------------------


def test_a_retried_notification_is_sent(staffed: Home) -> None:
    uuid = fail_notification(staffed)
    staffed.leadq("retry", "all")
    assert staffed.json("lead", "list")["leads"][0]["notification"] == "queued"
    staffed.leadq("work", "--once")
    assert [uuid in mail.name for mail in staffed.mails] == [True]
    assert staffed.json("lead", "list")["leads"][0]["notification"] == "sent"


@pytest.mark.parametrize(("options", "mails"), [((), 1), (("--force",), 2)])
def test_a_mail_that_went_out_goes_out_again_by_force_alone(
    staffed: Home, options: tuple[str, ...], mails: int
) -> None:
    staffed.environment["MAIL_MAILER"] = "log"
    uuid = staffed.json("lead", "create", "--name", "Bo", "--email", "bo@example.com")["job"]["uuid"]
    payload = staffed.sql("SELECT payload FROM jobs")[0][0]
    staffed.leadq("work", "--once")
    insert_failed(staffed, uuid, payload=payload)
    staffed.leadq("retry", "all", *options)
    staffed.leadq("work", "--once")
    assert staffed.log.count("mail to ana@example.com") == mails
    assert (staffed.count("jobs"), staffed.count("failed_jobs")) == (0, 0)


def test_each_retry_is_logged(three: Home) -> None:
    three.leadq("retry", "all")
    for uuid in UUIDS.values():
        assert f'local.INFO: Failed job retried {{"job": "{uuid}"}}' in three.log
