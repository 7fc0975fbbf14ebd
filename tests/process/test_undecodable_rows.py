"""Rows that no worker can make sense of."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, notes, own_job

SQLITE_KEEPS_BYTES = pytest.mark.sqlite_only("MariaDB takes no bytes for a text that are none")

ROWS = {
    "not JSON": ("hello", "the payload is not JSON"),
    "nothing": ("", "the payload is not JSON"),
    "an array": ("[1, 2]", "the payload is an array: expected an object"),
    "null": ("null", "the payload is null: expected an object"),
    "nested deeply": ("[" * 100_000, "the payload is not JSON"),
    "no job": ('{"data": {}}', "the payload names no job"),
    "a job that is no text": ('{"job": 7}', "the payload names no job"),
    "an unknown job": ('{"job": "os.system", "data": {}}', "no job is registered as 'os.system'"),
    "data that is no object": ('{"job": "Note", "data": [1]}', "`data` is an array: expected an object"),
    "data that lacks a field": ('{"job": "Note", "data": {}}', "data lacks text for Note"),
    "data with an unknown field": ('{"job": "Note", "data": {"text": "a", "sms": 1}}', "data has unknown sms for Note"),
    "a lead that is no number": (
        '{"job": "SendLeadCreatedEmail", "data": {"lead_id": "x"}}',
        "lead_id is 'x': expected a number",
    ),
    "a wrong timeout": ('{"job": "Note", "timeout": "soon", "data": {"text": "a"}}', "`timeout` is wrong"),
    "tries below none": ('{"job": "Note", "maxTries": -1, "data": {"text": "a"}}', "`maxTries` is wrong"),
    "a uuid that is no text": ('{"uuid": [1], "job": "Note", "data": {"text": "a"}}', "`uuid` is wrong"),
}


def test_each_fails_alone_with_its_reason_and_the_rest_go_on(jobs_home: Home) -> None:
    for number, (payload, _) in enumerate(ROWS.values()):
        jobs_home.insert_job(payload)
        jobs_home.insert_job(own_job("Note", text=str(number)))
    jobs_home.run("work", "--backoff", 0, "--stop-when-empty")
    assert notes(jobs_home) == [str(number) for number in range(len(ROWS))]
    assert jobs_home.count("jobs") == 0
    failed = jobs_home.json("failed")["failed"][::-1]
    assert len(failed) == len(ROWS)
    for (what, (payload, reason)), job in zip(ROWS.items(), failed, strict=True):
        assert reason in job["error"], what
        assert job["attempts"] == 1, what
        assert str(UUID(job["uuid"])) == job["uuid"], what
        kept = jobs_home.json("failed", job["id"])["payload"]
        assert payload in (kept, "") or json.loads(payload).items() <= json.loads(kept).items(), what
    assert len({job["uuid"] for job in failed}) == len(ROWS)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("CAST(X'7BFF7D' AS TEXT)", marks=SQLITE_KEEPS_BYTES, id="bytes that are no UTF-8"),
        pytest.param("X'00FF'", marks=SQLITE_KEEPS_BYTES, id="a blob"),
        pytest.param("""'{"job": "Nobody", "data": {"text": "\\ud800"}}'""", id="half a character"),
        pytest.param("""'{"job": "\\udfff", "data": {}}'""", id="half a character in the name"),
    ],
)
def test_what_is_no_text_fails_alone(jobs_home: Home, expression: str) -> None:
    jobs_home.sql(f"INSERT INTO jobs (queue, payload, available_at, created_at) VALUES ('default', {expression}, 0, 0)")
    jobs_home.insert_job(own_job("Note", text="next"))
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["next"]
    assert jobs_home.count("jobs") == 0
    (failed,) = jobs_home.json("failed")["failed"]
    assert str(UUID(failed["uuid"])) == failed["uuid"]


def test_a_retried_one_fails_again_under_the_same_uuid(jobs_home: Home) -> None:
    jobs_home.insert_job("hello")
    jobs_home.run("work", "--once")
    (first,) = jobs_home.json("failed")["failed"]
    jobs_home.run("retry", first["uuid"][:8])
    jobs_home.run("work", "--once")
    (second,) = jobs_home.json("failed")["failed"]
    assert second["uuid"] == first["uuid"]
    assert second["error"] == first["error"]


def test_two_rows_with_one_uuid_are_both_kept(jobs_home: Home) -> None:
    for text in ("a", "b"):
        jobs_home.insert_job({"uuid": "twin", "job": "Flaky", "data": {"failures": 9, "text": text}})
    jobs_home.run("work", "--tries", 1, "--stop-when-empty")
    errors = sorted(job["error"] for job in jobs_home.json("failed")["failed"])
    assert errors == ["RuntimeError: not yet, a", "RuntimeError: not yet, b"]


def test_times_that_no_calendar_knows_break_no_list(staffed: Home) -> None:
    create_lead(staffed)
    far = 2**53 - 1
    data = {"lead_id": 1}
    staffed.insert_job({"job": "SendLeadCreatedEmail", "createdAt": far, "data": data})
    staffed.run("work", "--backoff", 0, "--stop-when-empty")
    job_id = staffed.insert_job({"job": "SendLeadCreatedEmail", "data": data})
    staffed.sql("UPDATE jobs SET available_at = ? WHERE id = ?", far, job_id)  # milliseconds, say
    for command in (("lead", "show", 1), ("lead", "list"), ("jobs",), ("failed",), ("size",)):
        staffed.leadq(*command)
        staffed.json(*command)
