"""Workers that look after the same dead worker at once, and dead workers that turn out to live."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from leadq.store.outcomes import Completed
from leadq.store.records import ClaimedJob, Orphan, WorkerRecord
from leadq.store.session import Session
from leadq.store.store import Store
from leadq.store.workers import Workers
from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.store.conftest import claim, dead_pid, enqueue_notification, worker
from tests.store.test_mysql_claims import waits_now

pytestmark = pytest.mark.mariadb_only("row locks")

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def _server_has_been_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could say that they live before it was up."""
    monkeypatch.setattr(Session, "up_since", lambda session: 0)


def claimed_jobs(store: Store, worker_id: int, count: int) -> list[ClaimedJob]:
    for _ in range(count):
        enqueue_notification(store)
    return [claim(store, worker_id=worker_id) for _ in range(count)]


def stories(store: Store, jobs: list[ClaimedJob]) -> list[list[str]]:
    return [[event.event for event in store.deliveries.events(job.uuid)] for job in jobs]


def silence(home: Home) -> None:
    """The workers are on another host, and have not said for long that they live."""
    home.sql("UPDATE workers SET host = 'elsewhere', seen_at = ?", LONG_AGO)


def beat(home: Home, worker_id: int) -> None:
    with home.store() as store:
        store.workers.beat(worker_id, name="test", queues=("default",))


@pytest.mark.parametrize("has_row", [True, False], ids=["killed", "unregistered"])
def test_several_that_find_the_same_dead_worker_release_and_report_its_jobs_once(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch, has_row: bool
) -> None:
    worker_id = worker(store)
    jobs = claimed_jobs(store, worker_id, 3)
    if has_row:
        home.sql("UPDATE workers SET pid = ?", dead_pid())
    else:
        store.workers.unregister(worker_id)
    all_have_looked = threading.Barrier(3, timeout=PATIENCE_SECONDS)
    release = Workers._release_jobs_if_gone

    def release_together(*arguments: object) -> list[Orphan]:
        all_have_looked.wait()
        return release(*arguments)

    def sweep(_: int) -> list[Orphan]:
        with home.store() as own:
            return own.workers.release_orphans(retry_after=90, last_words=lambda worker: None)

    monkeypatch.setattr(Workers, "_release_jobs_if_gone", release_together)
    with ThreadPoolExecutor(3) as pool:
        orphans = [orphan for found in pool.map(sweep, range(3)) for orphan in found]
    assert Counter(orphan.uuid for orphan in orphans) == Counter(job.uuid for job in jobs)
    assert stories(store, jobs) == [["abandoned"]] * 3
    assert home.sql("SELECT DISTINCT stage, worker_id, attempts FROM jobs") == [(0, None, 1)]
    assert home.count("workers") == 0


def test_a_beat_between_the_look_and_the_release_keeps_the_jobs(home: Home, store: Store) -> None:
    worker_id = worker(store)
    jobs = claimed_jobs(store, worker_id, 2)
    silence(home)

    def beat_meanwhile(found: WorkerRecord) -> None:
        assert found.id == worker_id
        beat(home, worker_id)

    assert store.workers.release_orphans(retry_after=90, last_words=beat_meanwhile) == []
    assert stories(store, jobs) == [[], []]
    assert home.sql("SELECT DISTINCT stage, worker_id FROM jobs") == [(2, worker_id)]
    assert [record.id for record in store.workers.alive(retry_after=90)] == [worker_id]


def test_a_job_that_ends_between_the_look_and_the_release_is_no_orphan(
    home: Home, store: Store, other_store: Store
) -> None:
    worker_id = worker(store)
    ended, orphaned = claimed_jobs(store, worker_id, 2)
    silence(home)

    def end_meanwhile(found: WorkerRecord) -> None:
        assert other_store.settlements.settle(ended, Completed())

    orphans = store.workers.release_orphans(retry_after=90, last_words=end_meanwhile)
    assert [orphan.uuid for orphan in orphans] == [orphaned.uuid]
    assert home.sql("SELECT uuid, stage FROM jobs") == [(orphaned.uuid, 0)]


def test_a_beat_during_the_release_comes_too_late_and_enters_the_worker_again(home: Home, store: Store) -> None:
    worker_id = worker(store)
    (job,) = claimed_jobs(store, worker_id, 1)
    silence(home)
    late: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:

        def release_while_it_beats() -> list[Orphan]:
            orphans = store.workers.release_orphans(retry_after=90, last_words=lambda worker: None)
            late.append(pool.submit(beat, home, worker_id))
            eventually(lambda: waits_now(home))
            return orphans

        assert [orphan.uuid for orphan in store.transact(release_while_it_beats)] == [job.uuid]
        late[0].result()
    assert [record.id for record in store.workers.alive(retry_after=90)] == [worker_id]
    assert not store.settlements.settle(job, Completed())
    assert claim(store, worker_id=worker_id).attempts == 2
