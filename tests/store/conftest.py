"""A store on a real SQLite file, and what its tests put into it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from leadq.payload import new_uuid
from leadq.store.failed import FailedFilter
from leadq.store.outcomes import Failed
from leadq.store.records import ClaimedJob, NewJob
from leadq.store.store import Store
from tests.conftest import on_every_database
from tests.homes import Home


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_every_database(metafunc)


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The store of a fresh home."""
    with home.store() as store:
        yield store


@pytest.fixture
def other_store(home: Home) -> Iterator[Store]:
    """The same database over a connection of its own, as another process has it."""
    with home.store() as store:
        yield store


def enqueue(
    store: Store, *, queue: str = "default", priority: int = 0, delay: int = 0, payload: str | None = None
) -> NewJob:
    """Stores a job and returns it as it was stored."""
    now, uuid = store.now(), new_uuid()
    text = payload or json.dumps({"uuid": uuid, "job": "SendLeadCreatedEmail", "data": {"lead_id": 7}})
    job = NewJob(uuid=uuid, queue=queue, payload=text, priority=priority, available_at=now + delay, created_at=now)
    store.jobs.enqueue(job)
    return job


def enqueue_notification(store: Store) -> NewJob:
    """Stores a job together with a lead, a user and the record of the notification."""
    user = store.users.create(name="Ana", email=f"{new_uuid()}@example.com")
    lead = store.leads.create(name="Bo", email="bo@example.com", user_id=user.id)
    job = enqueue(store)
    store.deliveries.create(uuid=job.uuid, lead_id=lead.id, user_id=user.id, queued_at=store.now())
    return job


def worker(store: Store, *queues: str) -> int:
    """Registers this process as a worker."""
    return store.workers.register(name="test", queues=queues or ("default",))


def claim(store: Store, *queues: str, worker_id: int = 1) -> ClaimedJob:
    """The next job, which must be there."""
    claimed = store.claims.claim(queues or ("default",), worker_id)
    assert claimed is not None
    return claimed


def release_orphans(store: Store, *, retry_after: int | None = 90, last_words: str | None = None) -> list[str]:
    """Sweeps, and returns the uuids of the jobs that are due again."""
    orphans = store.workers.release_orphans(retry_after=retry_after, last_words=lambda worker: last_words)
    return [orphan.uuid for orphan in orphans]


def failed_ids(store: Store, chosen: FailedFilter) -> list[int]:
    """The numbers of the failed jobs that a filter lets through, oldest first."""
    return list(chain.from_iterable(store.failed.chunks(chosen)))


FAILED = Failed(error="ValueError: no", exception="ValueError: no\nTraceback …")


def fail_jobs(store: Store, count: int, **job: Any) -> list[str]:
    """Stores and fails `count` jobs; their uuids."""
    uuids = [enqueue(store, **job).uuid for _ in range(count)]
    queue = job.get("queue", "default")
    for _ in range(count):
        assert store.settlements.settle(claim(store, queue), FAILED)
    return uuids


def places(home: Home, uuid: str) -> dict[str, int]:
    """In which tables a job is, and how often."""
    counts = {
        table: int(home.sql(f"SELECT COUNT(*) FROM {table} WHERE uuid = ?", uuid)[0][0])
        for table in ("jobs", "failed_jobs")
    }
    return {table: count for table, count in counts.items() if count}


def dead_pid() -> int:
    """The number of a process that has ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
