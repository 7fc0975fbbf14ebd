"""The counters of batches: changed in the transaction that moves the jobs, so that they are exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from peewee import Case

from leadq.store.prepared import Prepared, Slot
from leadq.store.session import Session


class BatchCounts:
    """Counts jobs in and out of their batches; None stands for a job of no batch, and costs nothing.

    Called last in a transaction, after the rows of jobs and of deliveries: every worker that ends a job of a batch
    needs the batch's row, so it is locked shortly, and by everybody in the same order.

    A batch is finished whenever none of its jobs is pending, and unfinished again when it gets one.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.job_batches

    def added(self, batch_id: str, count: int) -> None:
        """So many jobs were stored."""
        self._change(batch_id, total=count, pending=count)

    def ended(self, batch_ids: Iterable[str | None], *, failed: bool = False) -> None:
        """A job of each of these was done or deleted, or has `failed` for good."""
        for batch_id, count in _counted(batch_ids):
            self._change(batch_id, pending=-count, failed=count if failed else 0)

    def retried(self, batch_ids: Iterable[str | None]) -> None:
        """A failed job of each of these waits again."""
        for batch_id, count in _counted(batch_ids):
            self._change(batch_id, pending=count, failed=-count)

    def _change(self, batch_id: str, *, total: int = 0, pending: int = 0, failed: int = 0) -> None:
        self._counts.execute(id=batch_id, total=total, pending=pending, failed=failed, now=self._session.now())

    @cached_property
    def _counts(self) -> Prepared:
        rows = self._rows
        # MySQL sets one column after the other, and Peewee names them in the alphabet's order: finished_at, which looks
        # at pending_jobs as it was, before pending_jobs
        changed = rows.update(
            failed_jobs=rows.failed_jobs + Slot("failed"),
            finished_at=Case(rows.pending_jobs + Slot("pending"), ((0, Slot("now")),)),
            pending_jobs=rows.pending_jobs + Slot("pending"),
            total_jobs=rows.total_jobs + Slot("total"),
        )
        return self._session.prepare(changed.where(rows.id == Slot("id")))


def _counted(batch_ids: Iterable[str | None]) -> list[tuple[str, int]]:
    """In the order of the ids: two transactions that change several batches never wait for each other."""
    return sorted(Counter(batch_id for batch_id in batch_ids if batch_id is not None).items())
