"""`batches`, `retry-batch`, `cancel-batch` and `prune-batches`."""

from __future__ import annotations

from typing import Any

import pytest

from leadq.leads import NewLead, Routing, create_lead
from leadq.store.outcomes import Completed
from leadq.store.store import Store
from tests.cli.conftest import Terminal, lines
from tests.conftest import Clock
from tests.homes import Home
from tests.store.conftest import FAILED, claim

BATCH_KEYS = [
    "id",
    "name",
    "total_jobs",
    "pending_jobs",
    "failed_jobs",
    "progress",
    "created_at",
    "finished_at",
    "cancelled_at",
]


def add_batch(home: Home, store: Store, name: str, leads: int) -> None:
    """A batch with so many notifications; its id is its name's beginning."""
    made = store.batches.create(name=name)
    batch_id = f"{name[:4]}-{made[:8]}"
    home.sql("UPDATE job_batches SET id = ? WHERE id = ?", batch_id, made)
    routing = Routing(default_queue="default", batch_id=batch_id)
    for number in range(leads):
        create_lead(store, NewLead(name=f"Bo {number}", email="bo@example.com"), routing=routing)
    store.batches.add(batch_id, leads)
    store.batches.close(batch_id)


@pytest.fixture
def three(staffed: Home, time_now: Clock) -> Home:
    """Batches 4f1c (of 3 jobs one has failed, one is done, one waits), 4f1d (2 jobs have failed) and 9abc (empty)."""
    with staffed.store() as store:
        add_batch(staffed, store, "4f1d [red]fair\x1b[2J", 2)
        for _ in range(2):
            store.settlements.settle(claim(store), FAILED)
        time_now.pass_(60)
        add_batch(staffed, store, "4f1c leads.csv", 3)
        store.settlements.settle(claim(store), FAILED)
        store.settlements.settle(claim(store), Completed())
        time_now.pass_(60)
        add_batch(staffed, store, "9abc empty.csv", 0)
        time_now.pass_(60)
    return staffed


def batch(home: Home, reference: str) -> dict[str, Any]:
    document: dict[str, Any] = home.json("batches", reference)
    return document


def counters(home: Home, reference: str) -> tuple[int, int, int]:
    document = batch(home, reference)
    return document["total_jobs"], document["pending_jobs"], document["failed_jobs"]


# --- batches ---------------------------------------------------------------------------------------


def test_batches_are_listed_the_newest_first(three: Home) -> None:
    three.leadq("cancel-batch", "4f1d")
    result = three.leadq("batches")
    rows = [line.split(maxsplit=1) for line in lines(result.stdout)]
    assert [row[0][:4] for row in rows] == ["id", "────", "9abc", "4f1c", "4f1d"]
    assert {len(row[0]) for row in rows[2:]} == {8}
    assert [row[-1].split("  ", 1)[0] for row in rows[2:]] == ["9abc empty.csv", "4f1c leads.csv", "4f1d [red]fair [2J"]
    assert [" ".join(row[1].split()) for row in (rows[0], *rows[2:])] == [
        "name progress pending failed created finished",
        "9abc empty.csv 100 % 0 0 1m ago 1m ago",
        "4f1c leads.csv 66 % 1 1 2m ago",
        "4f1d [red]fair [2J 100 % 0 2 3m ago cancelled now",
    ]
    assert result.stderr == ""
    assert three.leadq("batches", "--limit", 2).stderr == "The newest 2 of 3; see more with --limit.\n"


def test_ids_that_begin_alike_are_told_at_full_enough_length(home: Home) -> None:
    for batch_id in ("01234567-89ab-1", "01234567-89ab-2", "01234567-8"):
        home.sql(
            "INSERT INTO job_batches (id, name, total_jobs, pending_jobs, failed_jobs, failed_job_ids, created_at)"
            " VALUES (?, 'theirs', 0, 0, 0, '[]', 1)",
            batch_id,
        )
    told = [line.split()[0] for line in lines(home.leadq("batches").stdout)[2:]]
    assert told == ["01234567-89ab-2", "01234567-89ab-1", "01234567-8"]


