"""The names of queues, wherever they stand."""

from __future__ import annotations

from leadq.store.store import Store
from tests.homes import Home
from tests.store.conftest import enqueue, worker


def test_a_queue_is_known_by_its_jobs_its_failed_jobs_and_its_workers(store: Store, home: Home) -> None:
    assert store.queue_names.all() == []
    for queue in ("high", "high", "low"):
        enqueue(store, queue=queue)
    worker(store, "high", "idle")
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " VALUES ('u', 'database', 'failing', '{}', 'x', 0)"
    )
    assert store.queue_names.all() == ["failing", "high", "idle", "low"]
