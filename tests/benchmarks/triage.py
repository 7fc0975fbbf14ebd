"""How long it takes to look through many failed jobs and to retry them all, and how much memory.

`python -m tests.benchmarks.triage [--database sqlite|mariadb] [--jobs N] [--json]`

Each command is a process of its own, piped; memory is its peak resident set. A tenth as many jobs are told beside:
memory that does not grow with them is flat. Durability is the default: synchronous=FULL on SQLite,
innodb_flush_log_at_trx_commit=1 on MariaDB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from tests.benchmarks.bench import Bench
from tests.benchmarks.plan import Plan
from tests.homes import Home

USERS = 50
TRACEBACK = (
    "Traceback (most recent call last):\n" + '  File "/srv/leadq/mail.py", line 7, in send\n    raise error\n' * 20
)
NUMBERS = (
    " WITH RECURSIVE digit(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM digit WHERE i < 999),"
    " n(i) AS (SELECT a.i * 1000 + b.i + 1 FROM digit a CROSS JOIN digit b WHERE a.i * 1000 + b.i < ?) "
)
FILL = (
    f"INSERT INTO users (name, email, email_key, created_at) {NUMBERS} SELECT 'Ana', 'a' || i, 'a' || i, 1 FROM n",
    f"INSERT INTO leads (name, email, created_at) {NUMBERS} SELECT 'Bo', 'bo@example.com', i FROM n",
    "INSERT INTO deliveries (uuid, lead_id, user_id, status, queued_at)"
    f" {NUMBERS} SELECT (100000000 + i) || '-7c1e-4a52-9d3b-0123456789ab', i, 1 + i % {USERS}, 'failed', 1 FROM n",
    "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, attempts)"
    f" {NUMBERS} SELECT (100000000 + i) || '-7c1e-4a52-9d3b-0123456789ab', 'database', 'default',"
    ' \'{"uuid":"\' || (100000000 + i) || \'-7c1e-4a52-9d3b-0123456789ab","displayName":"SendLeadCreatedEmail",'
    '"job":"SendLeadCreatedEmail","maxTries":null,"timeout":null,"backoff":null,"createdAt":1767225600,'
    '"data":{"lead_id":\' || i || \',"user_id":\' || (1 + i % 50) || \',"test":false}}\','
    " CASE i % 3 WHEN 0 THEN 'PermanentDeliveryError: RCPT <bo' || i || '@example.com>: 550 5.1.1 no such user'"
    " WHEN 1 THEN 'DeliveryError: connect: smtp.example.com:587: Connection refused'"
    f" ELSE 'TimeoutExceeded: job ' || i || ' has timed out after 60 s' END || '\n{TRACEBACK}', 1767225600 + i, 3"
    " FROM n",
)
COMMANDS = (
    ("failed",),
    ("failed", "--page", "1000"),
    ("failed", "--limit", "1000000", "--json"),
    ("failed", "--group"),
    ("failed", "--job", "SendLeadCreatedEmail"),
    ("failed", "--user", "7"),
    ("failed", "--error", "timed out after"),
    ("retry", "all", "--dry-run"),
    ("retry", "all", "--error", "REFUSED", "--spread", "10m"),
    ("retry", "all", "--json"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One command."""

    command: str
    jobs: int
    seconds: float
    megabytes: int


def fill(home: Home, count: int) -> None:
    for table in ("jobs", "failed_jobs", "delivery_events", "deliveries", "leads", "users"):
        home.sql(f"DELETE FROM {table}")
    if not home.environment.get("DB_CONNECTION"):
        home.sql("DELETE FROM sqlite_sequence")
    else:
        for table in ("users", "leads"):
            home.sql(f"ALTER TABLE {table} AUTO_INCREMENT = 1")
    home.sql(FILL[0], USERS)
    for statement in FILL[1:]:
        home.sql(statement, count)


def measured(home: Home, jobs: int, *arguments: str) -> Run:
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "leadq", *arguments],
        cwd=home.path,
        env={**os.environ, **home.environment},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    seconds = time.monotonic() - began
    return Run(
        command=" ".join(arguments), jobs=jobs, seconds=round(seconds, 2), megabytes=round(usage.ru_maxrss / 1024)
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.triage", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=300_000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    runs = []
    with Bench(Plan(), arguments.database) as bench:
        home = bench.home(own_jobs=False)
        for jobs in (arguments.jobs // 10, arguments.jobs):
            fill(home, jobs)
            runs += [measured(home, jobs, *command) for command in COMMANDS]
            assert (home.count("failed_jobs"), home.count("jobs")) == (0, jobs)
    if arguments.json:
        print(json.dumps({"database": arguments.database, "triage": [asdict(run) for run in runs]}, indent=2))
        return
    print(f"{arguments.database}\n{'jobs':>8} {'seconds':>8} {'MB':>6}  command")
    for run in runs:
        print(f"{run.jobs:>8} {run.seconds:>8.2f} {run.megabytes:>6}  {run.command}")


if __name__ == "__main__":
    main()