def test_batches_are_printed_as_json(three: Home) -> None:
    document = three.json("batches")
    assert list(document) == ["batches"]
    assert [list(one) for one in document["batches"]] == [BATCH_KEYS] * 3
    assert document["batches"][1] == {
        "id": batch(three, "4f1c")["id"],
        "name": "4f1c leads.csv",
        "total_jobs": 3,
        "pending_jobs": 1,
        "failed_jobs": 1,
        "progress": 66,
        "created_at": "2027-01-15T08:01:00Z",
        "finished_at": None,
        "cancelled_at": None,
    }
    assert len(three.json("batches", "--limit", 1)["batches"]) == 1


def test_without_batches_that_is_said(home: Home) -> None:
    assert home.leadq("batches").stdout == "No batches.\n"
    assert home.json("batches") == {"batches": []}


def test_one_batch_is_shown_with_its_failed_jobs(three: Home) -> None:
    document = batch(three, "4f1d")
    assert list(document) == [*BATCH_KEYS, "failed_job_ids"]
    uuids = [uuid for (uuid,) in three.sql("SELECT uuid FROM failed_jobs WHERE batch_id = ?", document["id"])]
    assert document["failed_job_ids"] == uuids
    result = three.leadq("batches", "4f1d")
    facts = "id              {id}\nname            4f1d [red]fair [2J\ntotal_jobs      2\npending_jobs    0\n"
    assert result.stdout.startswith(facts.format_map(document))
    assert result.stdout.endswith("\ncancelled_at\nfailed_job_ids:\n" + "\n".join(uuids) + "\n")
    assert result.stderr == (
        f"One in full: leadq failed ID. All of them back into the queue: leadq retry-batch {document['id']}\n"
    )
    assert "failed_job_ids:" not in three.leadq("batches", "9abc").stdout


@pytest.mark.parametrize("command", ["batches", "cancel-batch"])
@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("nope", "no batch has the id 'nope'", "See: leadq batches"),
        ("4f1", "more than one batch begins with '4f1'", "Give more of its id; see `leadq batches --json`."),
    ],
)
def test_an_id_that_fits_no_batch_or_several_is_an_error(
    three: Home, command: str, reference: str, message: str, hint: str
) -> None:
    result = three.leadq(command, reference, exit_code=1)
    assert (result.stdout, result.stderr) == ("", f"Error: {message}\n  {hint}\n")
    refusal = three.json(command, reference, exit_code=1)
    assert refusal == {"error": {"type": "NotFound", "message": message, "hint": hint}}


# --- retry-batch -----------------------------------------------------------------------------------


def test_the_failed_jobs_of_a_batch_are_queued_again(three: Home) -> None:
    uuids = batch(three, "4f1d")["failed_job_ids"]
    result = three.leadq("retry-batch", "4f1d", "4F1D")
    told = "".join(f"{uuid}  queued again\n" for uuid in uuids)
    assert (result.stdout, result.stderr) == (f"{told}2 failed jobs queued again.\n", "")
    assert counters(three, "4f1d") == (2, 2, 0)
    assert counters(three, "4f1c") == (3, 1, 1)
    assert batch(three, "4f1d")["finished_at"] is None
    three.leadq("work", "--stop-when-empty")
    assert counters(three, "4f1d") == (2, 0, 0)
    assert batch(three, "4f1d")["finished_at"] == "2027-01-15T08:03:00Z"
    for uuid in uuids:
        assert f'local.INFO: Failed job retried {{"job": "{uuid}"}}' in three.log


def test_several_batches_are_retried_and_one_that_is_not_there_is_an_error(three: Home) -> None:
    uuids = [*batch(three, "4f1c")["failed_job_ids"], *batch(three, "4f1d")["failed_job_ids"]]
    document = three.json("retry-batch", "4f1c", "nope", "4f1d", exit_code=1)
    assert document == {"retried": uuids, "not_found": ["nope"]}
    result = three.leadq("retry-batch", "nope", exit_code=1)
    assert (result.stdout, result.stderr) == ("", "Error: no batch has the id 'nope'\n  See: leadq batches\n")


