"""Workers that are killed in the middle of a job."""

from __future__ import annotations

import signal
import time

from tests.homes import Home, eventually
from tests.process.signs import failed_job, idle_worker, let_go, notes, own_job, story, until_held
from tests.smtp_servers import MailServer


def killed(home: Home, name: str) -> None:
    """A worker runs the held job and is killed."""
    worker = home.start("work")
    until_held(home, name)
    worker.send_signal(signal.SIGKILL)
    assert home.ended(worker).exit_code == -signal.SIGKILL
    (home.path / f"{name}.running").unlink()


def test_another_worker_on_the_host_takes_the_job_up_and_the_attempt_counts(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="taken"))
    victim = jobs_home.start("work")
    until_held(jobs_home, "taken")
    other = idle_worker(jobs_home, "--sleep", 60)
    victim.send_signal(signal.SIGKILL)
    jobs_home.ended(victim)
    eventually(lambda: jobs_home.sql("SELECT attempts FROM jobs") == [(2,)], timeout=8)  # 5, on a busy machine
    let_go(jobs_home, "taken")
    eventually(lambda: notes(jobs_home) == ["taken"])
    assert jobs_home.stop(other).exit_code == 0
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0
    assert "Job of a worker that is gone is due again" in jobs_home.log


def test_the_story_of_the_lead_tells_it(mailing_jobs: Home, mail_server: MailServer) -> None:
    mailing_jobs.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    mailing_jobs.sql("UPDATE jobs SET payload = replace(payload, 'SendLeadCreatedEmail', 'MailThenHold')")
    killed(mailing_jobs, "mailed")
    let_go(mailing_jobs, "mailed")
    mailing_jobs.run("work", "--stop-when-empty")
    first, second = mail_server.wait_for(2)
    assert first.wire == second.wire  # nobody could know of the first one; the bytes show that they are one mail
    assert story(mailing_jobs, 1)[2:] == [("abandoned", 1), ("sent", 2)]


def test_a_job_that_kills_its_worker_every_time_ends_in_failed_jobs(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Fatal"))
    for _ in range(3):
        jobs_home.run("work", "--stop-when-empty", exit_code=-signal.SIGKILL)
    jobs_home.insert_job(own_job("Note", text="next"))
    jobs_home.run("work", "--stop-when-empty")
    assert [line for line in notes(jobs_home) if "for good" not in line] == [
        "attempt 1", "attempt 2", "attempt 3", "next",
    ]  # fmt: skip
    failed = failed_job(jobs_home)
    assert failed["error"].startswith("TooManyAttempts: Fatal has been attempted too many times")
    assert "worker" in failed["error"]
    assert jobs_home.count("jobs") == 0


def test_its_attempts_are_those_that_were_made(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Fatal"))
    for _ in range(2):
        jobs_home.run("work", "--tries", 2, "--stop-when-empty", exit_code=-signal.SIGKILL)
    jobs_home.run("work", "--tries", 2, "--stop-when-empty")
    assert failed_job(jobs_home)["attempts"] == 2


def test_its_own_failed_is_called_once(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Fatal", MAXTRIES=1))
    jobs_home.run("work", "--stop-when-empty", exit_code=-signal.SIGKILL)
    jobs_home.run("work", "--stop-when-empty")
    assert notes(jobs_home) == ["attempt 1", "failed for good: TooManyAttempts"]


def test_the_rest_of_the_queue_is_not_held_up(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="first"))
    jobs_home.insert_job(own_job("Note", text="second"))
    killed(jobs_home, "first")
    let_go(jobs_home, "first")
    jobs_home.run("work", "--stop-when-empty")
    assert sorted(notes(jobs_home)) == ["first", "second"]


def test_a_command_killed_at_any_time_leaves_no_lead_without_its_job(staffed: Home) -> None:
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        process = staffed.start("lead", "create", "--name", "Bo", "--email", "bo@example.com")
        time.sleep(delay)
        process.kill()
        staffed.ended(process)
    assert staffed.count("leads") == staffed.count("jobs") == staffed.count("deliveries")
