"""A job that takes longer than it may."""

from __future__ import annotations

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job, notes, own_job
from tests.smtp_servers import STALL, ScriptedServer

pytestmark = pytest.mark.sqlite_only("about interrupting jobs, whatever the store")


def test_it_is_interrupted_tried_again_and_the_worker_goes_on(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Endless"))
    jobs_home.insert_job(own_job("Note", text="next"))
    worked = jobs_home.run("work", "--timeout", "0.3", "--tries", 2, "--backoff", 0, "--stop-when-empty")
    assert notes(jobs_home) == ["attempt 1", "attempt 2", "next"]
    assert [line.split()[-1] for line in worked.stdout.splitlines()][1::2] == ["FAIL", "FAIL", "DONE"]
    failed = failed_job(jobs_home)
    assert failed["attempts"] == 2
    assert failed["error"] == "TimeoutExceeded: Endless has timed out after 0.3 s"
    assert "own_jobs.py" in failed["exception"]  # where it hung
    assert jobs_home.log.count("Job timed out, will be tried again") == 1
    assert jobs_home.log.count("Job timed out for the last time") == 1


def test_it_holds_for_once_too(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Endless"))
    jobs_home.run("work", "--once", "--timeout", "0.3")
    assert notes(jobs_home) == ["attempt 1"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(1, None)]
    assert "Job timed out, will be tried again" in jobs_home.log


def test_a_jobs_own_timeout_beats_the_flag(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Endless", TIMEOUT=0.3))
    jobs_home.run("work", "--once", "--tries", 1)
    assert failed_job(jobs_home)["error"] == "TimeoutExceeded: Endless has timed out after 0.3 s"


def test_a_mail_server_that_says_nothing_costs_an_attempt_and_no_more(mailing: Home) -> None:
    create_lead(mailing)
    with ScriptedServer(script={"greeting": [STALL, "220 here again"]}) as server:
        mailing.environment |= {"MAIL_PORT": str(server.port), "MAIL_TIMEOUT": "10"}
        mailing.run("work", "--timeout", "0.6", "--backoff", 0, "--stop-when-empty")
        assert len(server.accepted) == 1
    (delivery,) = mailing.json("lead", "show", 1)["deliveries"]
    assert (delivery["status"], delivery["attempts"]) == ("sent", 2)


def test_code_that_cannot_be_interrupted_is_ended_with_its_process(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Uninterruptible"))
    jobs_home.insert_job(own_job("Note", text="next"))
    worker = jobs_home.start("work", "--timeout", "0.3", "--tries", 1)
    assert worker.wait(timeout=12) != 0  # whoever started it starts another one
    jobs_home.run("work", "--tries", 1, "--stop-when-empty")
    assert notes(jobs_home) == ["attempt 1", "next"]
    assert failed_job(jobs_home)["error"].startswith(("TimeoutExceeded", "TooManyAttempts"))
