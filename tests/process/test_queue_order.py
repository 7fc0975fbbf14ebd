"""Which job comes next."""

from __future__ import annotations

import random

from tests.homes import Home
from tests.process.signs import create_lead, let_go, notes, own_job, until_held
from tests.smtp_servers import MailServer

QUEUES = ("high", "default")


def test_a_hundred_jobs_run_by_queue_then_priority_then_age(jobs_home: Home) -> None:
    chance = random.Random(7)
    jobs = [(chance.randrange(2), chance.choice((-5, 0, 0, 0, 3)), number) for number in range(100)]
    for queue, priority, number in jobs:
        job_id = jobs_home.insert_job(own_job("Note", text=str(number)), queue=QUEUES[queue])
        jobs_home.sql("UPDATE jobs SET priority = ? WHERE id = ?", priority, job_id)
    jobs_home.run("work", "--queue", " high, default,high", "--stop-when-empty")
    assert notes(jobs_home) == [str(number) for _, _, number in sorted(jobs)]


def test_mails_arrive_in_the_order_of_queue_and_priority(mailing: Home, mail_server: MailServer) -> None:
    create_lead(mailing, "4")
    create_lead(mailing, "5", "--priority", 7)
    create_lead(mailing, "3", "--priority", -1)
    create_lead(mailing, "2", "--queue", "high", "--priority", 9)
    create_lead(mailing, "1", "--queue", "high")
    create_lead(mailing, "0", "--queue", "low")
    mailing.run("work", "--queue", "high,default", "--stop-when-empty")
    subjects = [str(mail.message["Subject"]) for mail in mail_server.wait_for(5)]
    assert subjects == [f"New lead: {number}" for number in range(1, 6)]
    assert mailing.json("size")["queues"]["low"]["pending"] == 1


def test_a_high_job_that_arrives_in_the_middle_is_next(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="first"))
    jobs_home.insert_job(own_job("Note", text="last"))
    worker = jobs_home.start("work", "--queue", "high,default", "--stop-when-empty")
    until_held(jobs_home, "first")
    jobs_home.insert_job(own_job("Note", text="urgent"), queue="high")
    let_go(jobs_home, "first")
    assert jobs_home.ended(worker).exit_code == 0
    assert notes(jobs_home) == ["first", "urgent", "last"]


def test_other_queues_are_left_alone(jobs_home: Home) -> None:
    jobs_home.environment["DB_QUEUE"] = "mails"
    jobs_home.insert_job(own_job("Note", text="other"), queue="default")
    jobs_home.insert_job(own_job("Note", text="mine"), queue="mails")
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["mine"]


def test_a_delayed_urgent_job_waits_for_its_time(jobs_home: Home) -> None:
    job_id = jobs_home.insert_job(own_job("Note", text="later"), delay=3600)
    jobs_home.sql("UPDATE jobs SET priority = -100 WHERE id = ?", job_id)
    jobs_home.insert_job(own_job("Note", text="now"))
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["now"]
