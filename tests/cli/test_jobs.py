"""`jobs` and `size`; and the guide's own look into the tables."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

from tests.cli.conftest import JOB_KEYS, create_lead, fail_notification, lines, mail_down
from tests.conftest import Clock
from tests.homes import Home
from tests.store.conftest import claim, worker


@pytest.fixture
def busy(staffed: Home, time_now: Clock) -> Home:
    """Jobs 1 reserved, 2 pending, 3 delayed, on the queues default, high and default."""
    create_lead(staffed)
    create_lead(staffed, "Bo", "--queue", "high", "--priority", "-5")
    create_lead(staffed, "Bo", "--delay", "2h")
    with staffed.store() as store:
        assert claim(store, worker_id=worker(store)).id == 1
    return staffed


def test_jobs_are_listed_as_a_table(busy: Home) -> None:
    assert lines(busy.leadq("jobs").stdout) == [
        "id  queue    job                   lead  state     priority  attempts  due    worker",
        "────────────────────────────────────────────────────────────────────────────────────",
        " 1  default  SendLeadCreatedEmail     1  reserved         0         1  now    test",
        " 2  high     SendLeadCreatedEmail     2  pending         -5         0  now",
        " 3  default  SendLeadCreatedEmail     3  delayed          0         0  in 2h",
    ]


@pytest.mark.parametrize(
    ("options", "ids", "total"),
    [
        ((), [1, 2, 3], 3),
        (("--queue", "high"), [2], 1),
        (("--queue", "high, default ,high"), [1, 2, 3], 3),
        (("--state", "pending"), [2], 1),
        (("--state", "delayed"), [3], 1),
        (("--state", "reserved"), [1], 1),
        (("--state", "delayed", "--queue", "high"), [], 0),
        (("--limit", "2"), [1, 2], 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_jobs_are_narrowed_by_queue_and_state(busy: Home, options: tuple[str, ...], ids: list[int], total: int) -> None:
    document = busy.json("jobs", *options)
    assert list(document) == ["jobs", "total"]
    assert ([job["id"] for job in document["jobs"]], document["total"]) == (ids, total)
    assert {tuple(job) for job in document["jobs"]} <= {tuple(JOB_KEYS)}


def test_one_job_is_shown_in_full(busy: Home) -> None:
    document = busy.json("jobs", 1)
    assert list(document) == [*JOB_KEYS, "payload"]
    payload = json.loads(document.pop("payload"))
    assert document == {
        "id": 1,
        "uuid": payload["uuid"],
        "queue": "default",
        "job": "SendLeadCreatedEmail",
        "state": "reserved",
        "priority": 0,
        "attempts": 1,
        "available_at": "2027-01-15T08:00:00Z",
        "created_at": "2027-01-15T08:00:00Z",
        "reserved_at": "2027-01-15T08:00:00Z",
        "worker": "test",
        "data": {"lead_id": 1, "user_id": 1, "test": False},
    }
    shown = lines(busy.leadq("jobs", 1).stdout.partition("\n\n")[0])
    assert [line.split()[0] for line in shown] == [*JOB_KEYS, "payload"]
    assert f"uuid          {payload['uuid']}" in shown


def story(home: Home, job_id: int) -> list[str]:
    """The lines below a job's facts."""
    home.environment["APP_TIMEZONE"] = "UTC"
    return lines(home.leadq("jobs", job_id).stdout.partition("\n\n")[2])


def test_one_job_tells_its_story_up_to_the_worker_that_runs_it(staffed: Home, time_now: Clock) -> None:
    create_lead(staffed)
    with mail_down(staffed):
        staffed.leadq("work", "--once", "--backoff", "60")
    time_now.pass_(70)  # the wait varies by a tenth
    with staffed.store() as store:
        claim(store, worker_id=worker(store))
    created, queued, released, due, running = story(staffed, 1)
    assert created == "2027-01-15 08:00:00  created               on default"
    assert queued == "2027-01-15 08:00:00  queued                for Ana Sales <ana@example.com>"
    assert released.startswith("2027-01-15 08:00:00  released   attempt 1  ")
    assert re.fullmatch(r"2027-01-15 08:0[01]:\d\d  due", due)
    assert running == "2027-01-15 08:01:10  running    attempt 2  on worker test"


