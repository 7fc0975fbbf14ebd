"""Workers that live, and the jobs of those that do not."""

from __future__ import annotations

import os

import pytest

from leadq.processes import host_name, pid_space, start_ticks
from leadq.store.outcomes import Completed, Released
from leadq.store.records import JobState
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import claim, dead_pid, enqueue, enqueue_notification, release_orphans, worker


def alive(store: Store) -> list[int]:
    return [one.id for one in store.workers.alive(retry_after=90)]


def test_a_worker_is_entered_with_who_it_is(home: Home, store: Store, time_now: Clock) -> None:
    worker_id = store.workers.register(name="night", queues=("high", "default"))
    (row,) = home.sql("SELECT id, name, host, pid_space, pid, pid_started, queues, started_at, seen_at FROM workers")
    pid, ticks = os.getpid(), start_ticks(os.getpid())
    assert row == (worker_id, "night", host_name(), pid_space(), pid, ticks, "high,default", NOW, NOW)


def test_a_worker_id_is_never_used_again(store: Store) -> None:
    first = worker(store)
    store.workers.unregister(first)
    assert worker(store) > first


def test_a_beat_says_that_a_worker_lives_and_enters_it_again_where_it_was_taken_for_dead(
    home: Home, store: Store, time_now: Clock
) -> None:
    worker_id = worker(store)
    time_now.pass_(15)
    store.workers.beat(worker_id, name="test", queues=("default",))
    assert home.sql("SELECT id, seen_at FROM workers") == [(worker_id, NOW + 15)]
    store.workers.unregister(worker_id)
    store.workers.beat(worker_id, name="test", queues=("default",))
    assert home.sql("SELECT id, seen_at FROM workers") == [(worker_id, NOW + 15)]


def test_jobs_of_a_worker_that_lives_stay_its_own_however_long_they_run(store: Store, time_now: Clock) -> None:
    enqueue(store)
    worker_id = worker(store)
    claimed = claim(store, worker_id=worker_id)
    for _ in range(100):
        time_now.pass_(89)
        assert release_orphans(store) == []
        store.workers.beat(worker_id, name="test", queues=("default",))
    assert store.jobs.find(claimed.id).state is JobState.RESERVED


def test_a_worker_that_was_stopped_is_taken_for_dead_once_its_beat_is_too_old(store: Store, time_now: Clock) -> None:
    job, worker_id = enqueue(store), worker(store)
    claimed = claim(store, worker_id=worker_id)
    time_now.pass_(91)
    assert release_orphans(store, retry_after=None) == []
    assert release_orphans(store) == [job.uuid]
    assert store.settlements.settle(claimed, Completed()) is False
    assert store.jobs.find(claimed.id).state is JobState.PENDING


def test_the_reason_of_an_orphan_is_told_and_kept(home: Home, store: Store) -> None:
    job = enqueue_notification(store)
    claimed = claim(store, worker_id=worker(store))
    pid = dead_pid()
    home.sql("UPDATE workers SET pid = ?", pid)
    release_orphans(store, last_words="Fatal Python error: Segmentation fault")
    reason = f"worker test (pid {pid} on {host_name()}) is gone: Fatal Python error: Segmentation fault"
    assert store.jobs.find(claimed.id).last_error == reason
    assert store.jobs.find(claim(store).id).last_error == reason
    assert [event.detail for event in store.deliveries.events(job.uuid)] == [reason]


def test_a_worker_in_another_pid_namespace_cannot_be_asked(home: Home, store: Store) -> None:
    enqueue(store)
    claim(store, worker_id=worker(store))
    home.sql("UPDATE workers SET pid_space = 'another container', pid = ?", dead_pid())
    assert release_orphans(store) == []


def test_a_worker_gives_back_what_it_holds_without_knowing_and_the_attempt_does_not_count(store: Store) -> None:
    worker_id, other_id = worker(store), worker(store)
    for _ in range(3):
        enqueue(store)
    stray, running = claim(store, worker_id=worker_id), claim(store, worker_id=worker_id)
    others = claim(store, worker_id=other_id)
    store.workers.release_strays(worker_id, running=running)
    assert [job.id for job in store.jobs.listing(state=JobState.RESERVED, limit=9)[0]] == [running.id, others.id]
    again = claim(store, worker_id=worker_id)
    assert (again.id, again.attempts) == (stray.id, 1)


def test_jobs_of_a_process_that_is_gone_are_due_again_and_their_attempt_counts(
    home: Home, store: Store, time_now: Clock
) -> None:
    jobs = [enqueue_notification(store) for _ in range(2)]
    worker_id = worker(store)
    for _ in jobs:
        claim(store, worker_id=worker_id)
    home.sql("UPDATE workers SET pid = ?", dead_pid())
    assert sorted(release_orphans(store)) == sorted(job.uuid for job in jobs)
    assert home.count("workers") == 0
    assert release_orphans(store) == []
    assert {claim(store).attempts for _ in jobs} == {2}
    events = [(event.event, event.attempt) for event in store.deliveries.events(jobs[0].uuid)]
    assert events == [("abandoned", 1)]


def test_another_process_with_the_same_number_is_not_the_worker(home: Home, store: Store) -> None:
    job = enqueue(store)
    claim(store, worker_id=worker(store))
    home.sql("UPDATE workers SET pid_started = '1'")
    assert alive(store) == []
    assert release_orphans(store) == [job.uuid]


def test_jobs_of_a_worker_that_has_left_are_orphans(store: Store) -> None:
    job, worker_id = enqueue(store), worker(store)
    claim(store, worker_id=worker_id)
    store.workers.unregister(worker_id)
    assert release_orphans(store) == [job.uuid]


@pytest.mark.parametrize(("age", "lives"), [(0, True), (90, True), (91, False), (1000, False)])
def test_a_worker_on_another_host_lives_as_long_as_its_beat_is_young(
    home: Home, store: Store, time_now: Clock, age: int, lives: bool
) -> None:
    job, worker_id = enqueue(store), worker(store)
    claim(store, worker_id=worker_id)
    home.sql("UPDATE workers SET host = 'elsewhere', pid = ?", dead_pid())
    time_now.pass_(age)
    assert alive(store) == ([worker_id] if lives else [])
    assert release_orphans(store) == ([] if lives else [job.uuid])


def test_the_dead_are_told_from_the_living(home: Home, store: Store) -> None:
    jobs = [enqueue(store) for _ in range(2)]
    dead, living = worker(store), worker(store)
    claim(store, worker_id=dead)
    claim(store, worker_id=living)
    home.sql("UPDATE workers SET pid = ? WHERE id = ?", dead_pid(), dead)
    assert alive(store) == [living]
    assert release_orphans(store) == [jobs[0].uuid]
    assert [job.uuid for job in store.jobs.listing(state=JobState.RESERVED, limit=9)[0]] == [jobs[1].uuid]


def test_a_further_attempt_at_the_same_job_is_given_back_where_the_answer_to_its_claim_was_lost(store: Store) -> None:
    enqueue(store)
    worker_id = worker(store)
    first = claim(store, worker_id=worker_id)
    released = Released(delay_seconds=0, error="OSError: down")
    _, lost = store.settlements.settle_and_claim(first, released, ["default"])
    assert lost is not None
    assert (lost.id, lost.attempts) == (first.id, 2)
    store.workers.release_strays(worker_id, running=first)
    assert store.jobs.find(first.id).state is JobState.PENDING
    assert store.settlements.settle(first, released) is False
    assert claim(store, worker_id=worker_id).attempts == 2
