"""leadq.dispatch: a developer's own job becomes a row, and a worker runs it."""

from __future__ import annotations

import datetime
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peewee
import pytest

import leadq
from tests.api import own_jobs
from tests.homes import Home
from tests.process.signs import notes

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Anything(leadq.Job):
    value: Any


@pytest.fixture
def jobs_home(placed: Home) -> Home:
    """A home with one user, whose workers load own_jobs.py, configured here."""
    source = Path(own_jobs.__file__).read_text(encoding="utf-8")
    placed.add_module("own_jobs", source)
    leadq.configure(home=placed.path)
    return placed


def test_the_row_is_what_the_call_and_the_job_say(jobs_home: Home) -> None:
    uuid = leadq.dispatch(own_jobs.Doomed(text="a"))
    assert UUID.fullmatch(uuid)
    ((queue, payload, priority, wait),) = jobs_home.sql(
        "SELECT queue, payload, priority, available_at - created_at FROM jobs"
    )
    assert (queue, priority, wait) == ("doomed", 0, 0)
    document = json.loads(payload)
    assert document.pop("createdAt") > 0
    assert document == {
        "uuid": uuid,
        "displayName": "Doomed",
        "job": "Doomed",
        "maxTries": 3,
        "timeout": None,
        "backoff": [0],
        "data": {"text": "a"},
    }


@pytest.mark.parametrize("delay", [60, 59.5, datetime.timedelta(minutes=1)])
def test_the_call_beats_the_job(jobs_home: Home, delay: float | datetime.timedelta) -> None:
    leadq.dispatch(own_jobs.Doomed(text="a"), queue="high", delay=delay, priority=-5)
    row = jobs_home.sql("SELECT queue, priority, available_at - created_at FROM jobs")
    assert row == [("high", -5, 60)]


def test_it_rolls_back_with_the_applications_rows(placed: Home, app_db: peewee.Database) -> None:
    leadq.configure(home=placed.path, database=app_db)
    with app_db.atomic() as transaction:
        leadq.dispatch(own_jobs.Doomed(text="a"))
        transaction.rollback()
    with app_db.atomic():
        leadq.dispatch(own_jobs.Doomed(text="b"))
    assert [json.loads(payload)["data"] for (payload,) in placed.sql("SELECT payload FROM jobs")] == [{"text": "b"}]


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (datetime.date(2027, 1, 1), "value is of type date"),
        ((1, 2), "value is of type tuple"),
        ({"a": [{"b": {1, 2}}]}, "value['a'][0]['b'] is of type set"),
        ({1: "a"}, "a key of value is of type int"),
        (float("inf"), "value is inf"),
        (b"bytes", "value is of type bytes"),
        (CIRCLE, "it is nested too deeply"),
    ],
)
@pytest.mark.sqlite_only("refused before the store is asked")
def test_data_that_is_not_plain_json_is_refused_with_its_place(jobs_home: Home, value: object, told: str) -> None:
    with pytest.raises(leadq.InvalidInput) as caught:
        leadq.dispatch(Anything(value=value))
    assert caught.value.message == f"the data of Anything is not plain JSON: {told}"
    assert jobs_home.count("jobs") == 0


@pytest.mark.sqlite_only("refused before the store is asked")
def test_what_is_no_job_is_refused(jobs_home: Home) -> None:
    class Plain(leadq.Job):
        def __init__(self, text: str) -> None:
            self.text = text

    class Wrong(leadq.Job):
        tries = -1

    class Worse(leadq.Job):
        backoff = 1.5, "x"  # type: ignore[assignment]

    for job, told in (
        ("Welcome", "str is no job: expected an object of a subclass of leadq.Job"),
        (own_jobs.Greet, "type is no job: expected an object of a subclass of leadq.Job"),
        (Plain("a"), "Plain is no dataclass, so its data is not known"),
        (Wrong(), "Wrong cannot be dispatched: the payload's `maxTries` is wrong: expected a number from 0 to 1000000"),
        (
            Worse(),
            "Worse cannot be dispatched: the payload's `backoff` is wrong: expected a number from 0 to 315360000",
        ),
    ):
        with pytest.raises(leadq.InvalidInput) as caught:
            leadq.dispatch(job)  # type: ignore[arg-type]
        assert caught.value.message == told


@pytest.mark.sqlite_only("about the class")
def test_a_field_that_is_made_by_the_job_itself_is_no_data(jobs_home: Home) -> None:
    @dataclass
    class Counted(leadq.Job):
        words: list[str]
        count: int = field(init=False)

        def __post_init__(self) -> None:
            self.count = len(self.words)

    with leadq.testing.fake() as fake:
        leadq.dispatch(Counted(words=["a", "b"]))
    assert [job.count for job in fake.dispatched(Counted)] == [2]


# --- `leadq work` ------------------------------------------------------------------------------------


def test_a_worker_runs_it_with_its_data_and_its_context(jobs_home: Home) -> None:
    lead = leadq.create_lead(name="Ana", email="ana@client.example")
    uuid = leadq.dispatch(own_jobs.Greet(lead_id=lead.id, words=["ä", "b"]))
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == [f"Ana ['ä', 'b'] {uuid} attempt 1 Mailer"]
    assert f'local.INFO: Greeting {{"job": "{uuid}", "attempt": 1, "lead": {lead.id}}}' in jobs_home.log
    assert len(jobs_home.mails) == 1


def test_failed_is_called_once_at_the_end_of_its_own_tries(jobs_home: Home) -> None:
    uuid = leadq.dispatch(own_jobs.Doomed(text="a"))
    jobs_home.run("work", "--stop-when-empty", "--queue", "doomed", "--tries", 9, "--backoff", 3600)
    assert notes(jobs_home) == [
        "a, attempt 1",
        "a, attempt 2",
        "a, attempt 3",
        "a, failed: ValueError('no') at attempt 3",
    ]
    assert jobs_home.sql("SELECT uuid, attempts FROM failed_jobs") == [(uuid, 3)]


def test_a_job_dispatches_another_into_its_workers_home(jobs_home: Home, tmp_path: Path) -> None:
    lead = leadq.create_lead(name="Ana", email="ana@client.example")
    leadq.dispatch(own_jobs.Chain(lead_id=lead.id))
    command = [sys.executable, "-m", "leadq", "--home", str(jobs_home.path), "work", "--stop-when-empty"]
    ended = jobs_home.ended(jobs_home.spawn(["sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path), *command]))
    assert (ended.exit_code, ended.stdout.count("DONE")) == (0, 3), ended
    assert "Ana ['from a job']" in (tmp_path / "notes.txt").read_text(encoding="utf-8")
