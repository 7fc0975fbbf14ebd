"""Many workers on one server: each job is run once, and nobody stands in another one's way for long."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.homes import Home
from tests.mariadb import MariaDbServer
from tests.process.signs import notes

JOBS = 2000
WORKERS = 8

MANY_JOBS = """
    INSERT INTO jobs (queue, payload, attempts, reserved_at, available_at, created_at)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT 'default', '{"job": "Note", "data": {"text": "' || n || '"}}', 0, NULL, 0, 0 FROM numbers
"""

pytestmark = pytest.mark.mariadb_only("SQLite has one writer at a time; there, test_two_shells.py shows the same")


def test_eight_workers_run_each_of_two_thousand_jobs_once(jobs_home: Home, mariadb: MariaDbServer) -> None:
    jobs_home.sql(MANY_JOBS, JOBS)
    deadlocks = status(mariadb, "Innodb_deadlocks")
    parent = jobs_home.start("-q", "work", "--processes", WORKERS, "--stop-when-empty")
    out, err = parent.communicate(timeout=50)
    deadlocks = status(mariadb, "Innodb_deadlocks") - deadlocks
    print(f"{deadlocks} deadlocks")
    assert (parent.returncode, out, err) == (0, "", "")
    assert Counter(notes(jobs_home)) == Counter(str(number) for number in range(1, JOBS + 1))
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == jobs_home.count("workers") == 0
    assert jobs_home.log.count("Job started") == jobs_home.log.count("Job done") == JOBS
    assert [line for line in jobs_home.log.splitlines() if ".INFO: " not in line] == []


def status(mariadb: MariaDbServer, name: str) -> int:
    """One of the server's counters."""
    return int(mariadb.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])
