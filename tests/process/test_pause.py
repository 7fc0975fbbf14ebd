"""Paused queues, and workers that heed that while they run."""

from __future__ import annotations

import time

import pytest

from tests.homes import Home, eventually
from tests.process.signs import idle_worker, let_go, notes, own_job, processor_seconds, until_held, worker_pids


def paused_times(home: Home, queue: str) -> int:
    """How often a worker has said that it takes no more jobs of a queue."""
    return home.log.count(f'Queue paused {{"queue": "{queue}"')


def resumed_times(home: Home, queue: str) -> int:
    return home.log.count(f'Queue resumed {{"queue": "{queue}"}}')


def add(home: Home, text: str, *, queue: str = "default") -> None:
    home.insert_job(own_job("Note", text=text), queue=queue)


def test_an_idle_worker_takes_no_job_of_a_paused_queue_until_it_is_resumed(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--queue", "high,default", "--sleep", 60)
    jobs_home.leadq("pause", "high")
    eventually(lambda: paused_times(jobs_home, "high") == 1)
    add(jobs_home, "paused", queue="high")
    add(jobs_home, "runs")
    eventually(lambda: notes(jobs_home) == ["runs"])
    eventually(lambda: jobs_home.sql("SELECT queue, attempts FROM jobs") == [("high", 0)])
    jobs_home.leadq("resume", "high")
    eventually(lambda: notes(jobs_home) == ["runs", "paused"])
    assert resumed_times(jobs_home, "high") == 1
    assert jobs_home.stop(worker).exit_code == 0


def test_a_pause_that_was_made_before_a_job_is_heeded_though_the_worker_was_idle(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    time.sleep(1.1)  # its last look is older than that by now
    jobs_home.leadq("pause", "--all")
    add(jobs_home, "paused")
    eventually(lambda: paused_times(jobs_home, "default") == 1)
    assert notes(jobs_home) == []
    assert jobs_home.stop(worker).exit_code == 0


def test_a_busy_worker_heeds_a_pause_after_its_job_and_keeps_the_order_of_the_other_queues(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="one"), queue="high")
    add(jobs_home, "high", queue="high")
    add(jobs_home, "low", queue="low")
    add(jobs_home, "default")
    worker = jobs_home.start("work", "--queue", "high,default,low")
    until_held(jobs_home, "one")
    jobs_home.leadq("pause", "high")
    time.sleep(1.1)  # so long a worker may go on without a look
    let_go(jobs_home, "one")
    eventually(lambda: notes(jobs_home) == ["one", "default", "low"])
    assert paused_times(jobs_home, "high") == 1
    eventually(lambda: jobs_home.sql("SELECT queue, attempts FROM jobs") == [("high", 0)])
    assert jobs_home.stop(worker).exit_code == 0


def test_a_worker_with_an_endless_line_of_jobs_heeds_a_pause(jobs_home: Home) -> None:
    worker = jobs_home.start("work")
    for number in range(40):
        jobs_home.insert_job(own_job("Lasting", seconds=0.2))
        if number == 10:
            eventually(lambda: notes(jobs_home))
            jobs_home.leadq("pause", "default")
    eventually(lambda: paused_times(jobs_home, "default") == 1)
    done = notes(jobs_home).count("ends")
    left = jobs_home.count("jobs")
    assert 0 < done < 40
    assert left == 40 - done
    assert jobs_home.sql("SELECT COUNT(*) FROM jobs WHERE reserved_at IS NOT NULL") == [(0,)]
    assert jobs_home.stop(worker).exit_code == 0


def test_a_pause_for_a_while_ends_by_itself(jobs_home: Home) -> None:
    jobs_home.leadq("pause", "default", "--for", "10m")
    worker = idle_worker(jobs_home, "--sleep", 60)
    add(jobs_home, "later")
    eventually(lambda: paused_times(jobs_home, "default") == 1)
    assert notes(jobs_home) == []
    jobs_home.sql("UPDATE pauses SET until = since + 1")  # ten minutes have passed
    eventually(lambda: notes(jobs_home) == ["later"])
    assert resumed_times(jobs_home, "default") == 1
    assert jobs_home.stop(worker).exit_code == 0


def test_a_pause_of_all_holds_queues_that_come_later_and_every_process(jobs_home: Home) -> None:
    parent = jobs_home.start("work", "--processes", 2, "--queue", "new,default")
    eventually(lambda: len(worker_pids(jobs_home)) == 2)
    jobs_home.leadq("pause", "--all")
    eventually(lambda: paused_times(jobs_home, "new") == 2)
    for queue in ("new", "default"):
        add(jobs_home, queue, queue=queue)
    used = [processor_seconds(pid) for pid in worker_pids(jobs_home)]
    time.sleep(1)
    spent = [processor_seconds(pid) - before for pid, before in zip(worker_pids(jobs_home), used, strict=True)]
    assert notes(jobs_home) == []
    assert max(spent) < 0.1
    jobs_home.leadq("resume", "--all")
    eventually(lambda: sorted(notes(jobs_home)) == ["default", "new"])
    assert jobs_home.stop(parent).exit_code == 0


def test_a_worker_whose_queues_are_all_paused_stops_when_it_is_told_to(jobs_home: Home) -> None:
    jobs_home.leadq("pause", "--all")
    add(jobs_home, "paused")
    worker = idle_worker(jobs_home, "--sleep", 60)
    eventually(lambda: paused_times(jobs_home, "default") == 1)
    assert jobs_home.stop(worker).exit_code == 0
    assert jobs_home.run("work", "--max-time", 1, "--sleep", 60).exit_code == 0
    assert notes(jobs_home) == []


@pytest.mark.sqlite_only("about mail, whatever the store")
def test_the_probe_of_an_outage_is_no_job_of_a_paused_queue(mailing_jobs: Home) -> None:
    mailing_jobs.environment |= {"MAIL_OUTAGE": "hold", "MAIL_PORT": "1"}
    mailing_jobs.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    mailing_jobs.leadq("work", "--once")
    assert mailing_jobs.count("mail_outage") == 1
    mailing_jobs.leadq("pause", "default")
    worker = idle_worker(mailing_jobs, "--queue", "other,default")
    eventually(lambda: paused_times(mailing_jobs, "default") == 1)
    time.sleep(2.5)  # the next probe is due after one second, and would begin an attempt
    assert mailing_jobs.sql("SELECT probes FROM mail_outage") == [(1,)]
    mailing_jobs.leadq("resume", "default")
    eventually(lambda: mailing_jobs.sql("SELECT probes FROM mail_outage") >= [(2,)])
    assert mailing_jobs.stop(worker).exit_code == 0


@pytest.mark.sqlite_only("a file that is replaced")
def test_a_paused_worker_goes_by_the_database_that_is_there_now(jobs_home: Home) -> None:
    backup = jobs_home.path / "backup.db"
    jobs_home.sql("VACUUM INTO ?", str(backup))
    jobs_home.leadq("pause", "--all")
    worker = idle_worker(jobs_home, "--sleep", 60)
    eventually(lambda: paused_times(jobs_home, "default") == 1)
    database = jobs_home.path / "storage" / "leadq.db"
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    backup.replace(database)
    add(jobs_home, "restored")
    eventually(lambda: notes(jobs_home) == ["restored"])
    assert jobs_home.stop(worker).exit_code == 0
