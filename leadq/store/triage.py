"""What an admin does with failed jobs: retry, forget, flush. Each move is one transaction."""

from __future__ import annotations

from leadq.store.batch_counts import BatchCounts
from leadq.store.deliveries import Deliveries
from leadq.store.failed import CHUNK
from leadq.store.jobs import DUE
from leadq.store.session import Session, in_transaction


class Triage:
    """Moves and deletes rows of `failed_jobs`."""

    def __init__(self, session: Session, deliveries: Deliveries, batch_counts: BatchCounts) -> None:
        self._session = session
        self._rows = session.tables.failed_jobs
        self._jobs = session.tables.jobs
        self._deliveries = deliveries
        self._batch_counts = batch_counts

    @in_transaction
    def retry(self, failed_id: int, *, force: bool = False) -> str | None:
        """Moves a failed job back to its queue: same uuid, payload and priority, no attempts spent, due now.

        Args:
            failed_id: its number.
            force: whether a mail that is already recorded as sent goes out once more.

        Returns:
            Its uuid, or None where it is gone: somebody else has retried or forgotten it.
        """
        row = next(iter(self._rows.select().where(self._rows.id == failed_id).dicts()), None)
        if row is None or not self._rows.delete().where(self._rows.id == failed_id).execute():
            return None
        now = self._session.now()
        self._jobs.insert(
            queue=row["queue"],
            payload=row["payload"],
            attempts=0,
            available_at=now,
            created_at=now,
            priority=row["priority"],
            stage=DUE,
            uuid=row["uuid"],
            batch_id=row["batch_id"],
        ).execute()
        self._deliveries.reopen(row["uuid"], force=force)
        self._batch_counts.retried([row["batch_id"]])
        uuid: str = row["uuid"]
        return uuid

    @in_transaction
    def forget(self, failed_id: int) -> bool:
        """Deletes a failed job; False where it was gone already."""
        return bool(self._rows.delete().where(self._rows.id == failed_id).execute())

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
        ids = [failed_id for (failed_id,) in rows.tuples()]
        deleted: int = self._rows.delete().where(self._rows.id.in_(ids)).execute() if ids else 0
        return deleted
