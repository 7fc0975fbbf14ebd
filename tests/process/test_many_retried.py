"""Thousands of failed jobs are retried at once: by two shells, by one that is killed, and while workers run them."""

from __future__ import annotations

import json
from collections import Counter

from tests.homes import Home, eventually
from tests.process.signs import notes
from tests.process.test_kill_points import killed_at

MANY, SOME = 3000, 300


def fail_many(home: Home, count: int) -> list[str]:
    """So many failed jobs that would each write a note; their uuids."""
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, attempts)"
        " WITH RECURSIVE digit(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM digit WHERE i < 99),"
        " n(i) AS (SELECT a.i * 100 + b.i + 1 FROM digit a CROSS JOIN digit b WHERE a.i * 100 + b.i < ?)"
        " SELECT 'job-' || i, 'database', 'default',"
        """ '{"uuid":"job-' || i || '","job":"Note","data":{"text":"' || i || '"}}', 'Error: none', 0, 3"""
        " FROM n ORDER BY i",
        count,
    )
    return [f"job-{number}" for number in range(1, count + 1)]


def places(home: Home) -> Counter[str]:
    """How often each job is stored, wherever that is."""
    return Counter(uuid for table in ("jobs", "failed_jobs") for (uuid,) in home.sql(f"SELECT uuid FROM {table}"))


def test_two_shells_that_retry_thousands_at_once_queue_each_job_once(home: Home) -> None:
    jobs = fail_many(home, MANY)
    shells = [home.start("retry", "all", "--json", *options) for options in ((), ("--spread", "10m"))]
    ends = [home.ended(shell) for shell in shells]
    assert [end.exit_code for end in ends] == [0, 0], ends
    retried = Counter(uuid for end in ends for uuid in json.loads(end.stdout)["retried"])
    assert retried == Counter(jobs)
    assert places(home) == Counter(jobs)
    assert home.count("failed_jobs") == 0


def test_killed_in_the_middle_of_retry_each_job_is_in_one_place_and_the_next_retry_takes_the_rest(home: Home) -> None:
    jobs = fail_many(home, MANY)
    killed_at(home, "in the third chunk of retry", "retry", "all")
    assert (home.count("jobs"), home.count("failed_jobs")) == (1000, MANY - 1000)
    assert places(home) == Counter(jobs)
    assert home.json("retry", "all")["retried"] == jobs[1000:]
    assert [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs ORDER BY id")] == jobs


def test_killed_in_the_middle_of_forget_the_rest_is_still_failed(home: Home) -> None:
    jobs = fail_many(home, MANY)
    killed_at(home, "in the third chunk of forget", "forget", "all")
    assert places(home) == Counter(jobs[1000:])
    assert home.json("forget", "all")["deleted"] == MANY - 1000


def test_what_two_shells_retry_while_workers_run_it_runs_once(jobs_home: Home) -> None:
    fail_many(jobs_home, SOME)
    workers = [jobs_home.start("-q", "work", "--sleep", "0.2") for _ in range(2)]
    shells = [jobs_home.start("retry", "--range", "1-200"), jobs_home.start("retry", "--range", "100-999")]
    assert [jobs_home.ended(shell).exit_code for shell in shells] == [0, 0]
    eventually(lambda: not jobs_home.count("jobs"))
    assert [jobs_home.stop(worker).exit_code for worker in workers] == [0, 0]
    assert sorted(notes(jobs_home), key=int) == [str(number) for number in range(1, SOME + 1)]
    assert jobs_home.count("failed_jobs") == 0
