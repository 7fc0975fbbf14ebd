"""MAIL_OUTAGE=hold: while no mail can leave, jobs wait and spend no attempt."""

from __future__ import annotations

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, failed_job, idle_worker, notes, own_job, story
from tests.smtp_servers import MailServer, closed_port

GOING_DOWN = "421 4.3.2 mail.example.com is going down"


@pytest.fixture
def holding(mailing_jobs: Home) -> Home:
    """A home whose jobs wait for the end of an outage."""
    mailing_jobs.environment["MAIL_OUTAGE"] = "hold"
    return mailing_jobs


def test_it_recovers_by_itself_and_no_attempt_is_spent_and_no_mail_doubled(
    holding: Home, mail_server: MailServer
) -> None:
    mail_server.refuse_mail(GOING_DOWN, times=3)
    leads = [create_lead(holding, f"Lead {number}") for number in range(4)]
    worker = holding.start("work", "--processes", 2)
    mail_server.wait_for(len(leads), timeout=20)
    eventually(lambda: holding.count("jobs") == 0)
    assert holding.stop(worker).exit_code == 0
    assert len({mail.message_id for mail in mail_server.accepted}) == len(mail_server.accepted) == len(leads)
    assert holding.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)] * len(leads)
    assert holding.count("failed_jobs") == holding.count("mail_outage") == 0
    assert "No mail can leave: jobs wait for that" in holding.log
    assert "is going down" in holding.log
    assert "Mail can leave again" in holding.log


def test_other_jobs_run_meanwhile_and_mails_are_not_even_tried(holding: Home) -> None:
    with closed_port() as port:
        holding.environment["MAIL_PORT"] = str(port)
        create_lead(holding)
        worker = idle_worker(holding)
        eventually(lambda: holding.count("mail_outage") == 1)
        create_lead(holding, "Next")
        holding.insert_job(own_job("Note", text="meanwhile"))
        eventually(lambda: notes(holding) == ["meanwhile"])
        eventually(lambda: story(holding, 2)[2:] == [("held", 1)])
        assert holding.stop(worker).exit_code == 0
    assert holding.count("jobs") == 2
    assert holding.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)] * 2


def test_a_cron_line_makes_the_probe_too(holding: Home, mail_server: MailServer) -> None:
    mail_server.refuse_mail(GOING_DOWN, times=1)
    create_lead(holding)
    assert holding.run("work", "--once").stdout.splitlines()[-1].endswith("HELD")
    assert not mail_server.accepted
    eventually(lambda: holding.run("work", "--once") and mail_server.accepted)
    assert holding.count("jobs") == holding.count("mail_outage") == 0


def test_a_refused_recipient_shows_that_mail_can_leave(holding: Home, mail_server: MailServer) -> None:
    mail_server.refuse_mail(GOING_DOWN, times=1)
    mail_server.refuse("ana@example.com", "550 5.1.1 no such user", times=1)
    create_lead(holding)
    holding.run("work", "--once")
    eventually(lambda: holding.run("work", "--once") and holding.count("failed_jobs"))
    assert holding.count("mail_outage") == 0
    assert "no such user" in failed_job(holding)["error"]


def test_a_job_that_has_waited_as_long_as_it_may_fails_with_that_reason(holding: Home) -> None:
    holding.environment["MAIL_OUTAGE_MAX"] = "2"
    with closed_port() as port:
        holding.environment["MAIL_PORT"] = str(port)
        for number in range(4):
            create_lead(holding, f"Lead {number}")
        worker = holding.start("work", "--tries", 1)
        eventually(lambda: holding.count("failed_jobs") == 4, timeout=20)
        assert holding.stop(worker).exit_code == 0
    errors = [job["error"] for job in holding.json("failed")["failed"]]
    assert any("no mail could leave for 2 s (MAIL_OUTAGE_MAX): " in error for error in errors), errors
    assert all("Connection refused" in error for error in errors)
    assert holding.sql("SELECT status FROM deliveries") == [("failed",)] * 4


def test_what_is_held_runs_once_the_setting_is_gone(holding: Home, mail_server: MailServer) -> None:
    mail_server.refuse_mail(GOING_DOWN, times=1)
    create_lead(holding)
    holding.run("work", "--once")
    assert holding.count("mail_outage") == 1
    holding.environment["MAIL_OUTAGE"] = "count"
    holding.run("work", "--once")
    mail_server.wait_for(1)
    assert holding.count("jobs") == holding.count("mail_outage") == 0
