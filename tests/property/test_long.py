"""Whatever is called in whatever order, the store does what a plain model does: a job is in exactly one place, its
attempts are right, and a token that is no longer the job's changes nothing but for an accepted mail."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from leadq import clock
from leadq.leads import NewLead, Routing, assign_lead, create_lead
from leadq.payload import new_uuid
from leadq.receipt import Receipt
from leadq.store import dialect
from leadq.store.outcomes import Completed, Failed, GivenBack, Outcome, Released
from leadq.store.records import ClaimedJob, NewJob
from leadq.store.schema import migrate
from leadq.store.store import Store
from tests.conftest import NOW
from tests.property.model import SENT, Model, ModelDelivery, ModelJob, ModelWorker
from tests.store.conftest import dead_pid

USERS = ("ana@example.com", "bea@example.com")
QUEUES = ("high", "default")

queue_names = st.sampled_from(QUEUES)
queue_lists = st.sampled_from([("default",), ("high",), ("high", "default"), ("default", "high")])
priorities = st.integers(-1, 1)
delays = st.sampled_from([0, 0, 0, 1, 30, 600])
indexes = st.integers(0, 1000)  # counted from the newest
outcomes = st.sampled_from(
    [
        Completed(),
        Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok")),
        Released(delay_seconds=0, error="OSError: down"),
        Released(delay_seconds=29.5, error="OSError: down"),
        GivenBack(reason="the worker was told to stop"),
        GivenBack(reason="StoreUnavailable: locked", delay_seconds=5),
        Failed(error="ValueError: no", exception="ValueError: no\nTraceback …"),
        Failed(error="TooManyAttempts: spent", exception="TooManyAttempts: spent", ran=False),
    ]
)


@cache
def template() -> bytes:
    """A database file with the schema and USERS, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leadq.db"
        path.touch()
        database = dialect.SqliteFile(path)
        migrate(database)
        store = Store(database)
        for address in USERS:
            store.users.create(name=address, email=address)
        store.close()
        return path.read_bytes()


@cache
def gone_process() -> int:
    return dead_pid()


def picked(things: Sequence[Any], index: int) -> Any:
    return things[-1 - index % len(things)]


