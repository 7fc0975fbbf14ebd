"""`retry`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import fail_notification, insert_failed
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
