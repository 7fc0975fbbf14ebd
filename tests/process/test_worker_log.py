"""What a worker logs."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from leadq.logs import LOOK_SECONDS
from tests.homes import Home, eventually
from tests.process.signs import create_lead, idle_worker, notes, own_job
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("about the log, whatever the store")

RECORD = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] local\.(DEBUG|INFO|WARNING|ERROR): ")


def records(text: str) -> list[dict[str, Any]]:
    """A JSON log, line by line."""
    return [json.loads(line) for line in text.splitlines()]


def test_start_sent_and_stop_with_uuid_lead_attempt_and_duration(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["LOG_FORMAT"] = "json"
    uuid = create_lead(mailing)["job"]["uuid"]
    mailing.run("work", "--stop-when-empty")
    log = records(mailing.log)
    assert [record["message"] for record in log] == [
        "Lead created", "Job dispatched", "Worker started", "Job started", "Mail sent", "Worker stopped",
    ]  # fmt: skip
    assert (log[1]["job"], log[1]["lead"]) == (uuid, 1)
    for record in log[3:5]:
        assert (record["job"], record["lead"], record["attempt"]) == (uuid, 1, 1)
    assert log[4]["duration_ms"] > 0
    assert log[4]["reply"] == "250 2.0.0 Ok: queued as 000001"
    assert log[5]["reason"] == "empty"
    assert {record["level"] for record in log} == {"info"}


def test_release_failure_and_retry(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["LOG_FORMAT"] = "json"
    mail_server.refuse("ana@example.com", "451 4.7.1 Later", times=1)
    mail_server.refuse("ana@example.com", "550 5.1.1 Never", times=1)
    uuid = create_lead(mailing)["job"]["uuid"]
    mailing.run("work", "--backoff", 0, "--stop-when-empty")
    mailing.run("retry", "all")
    log = records(mailing.log)
    (released,) = [record for record in log if record["message"].startswith("Job released")]
    assert (released["level"], released["job"], released["lead"], released["attempt"]) == ("warning", uuid, 1, 1)
    assert "451 4.7.1 Later" in released["error"]
    assert released["duration_ms"] > 0
    (failed,) = [record for record in log if record["message"] == "Job failed"]
    assert (failed["level"], failed["job"], failed["lead"], failed["attempt"]) == ("error", uuid, 1, 2)
    assert "550 5.1.1 Never" in failed["error"]
    assert failed["duration_ms"] > 0
    (retried,) = [record for record in log if "retried" in record["message"]]
    assert retried["job"] == uuid


def test_a_text_log_is_one_record_a_line(mailing: Home, mail_server: MailServer) -> None:
    uuid = create_lead(mailing)["job"]["uuid"]
    mailing.run("work", "--stop-when-empty")
    lines = mailing.log.splitlines()
    assert len(lines) == 6
    assert all(RECORD.match(line) for line in lines)
    assert uuid in lines[4]


def test_names_and_errors_with_line_breaks_forge_no_record(mailing_jobs: Home, mail_server: MailServer) -> None:
    forged = "x\n[2026-01-01 00:00:00] local.ERROR: forged\r\n\x1b[2J\u2028[2026-01-01 00:00:00] local.ERROR: forged"
    create_lead(mailing_jobs, forged)
    mailing_jobs.insert_job({**own_job("Flaky", failures=9, text=forged), "displayName": forged}, queue="odd")
    mailing_jobs.insert_job({"uuid": "u", "job": forged, "data": {"lead_id": forged}}, queue="odd")
    mailing_jobs.environment["MAIL_MAILER"] = "log"
    mailing_jobs.run("work", "--name", forged, "--queue", "default,odd", "--tries", 1, "--stop-when-empty")
    assert mailing_jobs.count("failed_jobs") == 2
    for line in re.split(r"[\n\r\x85\u2028\u2029]", mailing_jobs.log):
        assert not line.startswith("[2026-01-01 00:00:00]")
        assert not re.search(r"[\x00-\x1f]", line)


def test_log_to_stderr(jobs_home: Home) -> None:
    jobs_home.environment |= {"LOG_CHANNEL": "stderr", "LOG_FORMAT": "json"}
    jobs_home.insert_job(own_job("Note", text="fine"))
    worked = jobs_home.run("work", "--stop-when-empty")
    messages = [record["message"] for record in records(worked.stderr)]
    assert messages == ["Worker started", "Job started", "Job done", "Worker stopped"]
    assert len(worked.stdout.splitlines()) == 2
    assert jobs_home.log == ""


def test_a_log_file_a_day(jobs_home: Home) -> None:
    jobs_home.environment["LOG_CHANNEL"] = "daily"
    jobs_home.insert_job(own_job("Note", text="fine"))
    jobs_home.run("work", "--stop-when-empty")
    files = list((jobs_home.path / "storage" / "logs").glob("leadq-????-??-??.log"))
    assert 1 <= len(files) <= 2  # two around midnight
    assert sum(file.read_text().count("\n") for file in files) == 4
    assert jobs_home.log == ""


def test_the_level_leaves_out_what_is_below(jobs_home: Home) -> None:
    jobs_home.environment["LOG_LEVEL"] = "warning"
    jobs_home.insert_job(own_job("Note", text="fine"))
    jobs_home.insert_job(own_job("Flaky", failures=9))
    jobs_home.run("work", "--tries", 1, "--stop-when-empty")
    (line,) = jobs_home.log.splitlines()
    assert "local.ERROR: Job failed" in line


def test_a_log_that_was_rotated_away_is_opened_anew(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    file = jobs_home.path / "storage" / "logs" / "leadq.log"
    file.rename(file.with_suffix(".log.1"))
    time.sleep(LOOK_SECONDS)
    jobs_home.insert_job(own_job("Note", text="fine"))
    eventually(lambda: "Job done" in jobs_home.log)
    assert "Job" not in file.with_suffix(".log.1").read_text()
    assert jobs_home.stop(worker).exit_code == 0
    assert jobs_home.log.splitlines()[-1].count("Worker stopped") == 1


def test_while_its_log_is_rotated_away_a_worker_loses_no_line(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    file = jobs_home.path / "storage" / "logs" / "leadq.log"
    rotated = file.with_suffix(".log.1")
    file.rename(rotated)
    jobs = 0
    while not file.exists():  # the very next lines may still go into the old one
        jobs += 1
        jobs_home.insert_job(own_job("Note", text="fine"))
        eventually(lambda: jobs_home.count("jobs") == 0)
    assert jobs_home.stop(worker).exit_code == 0
    lines = rotated.read_text().splitlines() + jobs_home.log.splitlines()
    assert [line.count("Job done") for line in lines].count(1) == jobs
    assert "Worker started" in lines[0]
    assert "Worker stopped" in jobs_home.log.splitlines()[-1]


def test_a_log_that_cannot_be_written_stops_no_job(jobs_home: Home) -> None:
    logs = jobs_home.path / "storage" / "logs"
    (logs / "leadq.log").unlink(missing_ok=True)
    (logs / "leadq.log").mkdir()
    jobs_home.insert_job(own_job("Note", text="fine"))
    worked = jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["fine"]
    assert worked.stderr.count("cannot write the log") == 1
