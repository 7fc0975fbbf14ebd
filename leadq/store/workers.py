"""Workers: who they are, whether they live, and what becomes of the jobs of those that do not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from leadq import clock
from leadq.processes import host_name, start_mark
from leadq.store.jobs import RESERVED, UNSEEN
from leadq.store.records import WorkerRecord
from leadq.store.session import Session


class Workers:
    """The rows of `workers`. One that is gone has no row, a dead process, or a beat that is too old."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.workers
        self._jobs = session.tables.jobs
        self._events = session.tables.delivery_events
        self._deliveries = session.tables.deliveries

    def register(self, *, name: str, queues: Sequence[str]) -> int:
        """Enters this process and returns its worker id, which is never used again."""
        with self._session.transaction():
            worker_id: int = self._rows.insert(**_this_process(name, queues)).execute()
        return worker_id

    def beat(self, worker_id: int, *, name: str, queues: Sequence[str]) -> None:
        """Says that a worker lives; enters it again where somebody has taken it for dead."""
        with self._session.transaction():
            seen = self._rows.update(seen_at=clock.now()).where(self._rows.id == worker_id).execute()
            if not seen:
                self._rows.insert(id=worker_id, **_this_process(name, queues)).execute()

    def unregister(self, worker_id: int) -> None:
        """Takes a worker's row away. Jobs that it still holds are orphans from now on."""
        with self._session.transaction():
            self._rows.delete().where(self._rows.id == worker_id).execute()

    def alive(self, *, retry_after: int) -> list[WorkerRecord]:
        """The workers that live.

        Args:
            retry_after: seconds after which a worker on another host is taken for dead.
        """
        with self._session.reading():
            workers = [_worker(row) for row in self._rows.select().order_by(self._rows.id).dicts()]
        return [worker for worker in workers if _lives(worker, retry_after)]

    def release_orphans(self, *, retry_after: int) -> list[str]:
        """Makes the jobs of workers that are gone due again. The attempt that was broken off counts.

        Returns:
            The uuids of these jobs.
        """
        with self._session.reading():
            if not self._holders():
                return []
        with self._session.transaction():
            gone = self._holders() - {worker.id for worker in self.alive(retry_after=retry_after)}
            return [uuid for worker_id in gone for uuid in self._release_jobs_of(worker_id)]

    def _holders(self) -> set[int]:
        held = self._jobs.select(self._jobs.worker_id).where(self._jobs.stage == RESERVED).distinct()
        return {worker_id for (worker_id,) in held.tuples()}

    def _release_jobs_of(self, worker_id: int) -> list[str]:
        jobs, now = self._jobs, clock.now()
        held = (jobs.stage == RESERVED) & (jobs.worker_id == worker_id)
        rows = list(jobs.select(jobs.uuid, jobs.attempts).where(held).tuples())
        jobs.update(stage=UNSEEN, reserved_at=None, worker_id=None, available_at=now).where(held).execute()
        for uuid, attempts in rows:
            if self._deliveries.update(attempts=attempts).where(self._deliveries.uuid == uuid).execute():
                self._events.insert(
                    uuid=uuid, at=now, event="abandoned", attempt=attempts, detail="the worker is gone"
                ).execute()
        self._rows.delete().where(self._rows.id == worker_id).execute()
        return [uuid for uuid, _ in rows]


def _this_process(name: str, queues: Sequence[str]) -> dict[str, Any]:
    now = clock.now()
    return {
        "name": name,
        "host": host_name(),
        "pid": os.getpid(),
        "pid_started": start_mark(os.getpid()) or "",
        "queues": ",".join(queues),
        "started_at": now,
        "seen_at": now,
    }


def _lives(worker: WorkerRecord, retry_after: int) -> bool:
    if worker.host == host_name():
        started = start_mark(worker.pid)
        return started is not None and started == worker.pid_started
    return worker.seen_at > clock.now() - retry_after


def _worker(row: dict[str, Any]) -> WorkerRecord:
    return WorkerRecord(
        id=row["id"],
        name=row["name"],
        host=row["host"],
        pid=row["pid"],
        pid_started=row["pid_started"],
        queues=row["queues"],
        seen_at=row["seen_at"],
    )