def test_one_job_tells_that_its_queue_is_paused(home: Home, time_now: Clock) -> None:
    job_id = home.insert_job({"job": "x"}, queue="high")
    home.sql("UPDATE jobs SET created_at = ?, available_at = ?", time_now.now, time_now.now + 3600)
    time_now.pass_(60)
    home.leadq("pause", "high", "--for", "10m", "--reason", "mail is down")
    home.leadq("pause", "low")
    home.leadq("pause", "--all")
    assert story(home, job_id) == [
        "2027-01-15 08:00:00  created               on high",
        "2027-01-15 08:01:00  paused                all queues",
        "2027-01-15 08:01:00  paused                high for 10m: mail is down",
        "2027-01-15 09:00:00  due",
    ]


def test_a_job_whose_worker_is_gone_tells_so(busy: Home) -> None:
    busy.sql("DELETE FROM workers")
    assert story(busy, 1)[-1] == "2027-01-15 08:00:00  running    attempt 1  on a worker that is gone"


def test_no_jobs_are_no_error(home: Home) -> None:
    assert home.leadq("jobs").stdout == "No jobs.\n"
    assert home.json("jobs") == {"jobs": [], "total": 0}


def test_a_cut_list_says_so(busy: Home) -> None:
    assert busy.leadq("jobs", "--limit", 1).stderr == "The first 1 of 3; see more with --limit.\n"


def test_a_job_that_is_not_there_is_an_error(home: Home) -> None:
    result = home.leadq("jobs", 9, exit_code=1)
    assert (result.stdout, result.stderr) == (
        "",
        "Error: no job 9 is waiting or running\n  See `leadq jobs`, or `leadq failed`.\n",
    )


@pytest.mark.parametrize(
    "payload", ["not json", "[1]", "", '{"job": "x", "data": {"lead_id": {"a": [1]}}}', "\x00\x1b[2J"]
)
def test_jobs_that_nobody_could_run_are_listed_all_the_same(home: Home, payload: str) -> None:
    job_id = home.insert_job(payload)
    assert len(lines(home.leadq("jobs").stdout)) == 3
    home.leadq("jobs", job_id)
    assert home.json("jobs")["total"] == 1
    assert home.json("jobs", job_id)["payload"] == payload


def test_size_is_one_number(busy: Home) -> None:
    assert busy.leadq("size").stdout == "3\n"
    assert busy.leadq("size", "--queue", "default").stdout == "2\n"
    assert busy.leadq("size", "--queue", "high,none").stdout == "1\n"
    assert busy.leadq("size", "--queue", "none").stdout == "0\n"


def test_size_is_split_as_json(busy: Home) -> None:
    assert busy.json("size") == {
        "size": 3,
        "pending": 1,
        "delayed": 1,
        "reserved": 1,
        "queues": {
            "default": {"size": 2, "pending": 0, "delayed": 1, "reserved": 1, "paused": False},
            "high": {"size": 1, "pending": 1, "delayed": 0, "reserved": 0, "paused": False},
        },
    }
    assert busy.json("size", "--queue", "none") == {
        "size": 0,
        "pending": 0,
        "delayed": 0,
        "reserved": 0,
        "queues": {"none": {"size": 0, "pending": 0, "delayed": 0, "reserved": 0, "paused": False}},
    }


def test_the_guides_two_queries_work(staffed: Home) -> None:
    failed = fail_notification(staffed)
    queued = create_lead(staffed)["job"]["uuid"]
    connection = sqlite3.connect(staffed.path / "storage" / "leadq.db")
    connection.row_factory = sqlite3.Row
    (job,) = connection.execute("SELECT * FROM jobs").fetchall()
    (failure,) = connection.execute("SELECT * FROM failed_jobs").fetchall()
    connection.close()
    assert job.keys()[:7] == ["id", "queue", "payload", "attempts", "reserved_at", "available_at", "created_at"]
    assert failure.keys()[:7] == ["id", "uuid", "connection", "queue", "payload", "exception", "failed_at"]
    assert json.loads(job["payload"])["uuid"] == queued
    assert (failure["uuid"], failure["connection"], failure["queue"]) == (failed, "database", "default")
