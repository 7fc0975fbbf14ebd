"""How a busy queue's queries find their rows: by an index, and no more rows because there are many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from leadq.monitoring import Limits, look
from leadq.receipt import Receipt
from leadq.store.failed import FailedFilter
from leadq.store.outcomes import Completed, GivenBack, Outcome, Released
from leadq.store.records import JobSums, WorkerNews
from leadq.store.store import Store
from tests.homes import Home
from tests.store.conftest import FAILED, claim, failed_ids, release_orphans

FEW, MANY = 10, 200_000
BATCHES = 2000  # and so a hundred jobs in each, and as many failed ones
WORKERS = 100  # and so no more reserved jobs than that
SMALL = {"users", "workers"}  # tables that may be read from one end to the other
MOST_READ = 1000  # rows for one statement: a chunk has 500, of which each may be looked for in an index first
NEVER = 99_999_999_999

NUMBERS = (
    " WITH RECURSIVE digit(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM digit WHERE i < 499),"
    " n(i) AS (SELECT a.i * 500 + b.i + 1 FROM digit a CROSS JOIN digit b WHERE a.i * 500 + b.i < ?) "
)
INTO_JOBS = "INSERT INTO jobs (queue, payload, attempts, available_at, created_at, stage, worker_id, uuid)"
PEOPLE = (
    f"INSERT INTO leads (name, email, created_at) {NUMBERS} SELECT 'Bo', 'bo@example.com', i FROM n",
    f"INSERT INTO users (name, email, email_key, created_at) {NUMBERS} SELECT 'Ana', 'a' || i, 'a' || i, 1 FROM n",
    "INSERT INTO workers (name, host, pid, pid_space, pid_started, queues, started_at, seen_at)"
    f" {NUMBERS} SELECT 'w', 'elsewhere', i, '', '', 'low', 1, {NEVER} FROM n",
    f"{INTO_JOBS} {NUMBERS} SELECT 'low', '{{}}', 1, 1000, 1000, 2, i, 'r' || i FROM n",  # reserved
)
JOBS = (
    "INSERT INTO jobs (queue, payload, attempts, available_at, created_at, stage, worker_id, uuid, batch_id)"
    f" {NUMBERS} SELECT CASE i % 3 WHEN 0 THEN 'high' ELSE 'low' END, '{{}}', 0,"
    f" CASE i % 10 WHEN 0 THEN {NEVER} ELSE 1000 END, 1000, CASE i % 10 WHEN 0 THEN 0 ELSE 1 END, NULL, 'j' || i,"
    f" 'b' || (i % {BATCHES}) FROM n",  # delayed, or due
    "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at, batch_id)"
    f" {NUMBERS} SELECT 'f' || i, 'database', CASE i % 100 WHEN 1 THEN 'rare' ELSE 'low' END, '{{}}', '', i,"
    f" 'b' || (i % {BATCHES}) FROM n",
    "INSERT INTO job_batches (id, name, total_jobs, pending_jobs, failed_jobs, failed_job_ids, created_at)"
    f" {NUMBERS} SELECT 'b' || i, 'import', 200, 100, 100, '[]', i FROM n",
    "INSERT INTO deliveries (uuid, lead_id, user_id, status, queued_at)"
    f" {NUMBERS} SELECT 'j' || i, 1, 1, 'queued', i FROM n",
    "INSERT INTO deliveries (uuid, lead_id, user_id, status, queued_at)"
    f" {NUMBERS} SELECT 'f' || i, 1, 1, 'failed', i FROM n",
    f"INSERT INTO delivery_events (uuid, at, event) {NUMBERS} SELECT 'j' || i, i, 'released' FROM n",
)
FILLED = ("users", "workers", "jobs", "failed_jobs", "leads", "deliveries", "delivery_events", "job_batches")


NEWS = WorkerNews(done=1, minutes={60: [JobSums(queue="low", done=1, failed=0, attempts=1, run_ms=1)]})


def settled(outcome: Outcome) -> Callable[[Store], object]:
    return lambda store: store.settlements.settle_and_claim(claim(store, "low"), outcome, ("none", "high", "low"))


HOT: dict[str, Callable[[Store], object]] = {
    "something is due": lambda store: store.claims.has_due(("none", "high", "low")),
    "nothing is due": lambda store: store.claims.has_due(("none", "never")),
    "until the next one": lambda store: store.claims.seconds_until_due(3),
    "claim with promotion": lambda store: claim(store, "none", "high", "low"),
    "sent": settled(Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok"))),
    "released": settled(Released(delay_seconds=60, error="OSError: down")),
    "given back": settled(GivenBack(reason="the worker was told to stop")),
    "failed": settled(FAILED),
    "delivery": lambda store: store.deliveries.find("j7"),
    "story": lambda store: store.deliveries.events("j7"),
    "beat": lambda store: store.workers.beat(3, name="w", queues=("low",)),
    "beat with news": lambda store: store.workers.beat(3, name="w", queues=("low",), news=NEWS),
    "pruned counts": lambda store: store.metrics._prune(),
    "sweep": lambda store: release_orphans(store),
    "jobs of a worker that is gone": lambda store: store.workers._release_jobs_of(4, "it is gone"),
    "strays": lambda store: store.workers.release_strays(5),
    "newest failed jobs": lambda store: list(store.failed.listing(limit=50)[0]),
    "newest failed jobs of a queue": lambda store: list(
        store.failed.listing(FailedFilter(queues=("rare",)), limit=50)[0]
    ),
    "retry": lambda store: store.triage.retry(7),
    "failed jobs of a batch": lambda store: failed_ids(store, FailedFilter(batch_id="b7")),
    "uuids of the failed jobs of a batch": lambda store: store.batches.failed_job_ids("b8"),
    "cancelled batch": lambda store: store.batches.cancel("b9"),
    "retry of a chunk": lambda store: store.triage.retry_chunk(list(range(8, 508)), available_at={9: NEVER}),
    "forget of a chunk": lambda store: store.triage.forget_chunk(list(range(508, 1008))),
    "whose turn it is": lambda store: store.users.next_in_turn(),
    "flush": lambda store: store.triage._flush_chunk(None),
}


class Watch:
    """What is wrong with the statements that a store executes."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wrong: list[tuple[object, ...]] = []
        self.seen = 0
        self._database = store._session.database
        self._execute = self._database.execute_sql
        self._on_sqlite = store._session.dialect.clock is None
        monkeypatch.setattr(self._database, "execute_sql", self._execute_watched)

    def _execute_watched(self, sql: str, params: Any = None) -> Any:
        tables = set(re.findall(r'(?:FROM|UPDATE) [`"](\w+)', sql))
        if not tables or sql.startswith("SELECT COUNT("):  # to count is to read them all
            return self._execute(sql, params)
        aliases = {alias: table for table, alias in re.findall(r'[`"](\w+)[`"] AS [`"](\w+)[`"]', sql)}
        self.seen += 1
        for step in self._plan(sql, params):
            scanned = aliases.get(step.split()[1], "") if step.startswith("SCAN") else None
            whole = scanned is not None and scanned not in SMALL and not ("LIMIT" in sql and "WHERE" not in sql)
            if whole or "filesort" in step or "temporary" in step or "TEMP B-TREE" in step:
                self.wrong.append((sql, step))
        with self._rows_read() as read:
            cursor = self._execute(sql, params)
        if read and read[0] > MOST_READ:
            self.wrong.append((sql, f"{read[0]} rows read"))
        return cursor

    def _plan(self, sql: str, params: Any) -> Iterator[str]:
        """The steps; those that read a whole table or index begin with SCAN."""
        if self._on_sqlite:
            steps = self._execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
            yield from (step for *_, step in steps if step != "SCAN CONSTANT ROW")
            return
        cursor = self._execute(f"EXPLAIN {sql}", params)
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            step = dict(zip(names, row, strict=True))
            verb = "SCAN" if step["type"] in {"ALL", "index"} and int(step["rows"]) > WORKERS else step["type"]
            yield f"{verb} {step['table']} by {step['key']}: {step['Extra']}"

    @contextmanager
    def _rows_read(self) -> Iterator[list[int]]:
        """How many rows the statement inside has read; empty on SQLite, which does not tell."""
        read: list[int] = []
        before = 0 if self._on_sqlite else self._handler_reads()
        yield read
        if not self._on_sqlite:
            read.append(self._handler_reads() - before)

    def _handler_reads(self) -> int:
        rows = self._execute("SHOW SESSION STATUS LIKE 'Handler_read%%'").fetchall()
        return sum(int(value) for _, value in rows)


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_a_busy_queue_finds_its_rows_by_an_index_however_many_there_are(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    for statement in PEOPLE:
        home.sql(statement, min(rows, WORKERS))
    for statement in JOBS:
        home.sql(statement, rows)
    if rows == MANY:  # a new database has no statistics
        home.sql("ANALYZE" if "DB_CONNECTION" not in home.environment else f"ANALYZE TABLE {', '.join(FILLED)}")
    home.insert_job({"job": "x"}, queue="high")
    watch = Watch(store, monkeypatch)
    wrong = {}
    for name, call in HOT.items():
        watch.wrong, watch.seen = [], 0
        call(store)
        assert watch.seen > 0, name
        wrong |= {name: watch.wrong} if watch.wrong else {}
    assert wrong == {}


def test_monitor_counts_many_jobs_from_indexes_alone(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for statement in JOBS[:2]:
        home.sql(statement, MANY // 10)
    home.sql("ANALYZE" if "DB_CONNECTION" not in home.environment else "ANALYZE TABLE jobs, failed_jobs")
    watch = Watch(store, monkeypatch)
    plans: list[tuple[str, str]] = []
    execute = watch._execute

    def execute_explained(sql: str, params: object = None) -> object:
        if "GROUP BY" in sql and ("jobs" in sql):
            plans.extend((sql, step) for step in watch._plan(sql, params))
        return execute(sql, params)

    monkeypatch.setattr(store._session.database, "execute_sql", execute_explained)
    limits = Limits(pending=1000, age_seconds=900, failed=None)
    report = look(store, limits=limits, default_queue="default", retry_after=90)
    assert sum(queue.size.size for queue in report.queues) == MANY // 10
    assert sum(queue.failed for queue in report.queues) == MANY // 10
    assert len(plans) == 2
    assert [plan for plan in plans if not re.search("COVERING INDEX|Using index$", plan[1])] == []


def test_addresses_are_looked_up_by_an_index_however_many_leads_there_are(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = (
        f"INSERT INTO leads (name, email, created_at) {NUMBERS} SELECT 'Bo', 'bo' || i || '@example.com', 0 FROM n"
    )
    home.sql(several, MANY // 10)
    home.sql("ANALYZE" if "DB_CONNECTION" not in home.environment else "ANALYZE TABLE leads")
    watch = Watch(store, monkeypatch)
    assert len(store.leads.addresses_among(f"BO{number}@example.com" for number in range(400))) == 399
    assert (watch.seen, watch.wrong) == (1, [])
