"""Many rows at once, as fast as a database takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from leadq.payload import new_uuid
from leadq.store.jobs import DUE
from tests.homes import Home
from tests.mariadb import MariaDbDatabase

AT_ONCE = 100_000
FIRST_OF_ALL = -1000  # a priority


def add_jobs(
    home: Home,
    count: int,
    *,
    stage: int = DUE,
    priority: int = 0,
    available_at: int = 0,
    worker_id: int | None = None,
) -> None:
    """Stores jobs that do nothing."""
    payload = json.dumps({"job": "Nothing", "data": {}})
    for numbers in _numbers(home, count):
        home.sql(
            "INSERT INTO jobs (queue, payload, available_at, created_at, stage, priority, worker_id, reserved_at, uuid)"
            f" SELECT 'default', ?, ?, 0, ?, ?, ?, ?, i FROM {numbers}",
            payload,
            available_at,
            stage,
            priority,
            worker_id,
            None if worker_id is None else 0,
        )


def add_gates(home: Home, processes: int) -> None:
    """Has that many workers wait for each other before their first job."""
    for _ in range(processes):
        home.sql(
            "INSERT INTO jobs (queue, payload, available_at, created_at, stage, priority, uuid)"
            " VALUES ('default', ?, 0, 0, ?, ?, ?)",
            json.dumps({"job": "Gate", "data": {"processes": processes}}),
            DUE,
            FIRST_OF_ALL,
            new_uuid(),
        )


def add_failed_jobs(home: Home, count: int) -> None:
    """Stores failed jobs."""
    for numbers in _numbers(home, count):
        home.sql(
            "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, attempts)"
            f" SELECT i, 'database', 'default', ?, ?, 0, 3 FROM {numbers}",
            json.dumps({"job": "Nothing", "data": {}}),
            "RuntimeError: it does not work",
        )


def add_worker(home: Home, *, seen_at: int) -> int:
    """Enters a worker of another host; its id."""
    home.sql(
        "INSERT INTO workers (name, host, pid, pid_space, pid_started, queues, started_at, seen_at)"
        " VALUES ('elsewhere', 'elsewhere.example', 1, '', '', 'default', 0, ?)",
        seen_at,
    )
    return int(home.sql("SELECT MAX(id) FROM workers")[0][0])


def _numbers(home: Home, count: int) -> Iterator[str]:
    """What to select `i` from so that it is each number from 1 to `count`, in several goes."""
    for first in range(1, count + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, count)
        if isinstance(home.database, MariaDbDatabase):
            yield f"(SELECT seq AS i FROM seq_{first}_to_{last}) AS n"
        else:
            yield (
                f"(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
                " SELECT i FROM n)"
            )
