"""The log: where it goes and what it says."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import create_lead, fail_notification
from tests.homes import Home


def test_the_life_of_a_job_is_logged_with_its_uuid_lead_attempt_and_duration(staffed: Home) -> None:
    uuid = fail_notification(staffed)
    staffed.leadq("retry", "all")
    staffed.leadq("work", "--once")
    text = re.sub(r"^\[[^]]*\] ", "", staffed.log, flags=re.MULTILINE)
    text = re.sub(r'"duration_ms": [\d.]+', '"duration_ms": 1', text)
    started = f'"job": "{uuid}", "name": "SendLeadCreatedEmail", "lead": 1, "queue": "default", "attempt": 1'
    events = [line for line in text.splitlines() if uuid in line]
    assert events[0] == f'local.INFO: Job dispatched {{"job": "{uuid}", "lead": 1, "queue": "default"}}'
    assert events[1] == f"local.INFO: Job started {{{started}}}"
    assert events[2].startswith(f'local.ERROR: Job failed {{{started}, "duration_ms": 1, "error": "DeliveryError: ')
    assert events[3] == f'local.INFO: Failed job retried {{"job": "{uuid}"}}'
    assert events[4] == f"local.INFO: Job started {{{started}}}"
    assert events[5].startswith(f'local.INFO: Mail sent {{{started}, "duration_ms": 1, "reply": "written to ')
    assert len(events) == 6
    assert text.count("local.INFO: Worker stopped {") == 2


def test_a_json_log_is_one_object_a_line(staffed: Home) -> None:
    staffed.environment["LOG_FORMAT"] = "json"
    create_lead(staffed)
    staffed.leadq("work", "--once")
    records = [json.loads(line) for line in staffed.log.splitlines()]
    messages = ["Lead created", "Job dispatched", "Worker started", "Job started", "Mail sent", "Worker stopped"]
    assert [record["message"] for record in records] == messages
    assert {record["level"] for record in records} == {"info"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", record["time"]) for record in records)
    assert (records[4]["lead"], records[4]["attempt"]) == (1, 1)


def test_a_daily_log_is_a_file_a_day(staffed: Home) -> None:
    staffed.environment["LOG_CHANNEL"] = "daily"
    create_lead(staffed)
    (file,) = (staffed.path / "storage" / "logs").iterdir()
    assert re.fullmatch(r"leadq-\d{4}-\d\d-\d\d\.log", file.name)
    assert "Lead created" in file.read_text()
    assert file.stat().st_mode & 0o027 == 0


def test_a_log_to_stderr_leaves_the_result_alone(staffed: Home) -> None:
    staffed.environment["LOG_CHANNEL"] = "stderr"
    result = staffed.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com", "--json")
    assert result.json["lead"]["id"] == 1
    assert "local.INFO: Lead created" in result.stderr
    assert staffed.log == ""


@pytest.mark.parametrize(("level", "logged"), [("debug", True), ("info", True), ("warning", False), ("error", False)])
def test_the_level_decides_what_is_logged(staffed: Home, level: str, logged: bool) -> None:
    staffed.environment["LOG_LEVEL"] = level
    create_lead(staffed)
    assert ("Lead created" in staffed.log) == logged


def test_a_log_that_cannot_be_written_is_told_once_and_stops_nothing(staffed: Home) -> None:
    logs = staffed.path / "storage" / "logs"
    for file in logs.iterdir():
        file.unlink()
    logs.rmdir()
    logs.touch()
    result = staffed.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert result.stdout.startswith("Lead 1 created")
    assert result.stderr.count("leadq: cannot write the log ") == 1
    assert "Traceback" not in result.stderr


def test_a_log_that_was_rotated_away_is_begun_anew(staffed: Home) -> None:
    file = staffed.path / "storage" / "logs" / "leadq.log"
    create_lead(staffed)
    file.rename(file.with_suffix(".log.1"))
    create_lead(staffed)
    assert staffed.log.count("Lead created") == 1
    assert oct(file.stat().st_mode & 0o777) == "0o640"


def test_no_password_is_ever_logged_or_printed(mailing: Home) -> None:
    mailing.environment |= {"MAIL_USERNAME": "ana", "MAIL_PASSWORD": "s3cret-pass", "LOG_LEVEL": "debug"}
    create_lead(mailing)
    worked = mailing.leadq("-v", "work", "--once", "--tries", "1")
    shown = mailing.leadq("failed", 1)
    for text in (mailing.log, worked.stdout, worked.stderr, shown.stdout):
        assert "s3cret-pass" not in text
    assert mailing.count("failed_jobs") == 1