class Queue(RuleBasedStateMachine):
    """Two connections to one database file, and the model beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(now=NOW)
        self.patch = pytest.MonkeyPatch()
        self.patch.setitem(dialect.SQLITE_PRAGMAS, "synchronous", 0)  # no power cut here
        self.patch.setattr(clock, "now", lambda: self.model.now)
        self.folder = Path(tempfile.mkdtemp(prefix="leadq-property-"))
        path = self.folder / "leadq.db"
        path.write_bytes(template())
        self.stores = [Store(dialect.SqliteFile(path)) for _ in range(2)]
        self.other_program = sqlite3.connect(path, isolation_level=None)
        self.last_worker = 0
        self.living: list[int] = []
        self.tokens: list[ClaimedJob] = []
        self.marks: dict[str, int] = {}
        self.sent: set[str] = set()
        self.forced: set[str] = set()

    def teardown(self) -> None:
        self.other_program.close()
        for store in self.stores:
            store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    @property
    def store(self) -> Store:
        return self.stores[0]

    def store_of(self, worker_id: int) -> Store:
        return self.stores[worker_id % 2]

    # --- enqueue -----------------------------------------------------------------------------------

    @rule(queue=queue_names, priority=priorities, delay=delays)
    def enqueue(self, queue: str, priority: int, delay: int) -> None:
        mark, uuid, now = self.model.next_mark(), new_uuid(), self.model.now
        payload = json.dumps({"uuid": uuid, "job": "Own", "data": {"mark": mark}})
        new = NewJob(
            uuid=uuid, queue=queue, payload=payload, priority=priority, available_at=now + delay, created_at=now
        )
        job_id = self.store.jobs.enqueue(new)
        job = ModelJob(mark=mark, uuid=uuid, queue=queue, priority=priority, available_at=now + delay, due=delay == 0)
        assert job_id == self.model.add(job)

    @rule(
        queue=queue_names,
        delay=st.sampled_from([-60, 0, 30]),
        uuid=st.sampled_from([None, "twin"]),
        whole=st.booleans(),
    )
    def insert_row(self, queue: str, delay: int, uuid: str | None, whole: bool) -> None:
        """Another program's INSERT: Laravel's columns alone, a uuid used twice, a payload cut off."""
        mark, now = self.model.next_mark(), self.model.now
        document = {"data": {"mark": mark}, "job": "Own"} | ({"uuid": uuid} if uuid else {})
        payload = json.dumps(document)[: None if whole else -1]
        self.other_program.execute(
            "INSERT INTO jobs (queue, payload, attempts, reserved_at, available_at, created_at)"
            " VALUES (?, ?, 0, NULL, ?, ?)",
            (queue, payload, now + delay, now),
        )
        self.model.add(ModelJob(mark=mark, uuid=None, queue=queue, priority=0, available_at=now + delay, due=False))

    @rule(user=st.sampled_from(USERS), delay=delays, priority=priorities)
    def create_lead(self, user: str, delay: int, priority: int) -> None:
        routing = Routing(default_queue="default", delay=delay, priority=priority)
        lead = create_lead(self.store, NewLead(name="Bo", email="bo@example.com"), user=user, routing=routing)
        user_id = USERS.index(user) + 1
        self.model.leads[lead.lead.id] = user_id
        self.notified(lead.job, lead.lead.id, user_id)

    @precondition(lambda self: self.model.leads)
    @rule(index=indexes, user=st.sampled_from(USERS))
    def assign_lead(self, index: int, user: str) -> None:
        lead_id, user_id = picked(list(self.model.leads), index), USERS.index(user) + 1
        anew = self.model.assign(lead_id, user_id)
        assigned = assign_lead(self.store, lead_id, user, routing=Routing(default_queue="default"))
        if anew:
            self.notified(assigned.job, lead_id, user_id)

    def notified(self, job: Any, lead_id: int, user_id: int) -> None:
        """Enters a notification that was stored just now."""
        self.marks[job.uuid] = self.model.next_mark()
        self.model.deliveries[job.uuid] = ModelDelivery(lead_id=lead_id, user_id=user_id)
        entered = ModelJob(
            mark=self.marks[job.uuid],
            uuid=job.uuid,
            queue=job.queue,
            priority=job.priority,
            available_at=job.available_at,
            due=job.available_at <= self.model.now,
        )
        assert job.id == self.model.add(entered)

    # --- workers -----------------------------------------------------------------------------------

    @initialize()
    def register_three(self) -> None:
        for here in (True, True, False):
            self.register(here)

    @rule(here=st.booleans())
    def register(self, here: bool) -> None:
        self.last_worker += 1
        worker_id = self.store_of(self.last_worker).workers.register(name="test", queues=QUEUES)
        assert worker_id == self.last_worker
        self.model.workers[worker_id] = ModelWorker(here=here, running=True, seen_at=self.model.now)
        self.living.append(worker_id)
        self.place(worker_id, here)

    @rule(index=indexes)
    def beat(self, index: int) -> None:
        if self.living:
            worker_id = picked(self.living, index)
            self.store_of(worker_id).workers.beat(worker_id, name="test", queues=QUEUES)
            worker = self.model.workers.setdefault(worker_id, ModelWorker(here=True, running=True, seen_at=0))
            worker.seen_at = self.model.now
            self.place(worker_id, worker.here)

    @rule(index=indexes)
    def die(self, index: int) -> None:
        """kill -9: on this host that can be seen, on another one the beat stays away."""
        if self.living:
            worker_id = picked(self.living, index)
            self.living.remove(worker_id)
            self.other_program.execute("UPDATE workers SET pid = ? WHERE id = ?", (gone_process(), worker_id))
            if worker_id in self.model.workers:
                self.model.workers[worker_id].running = False

    @rule(index=indexes)
    def leave(self, index: int) -> None:
        if self.living:
            worker_id = picked(self.living, index)
            self.living.remove(worker_id)
            self.store_of(worker_id).workers.unregister(worker_id)
            self.model.workers.pop(worker_id, None)

    @rule(retry_after=st.sampled_from([90, 90, None]))
    def release_orphans(self, retry_after: int | None) -> None:
        released = self.store.workers.release_orphans(retry_after=retry_after, last_words=lambda worker: None)
        expected = self.model.release_orphans(retry_after)
        assert sorted((orphan.uuid, orphan.attempts) for orphan in released) == sorted(expected)

    @precondition(lambda self: self.tokens)
    @rule(index=indexes, but_this=st.booleans())
    def release_strays(self, index: int, but_this: bool) -> None:
        token = picked(self.tokens, index)
        kept = token.id if but_this else None
        self.store_of(token.worker_id).workers.release_strays(token.worker_id, except_job=kept)
        self.model.release_strays(token.worker_id, kept)

    def place(self, worker_id: int, here: bool) -> None:
        if not here:
            self.other_program.execute("UPDATE workers SET host = 'elsewhere' WHERE id = ?", (worker_id,))

    # --- claim and settle --------------------------------------------------------------------------

    @rule(index=indexes, queues=queue_lists)
    def claim(self, index: int, queues: tuple[str, ...]) -> None:
        if self.living:
            worker_id = picked(self.living, index)
            worth_it, expected = self.store.jobs.has_due(queues), self.model.claim(queues, worker_id)
            assert worth_it or expected is None
            self.took(self.store_of(worker_id).jobs.claim(queues, worker_id), expected)

    @precondition(lambda self: self.model.jobs)
    @rule(index=indexes, job=indexes)
    def claim_by_id(self, index: int, job: int) -> None:
        if self.living:
            worker_id, job_id = picked(self.living, index), picked(list(self.model.jobs), job)
            free = self.model.jobs[job_id].holder is None
            if free:
                self.model.take(job_id, worker_id)
            self.took(self.store_of(worker_id).jobs.claim_by_id(job_id, worker_id), job_id if free else None)

    @precondition(lambda self: any(self.model.holds(token) for token in self.tokens))
    @rule(index=indexes, outcome=outcomes, queues=st.none() | queue_lists)
    def settle(self, index: int, outcome: Outcome, queues: tuple[str, ...] | None) -> None:
        held = [token for token in self.tokens if self.model.holds(token)]
        self.end(picked(held, index), outcome, queues)

    @precondition(lambda self: self.tokens)
    @rule(index=indexes, outcome=outcomes, queues=st.none() | queue_lists)
    def settle_late(self, index: int, outcome: Outcome, queues: tuple[str, ...] | None) -> None:
        """With any token that there ever was."""
        self.end(picked(self.tokens, index), outcome, queues)

    def end(self, token: ClaimedJob, outcome: Outcome, queues: tuple[str, ...] | None) -> None:
        settlements = self.store_of(token.worker_id).settlements
        expected = self.model.settle(token, outcome)
        if queues is None:
            assert settlements.settle(token, outcome) is expected
        else:
            owned, following = settlements.settle_and_claim(token, outcome, queues)
            assert owned is expected
            self.took(following, self.model.claim(queues, token.worker_id))
        for failed_id, failure in self.model.failed.items():
            if failure.uuid is None:
                ((uuid,),) = self.rows("SELECT uuid FROM failed_jobs WHERE id = ?", failed_id)
                self.model.failed[failed_id] = replace(failure, uuid=uuid)

    def took(self, claimed: ClaimedJob | None, expected: int | None) -> None:
        """Compares a claim with the model's and keeps its token for good."""
        assert (claimed and claimed.id) == expected
        if claimed is not None:
            job = self.model.jobs[claimed.id]
            assert claimed.attempts == job.attempts
            assert claimed.uuid == job.uuid or job.uuid is None
            self.model.jobs[claimed.id] = replace(job, uuid=claimed.uuid)
            self.tokens.append(claimed)

    # --- triage ------------------------------------------------------------------------------------

    @rule(index=indexes, force=st.booleans())
    def retry(self, index: int, force: bool) -> None:
        failed_id = self.failed_id(index)
        failure = self.model.retry(failed_id, force=force)
        assert self.store.triage.retry(failed_id, force=force) == (failure and failure.uuid)
        if failure is not None and failure.uuid is not None and force:
            self.forced.add(failure.uuid)

    @rule(index=indexes)
    def forget(self, index: int) -> None:
        failed_id = self.failed_id(index)
        assert self.store.triage.forget(failed_id) is self.model.forget(failed_id)

    @rule(age=st.none() | st.sampled_from([0, 60]))
    def flush(self, age: int | None) -> None:
        before = None if age is None else self.model.now - age
        doomed = [id for id, failure in self.model.failed.items() if before is None or failure.failed_at <= before]
        assert self.store.triage.flush(failed_before=before) == len(doomed)
        for failed_id in doomed:
            self.model.forget(failed_id)

    @rule(queues=st.just(()) | queue_lists, reserved=st.booleans())
    def clear(self, queues: tuple[str, ...], reserved: bool) -> None:
        assert self.store.jobs.clear(queues, reserved=reserved) == self.model.clear(queues, reserved=reserved)

    def failed_id(self, index: int) -> int:
        """Of a failed job, or of one that is none any more."""
        return picked(list(self.model.failed) or [self.model.last_failed], index)

    # --- time --------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 30, 90, 91, 600, -1, -30, -600]))
    def time_passes(self, seconds: int) -> None:
        self.model.now += seconds

    # --- what always holds -------------------------------------------------------------------------

    @invariant()
    def every_job_is_in_exactly_one_place(self) -> None:
        rows = self.rows("SELECT payload, uuid FROM jobs UNION ALL SELECT payload, uuid FROM failed_jobs")
        marks = [self.mark(payload, uuid) for payload, uuid in rows]
        assert sorted([*marks, *self.model.gone]) == list(range(1, self.model.marks + 1))

    @invariant()
    def jobs_are_those_of_the_model(self) -> None:
        rows = self.rows(
            "SELECT id, payload, uuid, queue, priority, available_at, attempts, worker_id, stage, reserved_at FROM jobs"
        )
        found = {}
        for job_id, payload, uuid, queue, priority, available_at, attempts, holder, stage, reserved_at in rows:
            assert (stage == 2) is (holder is not None) is (reserved_at is not None)
            found[job_id] = ModelJob(
                mark=self.mark(payload, uuid),
                uuid=uuid,
                queue=queue,
                priority=priority,
                available_at=available_at,
                due=self.model.jobs[job_id].due if stage == 2 else stage == 1,
                attempts=attempts,
                holder=holder,
            )
        assert found == self.model.jobs

    @invariant()
    def failed_jobs_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT id, payload, uuid, queue, priority, attempts, failed_at FROM failed_jobs")
        found = {id: (self.mark(payload, uuid), uuid, *rest) for id, payload, uuid, *rest in rows}
        expected = {
            id: (one.mark, one.uuid, one.queue, one.priority, one.attempts, one.failed_at)
            for id, one in self.model.failed.items()
        }
        assert found == expected

    @invariant()
    def deliveries_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT uuid, lead_id, user_id, status, attempts FROM deliveries")
        expected = {
            (uuid, one.lead_id, one.user_id, one.status, one.attempts) for uuid, one in self.model.deliveries.items()
        }
        assert set(rows) == expected

    @invariant()
    def what_was_sent_stays_so_unless_a_retry_is_forced(self) -> None:
        sent = {uuid for (uuid,) in self.rows("SELECT uuid FROM deliveries WHERE status = ?", SENT)}
        assert self.sent - sent <= self.forced
        self.sent, self.forced = sent, set()

    @invariant()
    def workers_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT id, seen_at, host = 'elsewhere' FROM workers")
        expected = {(id, worker.seen_at, int(not worker.here)) for id, worker in self.model.workers.items()}
        assert set(rows) == expected

    @invariant()
    def jobs_are_counted_right(self) -> None:
        assert self.stores[1].jobs.sizes() == self.model.sizes()

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.other_program.execute(statement, values).fetchall()

    def mark(self, payload: str, uuid: str | None) -> int:
        found = re.search(r'"mark": ?(\d+)', payload)
        return int(found[1]) if found else self.marks[uuid or ""]


class TestQueue(Queue.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(
        max_examples=1500,
        stateful_step_count=40,
        deadline=None,
        derandomize=False,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
