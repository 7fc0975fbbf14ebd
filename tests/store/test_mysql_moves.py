"""Clearing, flushing and retrying while workers claim: every job ends in one place, and the counts add up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from leadq.store.failed import EVERYTHING
from leadq.store.jobs import Jobs
from leadq.store.outcomes import Completed
from leadq.store.records import NewJob
from leadq.store.store import Store
from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.store.conftest import claim, enqueue, enqueue_notification, fail_jobs, failed_ids
from tests.store.test_mysql_claims import waits_now

pytestmark = pytest.mark.mariadb_only("row locks")

WORKERS = 3


def work(store: Store) -> list[str]:
    """Runs jobs until none is due; their uuids."""
    ran = []
    while held := store.claims.claim(("default",), 1):
        assert store.settlements.settle(held, Completed())
        ran.append(held.uuid)
    return ran


def at_once(home: Home, *calls: Callable[[Store], object]) -> list[object]:
    """Every call over a connection of its own, at the same time; what they return."""
    start = threading.Barrier(len(calls), timeout=PATIENCE_SECONDS)

    def run(call: Callable[[Store], object]) -> object:
        with home.store() as own:
            start.wait()
            return call(own)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def cleared(store: Store) -> tuple[int, int]:
    return store.jobs.clear(("default",))


def retried(store: Store) -> list[str]:
    return [uuid for failed_id in failed_ids(store, EVERYTHING) if (uuid := store.triage.retry(failed_id))]


def flushed(store: Store) -> int:
    return store.triage.flush()


def test_a_job_is_either_cleared_or_run(home: Home, store: Store) -> None:
    jobs = {enqueue_notification(store).uuid for _ in range(60)}
    (count, _), *ran = at_once(home, cleared, *[work] * WORKERS)
    run_once = Counter(uuid for uuids in ran for uuid in uuids)
    dropped = {uuid for (uuid,) in home.sql("SELECT uuid FROM delivery_events WHERE event = 'cleared'")}
    assert set(run_once.values()) <= {1}
    assert run_once.keys().isdisjoint(dropped)
    assert run_once.keys() | dropped == jobs
    assert (count, home.count("delivery_events")) == (len(dropped), len(dropped))
    assert home.count("jobs") == 0


def test_a_failed_job_is_retried_by_one_or_flushed_and_a_retried_one_runs_once(home: Home, store: Store) -> None:
    jobs = fail_jobs(store, 60)
    first, second, count, *ran = at_once(home, retried, retried, flushed, *[work] * WORKERS)
    again = Counter(first) + Counter(second)
    assert set(again.values()) <= {1}
    assert len(again) + count == len(jobs)
    ran.append(work(store))
    assert Counter(uuid for uuids in ran for uuid in uuids) == again
    assert (home.count("jobs"), home.count("failed_jobs")) == (0, 0)


def test_clear_waits_for_a_claim_that_is_under_way_and_leaves_its_job(home: Home, store: Store) -> None:
    taken, _ = enqueue(store), enqueue(store)
    clearing: list[Future[list[object]]] = []
    with ThreadPoolExecutor(1) as pool:

        def claim_while_they_are_cleared() -> None:
            assert claim(store).uuid == taken.uuid
            clearing.append(pool.submit(at_once, home, cleared))
            eventually(lambda: waits_now(home))

        store.transact(claim_while_they_are_cleared)
        assert clearing[0].result() == [(1, 1)]
    assert home.sql("SELECT uuid FROM jobs") == [(taken.uuid,)]


def test_a_worker_finds_nothing_while_what_is_due_is_being_cleared(store: Store, other_store: Store) -> None:
    enqueue(store)

    def clear_and_look() -> None:
        assert store.jobs.clear(("default",)) == (1, 0)
        assert other_store.claims.claim(("default",), 1) is None

    store.transact(clear_and_look)


def test_a_retry_waits_for_a_flush_that_is_under_way_and_then_finds_nothing(home: Home, store: Store) -> None:
    fail_jobs(store, 1)
    retrying: list[Future[list[object]]] = []
    with ThreadPoolExecutor(1) as pool:

        def flush_while_they_are_retried() -> None:
            assert store.triage.flush() == 1
            retrying.append(pool.submit(at_once, home, retried))
            eventually(lambda: waits_now(home))

        store.transact(flush_while_they_are_retried)
        assert retrying[0].result() == [[]]
    assert (home.count("jobs"), home.count("failed_jobs")) == (0, 0)


def test_a_job_that_is_stored_while_others_are_cleared_stays(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(store)
    stored: list[NewJob] = []
    clear_chunk = Jobs._clear_chunk

    def clear_after_one_is_stored(*arguments: Any, **named: Any) -> int:
        stored.append(enqueue(store))
        return clear_chunk(*arguments, **named)

    monkeypatch.setattr(Jobs, "_clear_chunk", clear_after_one_is_stored)
    assert store.jobs.clear(("default",)) == (1, 0)
    assert [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs ORDER BY id")] == [job.uuid for job in stored]
