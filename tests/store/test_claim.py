"""Enqueue and claim: which job is next, and that nobody else gets it."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import suppress

import pytest

from leadq.errors import NotFound
from leadq.store.records import JobState, QueueSize
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import claim, dead_pid, enqueue, release_orphans, worker

SQLITE_KEEPS_BYTES = pytest.mark.sqlite_only("MariaDB takes no bytes for a text that are none")


def test_a_job_comes_back_as_it_was_stored_with_its_attempt_counted(store: Store, time_now: Clock) -> None:
    job = enqueue(store, queue="high")
    claimed = claim(store, "high", worker_id=5)
    assert (claimed.uuid, claimed.queue, claimed.payload) == (job.uuid, "high", job.payload)
    assert (claimed.attempts, claimed.worker_id, claimed.connection, claimed.created_at) == (1, 5, "database", NOW)


def test_a_claimed_job_is_reserved_and_nobody_elses(store: Store, other_store: Store, time_now: Clock) -> None:
    enqueue(store)
    worker_id = worker(store)
    claimed = claim(store, worker_id=worker_id)
    assert other_store.claims.claim(("default",), worker_id + 1) is None
    row = other_store.jobs.find(claimed.id)
    assert (row.state, row.reserved_at, row.attempts, row.worker) == (JobState.RESERVED, NOW, 1, "test")


def test_queues_in_strict_order_then_priority_then_age(store: Store) -> None:
    chance = random.Random(7)
    jobs = [enqueue(store, queue=chance.choice("abc"), priority=chance.choice((-5, 0, 0, 3))) for _ in range(100)]
    expected = [
        job.uuid for queue in "bca" for job in sorted((j for j in jobs if j.queue == queue), key=lambda j: j.priority)
    ]
    assert [claim(store, "b", "c", "a").uuid for _ in jobs] == expected
    assert store.claims.claim(("b", "c", "a"), 1) is None


def test_the_first_queue_is_looked_at_afresh_for_every_job(store: Store) -> None:
    low = [enqueue(store, queue="low").uuid for _ in range(2)]
    first = claim(store, "high", "low").uuid
    high = enqueue(store, queue="high", priority=100).uuid
    assert [first, claim(store, "high", "low").uuid, claim(store, "high", "low").uuid] == [low[0], high, low[1]]


def test_queues_that_are_not_named_are_left_alone(store: Store) -> None:
    enqueue(store, queue="other")
    assert not store.claims.has_due(("default",))
    assert store.claims.claim(("default",), 1) is None


def test_order_holds_for_rows_that_another_program_inserted_in_bulk(home: Home, store: Store) -> None:
    home.sql(
        "INSERT INTO jobs (queue, payload, attempts, available_at, created_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
        " SELECT 'low', '{\"job\": \"x\"}', 0, 1000, 1000 FROM n"
    )
    insert_row(home, queue="low", priority=-1)
    insert_row(home, queue="high", priority=0)
    first, second = claim(store, "high", "low"), claim(store, "high", "low")
    assert (first.queue, second.queue) == ("high", "low")
    assert store.jobs.find(second.id).priority == -1


def insert_row(home: Home, *, queue: str, priority: int) -> None:
    home.sql(
        "INSERT INTO jobs (queue, payload, attempts, available_at, created_at, priority)"
        ' VALUES (?, \'{"job": "x"}\', 0, 2000, 2000, ?)',
        queue,
        priority,
    )


def test_a_delayed_job_is_claimed_when_its_time_has_come_and_not_before(store: Store, time_now: Clock) -> None:
    job = enqueue(store, delay=60)
    assert store.claims.claim(("default",), 1) is None
    assert not store.claims.has_due(("default",))
    time_now.pass_(59)
    assert store.claims.claim(("default",), 1) is None
    assert store.claims.seconds_until_due(3) == 1
    time_now.pass_(1)
    assert store.claims.has_due(("default",))
    assert claim(store).uuid == job.uuid


def test_an_idle_worker_is_told_how_long_it_may_sleep(store: Store, time_now: Clock) -> None:
    assert store.claims.seconds_until_due(3) == 3
    enqueue(store, delay=60)
    assert store.claims.seconds_until_due(3) == 3
    assert store.claims.seconds_until_due(100) == 60
    time_now.pass_(90)
    assert store.claims.seconds_until_due(100) == 0


def test_a_delayed_job_keeps_its_age_once_it_is_due(store: Store, time_now: Clock) -> None:
    old = enqueue(store, delay=60)
    time_now.pass_(60)
    new = enqueue(store)
    assert [claim(store).uuid, claim(store).uuid] == [old.uuid, new.uuid]


def test_jobs_are_listed_in_the_order_in_which_they_run(home: Home, store: Store, time_now: Clock) -> None:
    enqueue(store, delay=60)
    time_now.pass_(60)
    for priority in (0, 5):
        enqueue(store, priority=priority)
    insert_row(home, queue="default", priority=-5)
    listed, total = store.jobs.listing(limit=50)
    assert total == 4
    assert [job.id for job in listed] == [claim(store).id for _ in listed]


def test_a_row_with_laravels_columns_alone_is_claimed_and_gets_its_identity(home: Home, store: Store) -> None:
    job_id = home.insert_job({"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}})
    assert store.jobs.find(job_id).uuid is None
    claimed = claim(store)
    payload = json.loads(claimed.payload)
    assert claimed.id == job_id
    assert payload == {
        "job": "SendLeadCreatedEmail",
        "data": {"lead_id": 7},
        "uuid": claimed.uuid,
        "createdAt": claimed.created_at,
    }
    assert home.sql("SELECT uuid, payload FROM jobs") == [(claimed.uuid, claimed.payload)]


def test_a_uuid_in_the_payload_of_such_a_row_is_kept(home: Home, store: Store) -> None:
    home.insert_job({"uuid": "from-laravel", "job": "x", "createdAt": 5})
    claimed = claim(store)
    assert claimed.uuid == "from-laravel"
    assert json.loads(claimed.payload)["createdAt"] == 5


def test_a_row_keeps_its_identity_at_the_next_claim(home: Home, store: Store) -> None:
    home.insert_job({"job": "x"})
    first = claim(store, worker_id=worker(store))
    home.sql("UPDATE workers SET pid = ?", dead_pid())
    release_orphans(store)
    second = claim(store)
    assert (second.uuid, second.payload, second.attempts) == (first.uuid, first.payload, 2)


def test_a_row_inserted_with_a_time_ahead_waits_for_it(home: Home, store: Store) -> None:
    home.insert_job({"job": "x"}, delay=1000)
    assert store.claims.claim(("default",), 1) is None
    assert store.jobs.sizes() == [QueueSize(queue="default", pending=0, delayed=1, reserved=0)]


@pytest.mark.parametrize("payload", ["", "not json", "[1]", '{"data": {}}', '{"job": "x", "uuid": 7}', "\x00\x1b[2J"])
def test_a_payload_that_cannot_be_decoded_is_claimed_as_it_is_under_a_uuid_of_its_own(
    home: Home, store: Store, payload: str
) -> None:
    home.insert_job(payload)
    claimed = claim(store)
    assert claimed.payload == payload
    assert len(claimed.uuid) == 36


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("CAST(X'7b226a6f62223a22ff227d' AS TEXT)", marks=SQLITE_KEEPS_BYTES, id="bytes that are no UTF-8"),
        pytest.param("X'7b226a6f62223a22ff227d'", marks=SQLITE_KEEPS_BYTES, id="a blob"),
        pytest.param(r"""'{"job": "x", "data": {"note": "\ud800"}}'""", id="half a character"),
    ],
)
def test_a_payload_that_is_no_text_does_not_stand_in_the_way_of_others(home: Home, store: Store, payload: str) -> None:
    home.sql(
        "INSERT INTO jobs (queue, payload, attempts, available_at, created_at)"
        f" VALUES ('default', {payload}, 0, 1000, 1000)"
    )
    job = enqueue(store)
    first, second = claim(store), claim(store)
    assert first.uuid != job.uuid
    assert second.uuid == job.uuid


def test_one_particular_job_can_be_claimed_due_or_not(store: Store, other_store: Store) -> None:
    enqueue(store)
    enqueue(store, delay=1000)
    delayed = store.jobs.listing(state=JobState.DELAYED, limit=1)[0][0]
    claimed = store.claims.claim_by_id(delayed.id, 1)
    assert claimed is not None
    assert claimed.id == delayed.id
    assert other_store.claims.claim_by_id(delayed.id, 2) is None
    assert store.claims.claim_by_id(999, 1) is None


def test_many_workers_at_once_take_each_job_once(home: Home, store: Store) -> None:
    uuids = {enqueue(store).uuid for _ in range(60)}
    taken: list[str] = []

    def work(worker_id: int) -> None:
        with home.store() as own:
            while job := own.claims.claim(("default",), worker_id):
                taken.append(job.uuid)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter(uuids)


def test_a_job_inside_a_transaction_that_is_rolled_back_was_never_there(store: Store, other_store: Store) -> None:
    def store_and_fail() -> None:
        enqueue(store)
        raise ZeroDivisionError

    with suppress(ZeroDivisionError):
        store.transact(store_and_fail)
    assert other_store.jobs.sizes() == []


def test_a_job_is_seen_by_others_once_its_transaction_commits(store: Store, other_store: Store) -> None:
    def store_and_look() -> None:
        enqueue(store)
        assert not other_store.claims.has_due(("default",))

    store.transact(store_and_look)
    assert other_store.claims.has_due(("default",))


def test_an_empty_poll_takes_no_write_lock(store: Store, other_store: Store) -> None:
    def store_and_look() -> None:
        enqueue(store, queue="other")
        assert not other_store.claims.has_due(("default",))

    store.transact(store_and_look)


@pytest.mark.sqlite_only("its change counter; other databases are asked for jobs")
def test_a_commit_of_another_process_shows_in_the_change_counter(store: Store, other_store: Store) -> None:
    before = store.change_counter()
    assert store.change_counter() == before
    enqueue(other_store)
    assert store.change_counter() != before


def test_sizes_split_each_queue_by_state(store: Store) -> None:
    for queue, delay in (("b", 0), ("b", 0), ("b", 900), ("a", 900)):
        enqueue(store, queue=queue, delay=delay)
    claim(store, "b")
    a = QueueSize(queue="a", pending=0, delayed=1, reserved=0)
    b = QueueSize(queue="b", pending=1, delayed=1, reserved=1)
    assert store.jobs.sizes() == [a, b]
    assert store.jobs.sizes(("b", "none")) == [b, QueueSize(queue="none", pending=0, delayed=0, reserved=0)]
    assert (a.size, b.size) == (1, 3)


def test_jobs_are_listed_by_queue_and_state(store: Store) -> None:
    for queue, delay in (("a", 0), ("a", 900), ("b", 0)):
        enqueue(store, queue=queue, delay=delay)
    claim(store, "b")
    listed = {
        (queue, state): store.jobs.listing(queues=(queue,), state=state, limit=9)[1]
        for queue in "ab"
        for state in JobState
    }
    assert listed == {
        ("a", JobState.PENDING): 1,
        ("a", JobState.DELAYED): 1,
        ("a", JobState.RESERVED): 0,
        ("b", JobState.PENDING): 0,
        ("b", JobState.DELAYED): 0,
        ("b", JobState.RESERVED): 1,
    }
    first, total = store.jobs.listing(limit=2)
    assert (len(first), total) == (2, 3)


@pytest.mark.parametrize("job_id", [0, -1, 999, 2**63])
def test_a_job_that_is_not_there_is_not_found(store: Store, job_id: int) -> None:
    with pytest.raises(
        NotFound, match=f"^(no job {job_id} is waiting or running|there is nothing under so large a number)$"
    ):
        store.jobs.find(job_id)


def test_ids_are_never_used_twice(store: Store, home: Home) -> None:
    enqueue(store)
    home.sql("DELETE FROM jobs")
    enqueue(store)
    assert claim(store).id == 2