def test_a_batch_without_failed_jobs_has_nothing_to_retry(three: Home) -> None:
    result = three.leadq("retry-batch", "9abc")
    assert (result.stdout, result.stderr) == ("No failed jobs to retry.\n", "")
    assert three.json("retry-batch", "9abc") == {"retried": [], "not_found": []}


def test_retrying_that_is_broken_off_tells_how_many_were_queued_again(home: Home) -> None:
    batch_id, many = "4f1c-aaaa", 20_000
    home.sql(
        "INSERT INTO job_batches (id, name, total_jobs, pending_jobs, failed_jobs, failed_job_ids, created_at)"
        " VALUES (?, 'import', ?, 0, ?, '[]', 1)",
        batch_id,
        many,
        many,
    )
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, batch_id)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " SELECT 'u' || i, 'database', 'default', '{}', 'x', 0, ? FROM n",
        many,
        batch_id,
    )
    terminal = Terminal(home, "retry-batch", batch_id)
    terminal.see("queued again")
    terminal.press("c")
    screen = terminal.end()
    assert screen.exit_code == 1
    retried = home.count("jobs")
    assert 0 < retried < many
    assert f"{retried} failed {'job' if retried == 1 else 'jobs'} queued again.\n" in screen.text
    assert screen.text.endswith("interrupted; some are left\n  The same command goes on with them.\n")
    assert counters(home, batch_id) == (many, retried, many - retried)


# --- cancel-batch ----------------------------------------------------------------------------------


def test_a_cancelled_batch_loses_its_waiting_jobs(three: Home) -> None:
    batch_id = batch(three, "4f1c")["id"]
    result = three.leadq("cancel-batch", "4f1c")
    assert result.stdout == f"Batch {batch_id} cancelled; 1 waiting job was deleted.\n"
    assert result.stderr == ""
    document = batch(three, "4f1c")
    assert (document["cancelled_at"], document["finished_at"], document["progress"]) == (
        "2027-01-15T08:03:00Z",
        "2027-01-15T08:03:00Z",
        100,
    )
    assert three.count("jobs") == 0
    assert f'local.INFO: Batch cancelled {{"batch": "{batch_id}", "dropped": 1}}' in three.log
    assert three.json("cancel-batch", "4f1c") == {"cancelled": batch_id, "dropped": 0}


def test_what_is_running_is_left_and_that_is_said(three: Home) -> None:
    with three.store() as store:
        claim(store)
    result = three.leadq("cancel-batch", "4f1c")
    assert result.stdout.endswith("cancelled; 0 waiting jobs were deleted.\n")
    assert result.stderr == "1 job is still pending: running, or added meanwhile.\n"
    assert three.count("jobs") == 1


# --- prune-batches ---------------------------------------------------------------------------------


def test_old_batches_are_pruned(three: Home, time_now: Clock) -> None:
    assert three.leadq("prune-batches").stdout == "0 entries deleted.\n"
    assert three.leadq("prune-batches", "--hours", 0).stdout == "2 entries deleted.\n"
    time_now.pass_(3600)
    assert (
        three.leadq("prune-batches", "--unfinished", 2).stdout == "0 entries deleted.\n0 unfinished entries deleted.\n"
    )
    result = three.leadq("prune-batches", "--unfinished", 1, "--cancelled", 1)
    assert result.stdout == "0 entries deleted.\n1 unfinished entry deleted.\n0 cancelled entries deleted.\n"
    assert three.json("batches") == {"batches": []}


def test_what_was_pruned_is_printed_as_json_as_one_number(three: Home) -> None:
    three.leadq("cancel-batch", "4f1c")
    assert three.json("prune-batches", "--cancelled", 0) == {"deleted": 1}
    assert three.json("prune-batches", "--hours", 0, "--unfinished", 0) == {"deleted": 2}
    assert three.count("failed_jobs") == 3
