"""Whatever is called in whatever order, the store does what a plain model does: a job is in exactly one place, its
attempts are right, and a token that is no longer the job's changes nothing but for an accepted mail."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from leadq import clock
from leadq.leads import NewLead, Routing, assign_lead, create_lead
from leadq.payload import new_uuid
from leadq.receipt import Receipt
from leadq.store import sqlite
from leadq.store.failed import FailedFilter
from leadq.store.outcomes import Completed, Failed, GivenBack, Outcome, Released
from leadq.store.records import ClaimedJob, NewJob
from leadq.store.schema import migrate
from leadq.store.store import Store
from tests.conftest import NOW
from tests.property.model import SENT, Model, ModelBatch, ModelDelivery, ModelJob, ModelWorker
from tests.store.conftest import dead_pid, failed_ids

T = TypeVar("T")
NEVER = 99_999_999_999

USERS = ("ana@example.com", "bea@example.com")
QUEUES = ("high", "default")

queue_names = st.sampled_from(QUEUES)
queue_lists = st.sampled_from([QUEUES, QUEUES, ("default", "high"), ("default",)])
priorities = st.integers(-1, 1)
delays = st.sampled_from([0, 0, 0, 1, 30, 600])
actions = st.sampled_from(["claim", "claim", "settle", "settle and claim", "settle late", "settle late", "claim by id"])
indexes = st.integers(0, 4)  # counted from the newest
batch_places = st.sampled_from([None, 0, 0, 1])
SENDS = Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok"))
outcomes = st.sampled_from(
    [
        Completed(),
        SENDS,
        SENDS,
        Released(delay_seconds=0, error="OSError: down"),
        Released(delay_seconds=29.5, error="OSError: down"),
        GivenBack(reason="the worker was told to stop"),
        GivenBack(reason="StoreUnavailable: locked", delay_seconds=5),
        *[Failed(error="ValueError: no", exception="ValueError: no\nTraceback …")] * 3,
        Failed(error="TooManyAttempts: spent", exception="TooManyAttempts: spent", ran=False),
    ]
)


Actions = list[tuple[str, int, Outcome, tuple[str, ...]]]
action_lists = st.lists(st.tuples(actions, indexes, outcomes, queue_lists), min_size=3, max_size=8)


@cache
def template() -> bytes:
    """A database file with the schema and USERS, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leadq.db"
        path.touch()
        database = sqlite.SqliteFile(path)
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
    """Two connections to one database file, and the model beside it. `most_jobs`: so many at once."""

    most_jobs = 100

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(now=NOW)
        self.patch = pytest.MonkeyPatch()
        self.patch.setitem(sqlite.PRAGMAS, "synchronous", 0)  # no power cut here
        self.patch.setattr(clock, "now", lambda: self.model.now)
        self.folder = Path(tempfile.mkdtemp(prefix="leadq-property-"))
        path = self.folder / "leadq.db"
        path.write_bytes(template())
        self.stores = [Store(sqlite.SqliteFile(path)) for _ in range(2)]
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

    @precondition(lambda self: len(self.model.jobs) + len(self.model.failed) < self.most_jobs)
    @rule(queue=queue_names, priority=priorities, delay=delays, place=batch_places)
    def enqueue(self, queue: str, priority: int, delay: int, place: int | None) -> None:
        mark, uuid, now = self.model.next_mark(), new_uuid(), self.model.now
        payload = json.dumps({"uuid": uuid, "job": "Own", "data": {"mark": mark}})
        new = NewJob(
            uuid=uuid,
            queue=queue,
            payload=payload,
            priority=priority,
            available_at=now + delay,
            created_at=now,
            batch_id=self.batch_at(place),
        )
        job_id = self.counted_in(new.batch_id, lambda: self.store.jobs.enqueue(new))
        job = ModelJob(
            mark=mark,
            uuid=uuid,
            queue=queue,
            priority=priority,
            available_at=now + delay,
            due=delay == 0,
            batch_id=new.batch_id,
        )
        assert job_id == self.model.add_of_batch(job)

    @precondition(lambda self: len(self.model.jobs) + len(self.model.failed) < self.most_jobs)
    @rule(
        queue=queue_names,
        delay=st.sampled_from([-60, 0, 30]),
        uuid=st.sampled_from([None, "twin", "twin"]),
        whole=st.sampled_from([True, True, False]),
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
        self.model.add(
            ModelJob(mark=mark, uuid=None, queue=queue, priority=0, available_at=now + delay, due=False, batch_id=None)
        )

    @precondition(lambda self: len(self.model.jobs) + len(self.model.failed) < self.most_jobs)
    @rule(user=st.sampled_from(USERS), delay=delays, priority=priorities, place=batch_places)
    def create_lead(self, user: str, delay: int, priority: int, place: int | None) -> None:
        batch_id = self.batch_at(place)
        routing = Routing(default_queue="default", delay=delay, priority=priority, batch_id=batch_id)
        new = NewLead(name="Bo", email="bo@example.com")
        lead = self.counted_in(batch_id, lambda: create_lead(self.store, new, user=user, routing=routing))
        user_id = USERS.index(user) + 1
        self.model.leads[lead.lead.id] = user_id
        self.notified(lead.job, lead.lead.id, user_id, batch_id)

    @precondition(lambda self: self.model.leads)
    @rule(index=indexes, user=st.sampled_from(USERS))
    def assign_lead(self, index: int, user: str) -> None:
        running = {token.uuid for token in self.tokens if self.model.holds(token)}
        told_of = [delivery.lead_id for uuid, delivery in self.model.deliveries.items() if uuid in running]
        lead_id, user_id = picked([*self.model.leads, *told_of], index), USERS.index(user) + 1
        anew = self.model.assign(lead_id, user_id)
        assigned = assign_lead(self.store, lead_id, user, routing=Routing(default_queue="default"))
        if anew:
            self.notified(assigned.job, lead_id, user_id)

    def notified(self, job: Any, lead_id: int, user_id: int, batch_id: str | None = None) -> None:
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
            batch_id=batch_id,
        )
        assert job.id == self.model.add_of_batch(entered)

    # --- batches -----------------------------------------------------------------------------------

    @initialize()
    def create_two_batches(self) -> None:
        for _ in range(2):
            self.create_batch()

    @precondition(lambda self: len(self.model.batches) < 2)
    @rule()
    def create_batch(self) -> None:
        self.model.batches[self.store.batches.create(name="import")] = ModelBatch()

    @precondition(lambda self: self.model.batches)
    @rule(index=indexes, cancelled=st.booleans())
    def close_batch(self, index: int, cancelled: bool) -> None:
        """Which leaves its jobs alone; or cancels it, which does not."""
        batch_id = picked(list(self.model.batches), index)
        if cancelled:
            assert self.store.batches.cancel(batch_id) == self.model.cancel(batch_id)
        else:
            self.store.batches.close(batch_id)
            self.model.batches[batch_id].closed = True

    @precondition(lambda self: self.model.batches and self.model.failed)
    @rule(index=indexes)
    def retry_batch(self, index: int) -> None:
        batch_id = picked(list(self.model.batches), index)
        failed = [id for id, failure in self.model.failed.items() if failure.batch_id == batch_id]
        assert failed_ids(self.store, FailedFilter(batch_id=batch_id)) == failed
        assert self.store.batches.failed_job_ids(batch_id) == [self.model.failed[id].uuid for id in failed]
        for failed_id in failed:
            failure = self.model.retry(failed_id, force=False)
            assert self.store.triage.retry(failed_id) == (failure and failure.uuid)

    @precondition(lambda self: len(self.model.batches) > 1)
    @rule(finished=st.booleans())
    def prune_batches(self, finished: bool) -> None:
        """By what they are, not by their age; their jobs stay."""
        doomed = [batch_id for batch_id in self.model.batches if self.model.counters(batch_id)[3] is finished]
        batches = self.store.batches
        prune = batches.prune_finished if finished else batches.prune_unfinished
        assert prune(NEVER) == len(doomed)
        for batch_id in doomed:
            del self.model.batches[batch_id]

    def batch_at(self, place: int | None) -> str | None:
        return None if place is None or not self.model.batches else picked(list(self.model.batches), place)

    def counted_in(self, batch_id: str | None, store_one: Callable[[], T]) -> T:
        """Stores one job of a batch and counts it there."""

        def stored() -> T:
            result = store_one()
            if batch_id is not None:
                self.store.batches.add(batch_id, 1)
            return result

        return self.store.transact(stored)

    # --- workers -----------------------------------------------------------------------------------

    @initialize()
    def register_three(self) -> None:
        for here in (True, True, False):
            self.register(here)

    @precondition(lambda self: len(self.living) < 4)
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

    @precondition(lambda self: len(self.living) > 1)
    @rule(index=indexes, killed=st.sampled_from([True, True, False]), noticed=st.booleans())
    def end_worker(self, index: int, killed: bool, noticed: bool) -> None:
        """By kill -9, which can be seen on this host alone; or it leaves, with or without jobs."""
        worker_id = picked(self.living, index)
        self.living.remove(worker_id)
        if killed:
            self.other_program.execute("UPDATE workers SET pid = ? WHERE id = ?", (gone_process(), worker_id))
            if worker_id in self.model.workers:
                self.model.workers[worker_id].running = False
        else:
            self.store_of(worker_id).workers.unregister(worker_id)
            self.model.workers.pop(worker_id, None)
        if noticed:
            self.release_orphans(wait=0, retry_after=None)

    @rule(wait=st.sampled_from([0, 0, 1, 90, 91]), retry_after=st.sampled_from([90, 90, None]))
    def release_orphans(self, wait: int, retry_after: int | None) -> None:
        self.model.now += wait
        released = self.store.workers.release_orphans(retry_after=retry_after, last_words=lambda worker: None)
        expected = self.model.release_orphans(retry_after)
        assert sorted((orphan.uuid, orphan.attempts) for orphan in released) == sorted(expected)

    @precondition(lambda self: self.tokens)
    @rule(index=indexes, but_this=st.booleans())
    def release_strays(self, index: int, but_this: bool) -> None:
        token = picked(self.tokens, index)
        kept = token if but_this else None
        self.store_of(token.worker_id).workers.release_strays(token.worker_id, running=kept)
        self.model.release_strays(token.worker_id, kept)

    def place(self, worker_id: int, here: bool) -> None:
        if not here:
            self.other_program.execute("UPDATE workers SET host = 'elsewhere' WHERE id = ?", (worker_id,))

    # --- claim and settle --------------------------------------------------------------------------

    # three rules, several steps each: jobs go through these far more often than through any other

    @rule(actions=action_lists)
    def work(self, actions: Actions) -> None:
        self.act(actions)

    @rule(actions=action_lists)
    def work_on(self, actions: Actions) -> None:
        self.act(actions)

    @rule(actions=action_lists)
    def work_still(self, actions: Actions) -> None:
        self.act(actions)

    def act(self, actions: Actions) -> None:
        for action, index, outcome, named in actions:
            queues = self.open_among(named)
            if action == "claim" and queues:
                self.claim(index, queues)
            elif action == "claim by id":
                self.claim_by_id(index)
            elif action == "settle late":
                self.settle_late(index, outcome, queues)
            elif action != "claim":
                self.settle(index, outcome, queues if action == "settle and claim" and queues else None)
            self.the_store_is_as_the_model()

    def claim(self, index: int, queues: tuple[str, ...]) -> None:
        if self.living:
            worker_id = picked(self.living, index)
            worth_it, expected = self.store.claims.has_due(queues), self.model.claim(queues, worker_id)
            assert worth_it or expected is None
            self.took(self.store_of(worker_id).claims.claim(queues, worker_id), expected)

    def claim_by_id(self, index: int) -> None:
        if self.living and self.model.jobs:
            worker_id, job_id = picked(self.living, index), picked(list(self.model.jobs), index)
            free = self.model.jobs[job_id].holder is None
            if free:
                self.model.take(job_id, worker_id)
            self.took(self.store_of(worker_id).claims.claim_by_id(job_id, worker_id), job_id if free else None)

    def settle(self, index: int, outcome: Outcome, queues: tuple[str, ...] | None) -> None:
        held = [token for token in self.tokens if self.model.holds(token)]
        if held:
            self.end(picked(held, index), outcome, queues)

    def settle_late(self, index: int, outcome: Outcome, queues: tuple[str, ...]) -> None:
        """With any token that there ever was; rather with one of a job that has gone on since."""
        running = {job.uuid for job in self.model.jobs.values() if job.holder is not None}
        going_on = {row.uuid for row in (*self.model.jobs.values(), *self.model.failed.values())}
        late = [token for token in self.tokens if token.uuid in going_on and not self.model.holds(token)]
        late.sort(key=lambda token: (token.uuid in running, token.uuid in self.model.deliveries))
        if self.tokens:
            self.end(picked([*self.tokens, *late], index), outcome, queues if index % 2 and queues else None)

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

    @precondition(lambda self: self.model.last_failed)
    @rule(index=indexes, force=st.booleans())
    def retry(self, index: int, force: bool) -> None:
        failed_id = self.failed_id(index)
        failure = self.model.retry(failed_id, force=force)
        assert self.store.triage.retry(failed_id, force=force) == (failure and failure.uuid)
        if failure is not None and failure.uuid is not None and force:
            self.forced.add(failure.uuid)

    @precondition(lambda self: len(self.model.failed) > 2)
    @rule(age=st.sampled_from([None, 0, 60, "one"]), index=indexes)
    def forget(self, age: int | str | None, index: int) -> None:
        """One failed job; or a flush of all, or of those that are old enough."""
        if age == "one":
            failed_id = self.failed_id(index)
            assert self.store.triage.forget(failed_id) is self.model.forget(failed_id)
            return
        before = None if age is None else self.model.now - int(age)
        doomed = [id for id, failure in self.model.failed.items() if before is None or failure.failed_at <= before]
        assert self.store.triage.flush(failed_before=before) == len(doomed)
        for failed_id in doomed:
            self.model.forget(failed_id)

    @precondition(lambda self: len(self.model.jobs) > 4)
    @rule(queues=st.just(()) | queue_lists, reserved=st.booleans())
    def clear(self, queues: tuple[str, ...], reserved: bool) -> None:
        assert self.store.jobs.clear(queues, reserved=reserved) == self.model.clear(queues, reserved=reserved)

    def failed_id(self, index: int) -> int:
        """Of a failed job, or of one that may be none any more."""
        return picked([self.model.last_failed, *self.model.failed], index)

    # --- pauses ------------------------------------------------------------------------------------

    @precondition(lambda self: not self.model.lasting())
    @rule(queue=st.sampled_from(["high", "high", "default", None]), seconds=st.sampled_from([None, 30, 30, 600]))
    def pause(self, queue: str | None, seconds: int | None) -> None:
        for lasting in (60, seconds):  # said once more, differently
            until = None if lasting is None else self.model.now + lasting
            self.store.control.pause(queue, until=until, reason=None)
            self.model.pause(queue, until=until)

    @precondition(lambda self: self.model.pauses)
    @rule(queue=st.sampled_from(["high", "default", None, None]))
    def resume(self, queue: str | None) -> None:
        assert self.store.control.resume(queue) == self.model.resume(queue)

    def open_among(self, queues: tuple[str, ...]) -> tuple[str, ...]:
        """Those that a worker takes jobs of."""
        pauses = self.store.control.pauses()
        return tuple(queue for queue in queues if not any(pause.covers(queue) for pause in pauses))

    # --- time --------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 30, 90, 91, 600, -1, -30, -600]))
    def time_passes(self, seconds: int) -> None:
        self.model.now += seconds

    # --- what always holds -------------------------------------------------------------------------

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        self.every_job_is_in_exactly_one_place()
        self.jobs_are_those_of_the_model()
        self.failed_jobs_are_those_of_the_model()
        self.deliveries_are_those_of_the_model()
        self.what_was_sent_stays_so_unless_a_retry_is_forced()
        self.workers_are_those_of_the_model()
        self.batches_are_those_of_the_model()
        assert self.stores[1].control.pauses() == self.model.lasting()
        assert self.stores[1].jobs.sizes() == self.model.sizes()

    def every_job_is_in_exactly_one_place(self) -> None:
        rows = self.rows("SELECT payload, uuid FROM jobs UNION ALL SELECT payload, uuid FROM failed_jobs")
        marks = [self.mark(payload, uuid) for payload, uuid in rows]
        assert sorted([*marks, *self.model.gone]) == list(range(1, self.model.marks + 1))

    def jobs_are_those_of_the_model(self) -> None:
        rows = self.rows(
            "SELECT id, payload, uuid, queue, priority, available_at, attempts, worker_id, stage, reserved_at, batch_id"
            " FROM jobs"
        )
        found = {}
        for job_id, payload, uuid, queue, priority, available_at, attempts, holder, stage, reserved_at, batch in rows:
            assert (stage == 2) is (holder is not None) is (reserved_at is not None)
            found[job_id] = ModelJob(
                mark=self.mark(payload, uuid),
                uuid=uuid,
                queue=queue,
                priority=priority,
                available_at=available_at,
                due=self.model.jobs[job_id].due if stage == 2 else stage == 1,
                batch_id=batch,
                attempts=attempts,
                holder=holder,
            )
        assert found == self.model.jobs

    def failed_jobs_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT id, payload, uuid, queue, priority, batch_id, attempts, failed_at FROM failed_jobs")
        found = {id: (self.mark(payload, uuid), uuid, *rest) for id, payload, uuid, *rest in rows}
        expected = {
            id: (one.mark, one.uuid, one.queue, one.priority, one.batch_id, one.attempts, one.failed_at)
            for id, one in self.model.failed.items()
        }
        assert found == expected

    def deliveries_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT uuid, lead_id, user_id, status, attempts FROM deliveries")
        expected = {
            (uuid, one.lead_id, one.user_id, one.status, one.attempts) for uuid, one in self.model.deliveries.items()
        }
        assert set(rows) == expected

    def what_was_sent_stays_so_unless_a_retry_is_forced(self) -> None:
        sent = {uuid for (uuid,) in self.rows("SELECT uuid FROM deliveries WHERE status = ?", SENT)}
        assert self.sent - sent <= self.forced
        self.sent, self.forced = sent, set()

    def workers_are_those_of_the_model(self) -> None:
        rows = self.rows("SELECT id, seen_at, host = 'elsewhere' FROM workers")
        expected = {(id, worker.seen_at, int(not worker.here)) for id, worker in self.model.workers.items()}
        assert set(rows) == expected

    def batches_are_those_of_the_model(self) -> None:
        rows = self.rows(
            "SELECT id, total_jobs, pending_jobs, failed_jobs, finished_at IS NOT NULL, cancelled_at FROM job_batches"
        )
        assert {id: tuple(rest) for id, *rest in rows} == {id: self.model.counters(id) for id in self.model.batches}

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.other_program.execute(statement, values).fetchall()

    def mark(self, payload: str, uuid: str | None) -> int:
        found = re.search(r'"mark": ?(\d+)', payload)
        return int(found[1]) if found else self.marks[uuid or ""]


class FewJobs(Queue):
    """Much happens to each."""

    most_jobs = 2


SETTINGS = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.timeout(600)  # a failure is made small before it is told
class TestQueue(Queue.TestCase):  # type: ignore[name-defined,misc]
    settings = SETTINGS


@pytest.mark.timeout(600)
class TestFewJobs(FewJobs.TestCase):  # type: ignore[name-defined,misc]
    settings = SETTINGS
