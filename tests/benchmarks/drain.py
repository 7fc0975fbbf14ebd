"""How fast workers empty a queue of jobs that do nothing, beside a bare loop that claims and deletes.

`python -m tests.benchmarks.drain [--database sqlite|mariadb] [--jobs N] [--workers 1,2,4] [--rounds N] [--json]`

The bare loop uses the driver alone: it deletes the job before, takes the next one and commits, one commit a job, on the
same table in the same database, with as many processes. Rounds are interleaved; medians are told. Durability is the
default: synchronous=FULL on SQLite, innodb_flush_log_at_trx_commit=1 on MariaDB.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pymysql

from tests.homes import Home
from tests.mariadb import HOST, MariaDbDatabase, MariaDbServer

PAYLOAD = '{"job":"Nothing","data":{}}'

JOBS = '''
import atexit, os, time
from dataclasses import dataclass
from pathlib import Path
from leadq.job import Job, JobContext

TIMES = []

@dataclass
class Nothing(Job):
    """Notes its time."""

    def handle(self, context: JobContext) -> None:
        TIMES.append(time.monotonic())

@atexit.register
def tell() -> None:
    if TIMES:
        Path(f"times-{os.getpid()}.txt").write_text(f"{len(TIMES)} {TIMES[0]} {TIMES[-1]}")
'''


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Jobs a second."""

    workers: int
    jobs: int
    bare: float
    leadq: float
    ratio: float


@contextmanager
def home_on(database: str) -> Iterator[Home]:
    """A home with a fresh database, on the disk."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leadq-bench-")))
        home = Home(folder / "home")
        home.path.mkdir()
        home.leadq("init", home.path)
        if database == "mariadb":
            server = stack.enter_context(MariaDbServer(durable=True))
            home = Home(home.path, MariaDbDatabase(server))
        home.add_module("nothing_jobs", JOBS)
        stack.callback(home.close)
        yield home


def fill(home: Home, count: int) -> None:
    home.sql("DELETE FROM jobs")
    home.sql(
        f"INSERT INTO jobs (queue, payload, available_at, created_at, stage, uuid)"
        f" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        f" SELECT 'default', ?, 0, 0, 1, 1000000 + i FROM n",
        PAYLOAD,
    )


def leadq_rate(home: Home, workers: int, count: int) -> float:
    fill(home, count)
    for old in home.path.glob("times-*.txt"):
        old.unlink()
    started = [home.start("-q", "work", "--stop-when-empty", "--memory", "0") for _ in range(workers)]
    for process in started:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    home.processes.clear()
    return rate_of([file.read_text() for file in home.path.glob("times-*.txt")], count)


def bare_rate(home: Home, workers: int, count: int) -> float:
    fill(home, count)
    loop = [sys.executable, "-m", "tests.benchmarks.drain", "--bare"]
    environment = {**os.environ, **home.environment, "HOME_PATH": str(home.path)}
    started = [
        subprocess.Popen(loop, env=environment, stdout=subprocess.PIPE, encoding="utf-8") for _ in range(workers)
    ]
    return rate_of([process.communicate()[0] for process in started], count)


def rate_of(told: list[str], count: int) -> float:
    """From lines of `count first last`, monotonic seconds."""
    lines = [(int(done), float(first), float(last)) for done, first, last in (line.split() for line in told if line)]
    assert sum(done for done, _, _ in lines) == count, lines
    return (count - 1) / (max(last for _, _, last in lines) - min(first for _, first, _ in lines))


def bare_loop() -> None:
    """One process of the baseline."""
    claim = bare_mysql() if "DB_PORT" in os.environ else bare_sqlite()
    times: list[float] = []
    job_id: int | None = None
    while (job_id := claim(job_id)) is not None:
        times.append(time.monotonic())
    if times:
        print(len(times), times[0], times[-1])


def bare_sqlite() -> Callable[[int | None], int | None]:
    connection = sqlite3.connect(f"{os.environ['HOME_PATH']}/storage/leadq.db", isolation_level=None, timeout=30)
    connection.execute("PRAGMA synchronous = FULL")

    def claim(done: int | None) -> int | None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM jobs WHERE id = ?", (done,))
        row = connection.execute(
            "SELECT id, payload FROM jobs WHERE queue = 'default' AND stage = 1 ORDER BY priority, id LIMIT 1"
        ).fetchone()
        if row:
            connection.execute("UPDATE jobs SET stage = 2, attempts = attempts + 1 WHERE id = ?", (row[0],))
        connection.execute("COMMIT")
        return row and int(row[0])

    return claim


def bare_mysql() -> Callable[[int | None], int | None]:
    connection = pymysql.connect(
        host=HOST,
        port=int(os.environ["DB_PORT"]),
        user=os.environ["DB_USERNAME"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_DATABASE"],
        ssl_disabled=True,
    )
    cursor = connection.cursor()
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def claim(done: int | None) -> int | None:
        connection.begin()
        cursor.execute("DELETE FROM jobs WHERE id = %s", (done,))
        cursor.execute(
            "SELECT id, payload FROM jobs WHERE queue = 'default' AND stage = 1 ORDER BY priority, id LIMIT 1"
            " FOR UPDATE SKIP LOCKED"
        )
        row = cursor.fetchone()
        if row:
            cursor.execute("UPDATE jobs SET stage = 2, attempts = attempts + 1 WHERE id = %s", (row[0],))
        connection.commit()
        return row and int(row[0])

    return claim


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.drain", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--workers", default="1,2,4", help="how many processes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        bare_loop()
        return
    rates = []
    with home_on(arguments.database) as home:
        for workers in map(int, arguments.workers.split(",")):
            pairs = [
                (bare_rate(home, workers, arguments.jobs), leadq_rate(home, workers, arguments.jobs))
                for _ in range(arguments.rounds)
            ]
            bare, leadq = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = round(leadq / bare, 2)
            rates.append(Rate(workers=workers, jobs=arguments.jobs, bare=round(bare), leadq=round(leadq), ratio=ratio))
    if arguments.json:
        print(json.dumps({"database": arguments.database, "drain": [asdict(rate) for rate in rates]}, indent=2))
        return
    print(f"{arguments.database}, {arguments.jobs} jobs, jobs/s")
    print(f"{'workers':>8} {'bare':>8} {'leadq':>8} {'ratio':>8}")
    for rate in rates:
        print(f"{rate.workers:>8} {rate.bare:>8.0f} {rate.leadq:>8.0f} {rate.ratio:>8.2f}")


if __name__ == "__main__":
    main()
