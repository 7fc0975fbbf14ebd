"""What workers have done of late, minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from peewee import fn

from leadq.store.records import JobSums
from leadq.store.session import Session, in_transaction

MINUTE = 60
KEPT_SECONDS = 2 * 86400
PRUNE_EVERY = 60  # minutes; which one of an hour is a worker's own follows from its id
PRUNED_AT_ONCE_SECONDS = 3600  # what a long standstill has left goes bit by bit


class Metrics:
    """The rows of `job_counts`: one for each worker, minute and queue, which that worker alone writes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.job_counts

    @in_transaction
    def record(self, worker_id: int, minutes: Mapping[int, Sequence[JobSums]]) -> None:
        """Writes what a worker has done.

        Args:
            worker_id: the worker.
            minutes: by the UTC second in which each minute begins, all that it has done in that minute: not what was
                added since the last time, so that writing it twice does no harm.
        """
        rows = [
            {
                "worker_id": worker_id,
                "minute": minute,
                "queue": sums.queue,
                "done": sums.done,
                "failed": sums.failed,
                "attempts": sums.attempts,
                "run_ms": sums.run_ms,
            }
            for minute, of_minute in minutes.items()
            for sums in of_minute
        ]
        if rows:
            self._rows.insert(rows).on_conflict_replace().execute()
            if self._session.now() // MINUTE % PRUNE_EVERY == worker_id % PRUNE_EVERY:  # not all workers at once
                self._prune()

    def sums_since(self, minute: int, queues: Sequence[str] = ()) -> list[JobSums]:
        """What all workers have done, queue by queue.

        Args:
            minute: the first one that counts.
            queues: those that count; all where it is empty.
        """
        rows = self._rows
        sums = [fn.SUM(column) for column in (rows.done, rows.failed, rows.attempts, rows.run_ms)]
        query = rows.select(rows.queue, *sums).where(rows.minute >= minute).group_by(rows.queue)
        if queues:
            query = query.where(rows.queue.in_(list(queues)))
        with self._session.reading():
            return [
                JobSums(queue=queue, done=int(done), failed=int(failed), attempts=int(attempts), run_ms=int(run_ms))
                for queue, done, failed, attempts, run_ms in query.tuples()
            ]

    def _prune(self) -> None:
        """Deletes what is old."""
        rows, kept_from = self._rows, self._session.now() - KEPT_SECONDS
        ((oldest,),) = rows.select(fn.MIN(rows.minute)).tuples()
        if oldest is not None and oldest < kept_from:
            rows.delete().where(rows.minute < min(kept_from, oldest + PRUNED_AT_ONCE_SECONDS)).execute()
