"""What an admin does with failed jobs: retry, forget, flush. Each move is one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from peewee import Value

from leadq.store.batch_counts import BatchCounts
from leadq.store.deliveries import Deliveries
from leadq.store.failed import CHUNK
from leadq.store.jobs import DUE, UNSEEN
from leadq.store.session import Session, in_transaction


class Triage:
    """Moves and deletes rows of `failed_jobs`. A chunk holds CHUNK of them at the most: workers write in between."""

    def __init__(self, session: Session, deliveries: Deliveries, batch_counts: BatchCounts) -> None:
        self._session = session
        self._rows = session.tables.failed_jobs
        self._jobs = session.tables.jobs
        self._deliveries = deliveries
        self._batch_counts = batch_counts

    def retry(self, failed_id: int, *, force: bool = False) -> str | None:
        """Retries one failed job: see retry_chunk.

        Returns:
            Its uuid, or None where it is gone.
        """
        return next(iter(self.retry_chunk([failed_id], force=force)), None)

    @in_transaction
    def retry_chunk(
        self, failed_ids: Sequence[int], *, available_at: Mapping[int, int] | None = None, force: bool = False
    ) -> list[str]:
        """Moves failed jobs back to their queues: same uuid, payload and priority, no attempts spent.

        Args:
            failed_ids: their numbers, in the order in which they are queued; none twice.
            available_at: when each is due, in UTC seconds; None means now.
            force: whether a mail that is already recorded as sent goes out once more.

        Returns:
            Their uuids. One that is gone has none: somebody else has retried or forgotten it.
        """
        rows, now = self._rows, self._session.now()
        locked = self._session.locking(
            rows.select(rows.id, rows.uuid, rows.batch_id).where(rows.id.in_(list(failed_ids))).order_by(rows.id)
        )
        found = {failed_id: (uuid, batch_id) for failed_id, uuid, batch_id in locked.tuples()}
        moving = [
            (failed_id, (available_at or {}).get(failed_id, now)) for failed_id in failed_ids if failed_id in found
        ]
        for due_at, together in _rising(moving):
            self._move_back(together, due_at, now)
        moved = [found[failed_id][0] for failed_id, _ in moving]
        self._deliveries.reopen(moved, force=force)
        self._batch_counts.retried([found[failed_id][1] for failed_id, _ in moving])
        return moved

    def _move_back(self, failed_ids: list[int], available_at: int, now: int) -> None:
        """Moves rows that are locked, in the order of their numbers. The payload never leaves the database."""
        rows, jobs = self._rows, self._jobs
        fresh: dict[Any, Any] = {
            jobs.queue: rows.queue,
            jobs.payload: rows.payload,
            jobs.attempts: Value(0),
            jobs.available_at: Value(available_at),
            jobs.created_at: Value(now),
            jobs.priority: rows.priority,
            jobs.stage: Value(DUE if available_at <= now else UNSEEN),
            jobs.uuid: rows.uuid,
            jobs.batch_id: rows.batch_id,
        }
        chosen = rows.id.in_(failed_ids)
        jobs.insert(rows.select(*fresh.values()).where(chosen).order_by(rows.id), columns=list(fresh)).execute()
        rows.delete().where(chosen).execute()

    def forget(self, failed_id: int) -> bool:
        """Deletes a failed job; False where it was gone already."""
        return bool(self.forget_chunk([failed_id]))

    @in_transaction
    def forget_chunk(self, failed_ids: Sequence[int]) -> int:
        """Deletes failed jobs and returns how many were there."""
        deleted: int = self._rows.delete().where(self._rows.id.in_(list(failed_ids))).execute() if failed_ids else 0
        return deleted

    def flush(self, *, failed_before: int | None = None) -> int:
        """Deletes all failed jobs, or those that failed at or before a time, and returns how many.

        In chunks, so that workers can write in between.
        """
        deleted = 0
        while found := self._flush_chunk(failed_before):
            deleted += found
        return deleted

    @in_transaction
    def _flush_chunk(self, failed_before: int | None) -> int:
        chosen = self._rows.select(self._rows.id)
        if failed_before is not None:
            chosen = chosen.where(self._rows.failed_at <= failed_before)
        rows = self._session.locking(chosen.order_by(self._rows.id).limit(CHUNK))
        return self.forget_chunk([failed_id for (failed_id,) in rows.tuples()])


def _rising(moving: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    """Jobs in a row that one statement can queue in their order: all due at one time, their numbers rising."""
    together: list[int] = []
    due_at = 0
    for failed_id, available_at in moving:
        if together and (available_at != due_at or failed_id < together[-1]):
            yield due_at, together
            together = []
        due_at = available_at
        together.append(failed_id)
    if together:
        yield due_at, together
