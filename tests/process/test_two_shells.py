"""Two people, or two workers, at the same time."""

from __future__ import annotations

import json
from collections import Counter

from tests.homes import Home, eventually
from tests.process.signs import idle_worker, let_go, notes, own_job, until_held

MANY_FAILED = """
    INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, attempts)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
    SELECT 'job-' || n, 'database', 'default',
           '{"uuid":"job-' || n || '","job":"Note","data":{"text":"' || n || '"}}', 'Error: none', 0, 3
    FROM numbers
"""


def test_two_retry_all_at_once_queue_each_job_once(jobs_home: Home) -> None:
    jobs_home.sql(MANY_FAILED)
    shells = [jobs_home.start("retry", "all", "--json") for _ in range(2)]
    ends = [jobs_home.ended(shell) for shell in shells]
    assert [end.exit_code for end in ends] == [0, 0]
    retried = [uuid for end in ends for uuid in json.loads(end.stdout)["retried"]]
    assert sorted(retried) == sorted(f"job-{n}" for n in range(1, 201))
    rows = Counter(uuid for (uuid,) in jobs_home.sql("SELECT uuid FROM jobs"))
    assert rows == Counter(retried)
    assert jobs_home.count("failed_jobs") == 0


def test_two_workers_share_the_jobs_and_run_each_once(jobs_home: Home) -> None:
    jobs_home.sql(MANY_FAILED)
    jobs_home.run("retry", "all")
    workers = [jobs_home.start("work", "--stop-when-empty") for _ in range(2)]
    assert [jobs_home.ended(worker).exit_code for worker in workers] == [0, 0]
    assert sorted(notes(jobs_home), key=int) == [str(n) for n in range(1, 201)]
    assert jobs_home.count("jobs") == 0


def test_a_job_longer_than_retry_after_runs_once_with_two_workers(jobs_home: Home) -> None:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "1"
    jobs_home.insert_job(own_job("Held", name="long"))
    first = jobs_home.start("work", "--stop-when-empty")
    until_held(jobs_home, "long")
    ((reserved_at,),) = jobs_home.sql("SELECT reserved_at FROM jobs")
    second = idle_worker(jobs_home, "--sleep", "0.2")
    # its first beat after the lease would be over, were it not renewed
    eventually(lambda: jobs_home.sql("SELECT MAX(seen_at) FROM workers")[0][0] >= reserved_at + 3)
    let_go(jobs_home, "long")
    assert jobs_home.ended(first).exit_code == 0
    assert jobs_home.stop(second).exit_code == 0
    assert notes(jobs_home) == ["long"]
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0
