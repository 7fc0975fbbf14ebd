"""What workers have done of late, and what waits, as `monitor` counts it."""

from __future__ import annotations

import pytest

from leadq.monitoring import Limits, Status, look
from leadq.store.metrics import KEPT_SECONDS, PRUNED_AT_ONCE_SECONDS
from leadq.store.outcomes import Held
from leadq.store.records import JobSums, QueueLoad, QueueSize, RunningJob, WorkerNews
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import claim, enqueue, fail_jobs, worker

MINUTE = NOW - NOW % 60
OWN_MINUTE = NOW // 60 % 60  # of the hour: a worker with this id prunes now


def sums(queue: str = "default", *, done: int = 0, failed: int = 0, attempts: int = 0, run_ms: int = 0) -> JobSums:
    return JobSums(queue=queue, done=done, failed=failed, attempts=attempts, run_ms=run_ms)


def test_the_sums_of_all_workers_and_minutes_are_added_up_by_queue(store: Store, time_now: Clock) -> None:
    store.metrics.record(1, {MINUTE: [sums(done=2, attempts=3, run_ms=90), sums("high", done=1, attempts=1)]})
    store.metrics.record(2, {MINUTE - 60: [sums(failed=1, attempts=1, run_ms=7)], MINUTE: [sums(done=5, attempts=5)]})
    store.metrics.record(2, {MINUTE - 120: [sums(done=1000, attempts=1000)]})
    found = sorted(store.metrics.sums_since(MINUTE - 60), key=lambda one: one.queue)
    assert found == [sums(done=7, failed=1, attempts=9, run_ms=97), sums("high", done=1, attempts=1)]
    assert store.metrics.sums_since(MINUTE, ("high", "none")) == [sums("high", done=1, attempts=1)]
    assert store.metrics.sums_since(MINUTE + 60) == []


def test_what_is_written_twice_counts_once_and_a_later_sum_takes_the_place_of_the_one_before(
    store: Store, time_now: Clock
) -> None:
    store.metrics.record(1, {MINUTE: [sums(done=2, attempts=2)]})
    store.metrics.record(1, {MINUTE: [sums(done=2, attempts=2)]})
    assert store.metrics.sums_since(MINUTE) == [sums(done=2, attempts=2)]
    store.metrics.record(1, {MINUTE: [sums(done=9, attempts=9)], MINUTE + 60: [sums(done=1, attempts=1)]})
    assert store.metrics.sums_since(MINUTE) == [sums(done=10, attempts=10)]


def test_what_is_old_is_deleted_bit_by_bit_when_a_workers_turn_comes(home: Home, store: Store, time_now: Clock) -> None:
    oldest = MINUTE - KEPT_SECONDS - 10 * PRUNED_AT_ONCE_SECONDS
    old = {oldest: [sums()], oldest + 60: [sums()], oldest + PRUNED_AT_ONCE_SECONDS: [sums()]}
    other = OWN_MINUTE + 1
    store.metrics.record(other, {**old, MINUTE - KEPT_SECONDS + 60: [sums()]})
    assert home.count("job_counts") == 4
    store.metrics.record(OWN_MINUTE, {MINUTE: [sums()]})
    assert home.count("job_counts") == 3
    for _ in range(3):
        store.metrics.record(OWN_MINUTE, {MINUTE: [sums()]})
    left = home.sql("SELECT minute FROM job_counts ORDER BY minute")
    assert left == [(MINUTE - KEPT_SECONDS + 60,), (MINUTE,)]


def test_a_beat_and_a_farewell_bring_a_workers_news(home: Home, store: Store, time_now: Clock) -> None:
    worker_id = worker(store)
    news = WorkerNews(done=7, failed=2, paused=True, minutes={MINUTE: [sums(done=7, failed=2, attempts=9)]})
    store.workers.beat(worker_id, name="test", queues=("default",), news=news)
    ((record, is_alive),) = store.workers.listing(retry_after=90)
    assert (record.done, record.failed, record.paused, is_alive) == (7, 2, True, True)
    store.workers.unregister(worker_id, WorkerNews(minutes={MINUTE: [sums(done=8, failed=2, attempts=10)]}))
    assert store.workers.listing(retry_after=90) == []
    assert store.metrics.sums_since(MINUTE) == [sums(done=8, failed=2, attempts=10)]


def test_a_worker_that_was_taken_for_dead_is_entered_again_with_its_numbers(store: Store, time_now: Clock) -> None:
    worker_id = worker(store)
    store.workers.unregister(worker_id)
    store.workers.beat(worker_id, name="test", queues=("default",), news=WorkerNews(done=7))
    ((record, _),) = store.workers.listing(retry_after=90)
    assert (record.id, record.done, record.started_at) == (worker_id, 7, NOW)


def test_a_silent_worker_is_listed_as_one_that_does_not_live(store: Store, time_now: Clock) -> None:
    worker(store)
    time_now.pass_(91)
    ((_, is_alive),) = store.workers.listing(retry_after=90)
    assert not is_alive
    assert store.workers.alive(retry_after=90) == []


def test_a_load_tells_what_is_held_and_since_when_the_oldest_pending_job_is_due(
    home: Home, store: Store, time_now: Clock
) -> None:
    enqueue(store, delay=50)
    time_now.pass_(40)
    assert store.jobs.loads() == [QueueLoad(size=QueueSize(queue="default", pending=0, delayed=1, reserved=0))]
    time_now.pass_(20)  # due, and nobody has looked at it yet
    enqueue(store)
    enqueue(store, delay=500)
    size = QueueSize(queue="default", pending=2, delayed=1, reserved=0)
    assert store.jobs.loads() == [QueueLoad(size=size, oldest_pending_at=NOW + 50)]
    store.settlements.settle(claim(store, worker_id=3), Held(error="down", tried=True))
    assert store.jobs.loads() == [QueueLoad(size=size, held=1, oldest_pending_at=NOW + 50)]
    claimed = claim(store, worker_id=3)
    size = QueueSize(queue="default", pending=1, delayed=1, reserved=1)
    assert store.jobs.loads() == [QueueLoad(size=size, held=1, oldest_pending_at=NOW + 50)]
    running = RunningJob(
        id=claimed.id, uuid=claimed.uuid, queue="default", payload=claimed.payload, attempts=1, reserved_at=NOW + 60
    )
    assert store.jobs.running() == {3: running}


def test_failed_jobs_are_counted_by_queue(store: Store) -> None:
    fail_jobs(store, 2)
    fail_jobs(store, 1, queue="high")
    assert store.failed.count_by_queue() == {"default": 2, "high": 1}
    assert store.failed.count_by_queue(("high", "none")) == {"high": 1}


def test_a_look_waits_for_nobody_who_writes(store: Store, other_store: Store) -> None:
    enqueue(store)
    worker(store)
    limits = Limits(pending=1000, age_seconds=900, failed=None)

    def look_while_others_write() -> Status:
        store.workers.beat(1, name="test", queues=("default",))
        return look(other_store, limits=limits, default_queue="default", retry_after=90).status

    assert store.transact(look_while_others_write) is Status.OK


@pytest.mark.parametrize("queue", ["", "a\tb", "日本", "x" * 100])
def test_any_name_of_a_queue_is_counted(store: Store, time_now: Clock, queue: str) -> None:
    store.metrics.record(1, {MINUTE: [sums(queue, done=1, attempts=1)]})
    assert store.metrics.sums_since(MINUTE) == [sums(queue, done=1, attempts=1)]
