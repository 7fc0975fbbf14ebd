"""Batches: jobs that were made together, counted together and cancelled together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from peewee import fn

from leadq.errors import NotFound
from leadq.payload import new_uuid
from leadq.store.batch_counts import BatchCounts
from leadq.store.jobs import CHUNK, Jobs
from leadq.store.records import Batch
from leadq.store.session import Session, in_transaction
from leadq.text import storable

NAME_LIMIT = 255  # characters; the column's width
COLUMNS = (
    "id",
    "name",
    "total_jobs",
    "pending_jobs",
    "failed_jobs",
    "cancelled_at",
    "created_at",
    "finished_at",
)


class Batches:
    """The rows of `job_batches`.

    A batch is finished whenever none of its jobs is pending. So one that is filled in many transactions while workers
    drain it may finish and go on several times, and whoever fills it calls `close` at the end: it finishes a batch
    that has got no job at all. Unlike Laravel's, a batch with failed jobs finishes, too.

    The column `failed_job_ids`, Laravel's JSON list, stays empty: to write it anew for each failure would take the
    longer, under the lock that all workers of the batch need, the more have failed. `failed_job_ids()` asks the failed
    jobs themselves.
    """

    def __init__(self, session: Session, jobs: Jobs, counts: BatchCounts) -> None:
        self._session = session
        self._rows = session.tables.job_batches
        self._failed = session.tables.failed_jobs
        self._jobs = jobs
        self._counts = counts

    # --- fill --------------------------------------------------------------------------------------

    @in_transaction
    def create(self, *, name: str, options: Mapping[str, Any] | None = None) -> str:
        """Makes a batch without jobs, unfinished, and returns its id.

        Args:
            name: for people; cut at NAME_LIMIT characters.
            options: plain JSON values, kept beside it.
        """
        batch_id = new_uuid()
        self._rows.insert(
            id=batch_id,
            name=storable(name)[:NAME_LIMIT],
            total_jobs=0,
            pending_jobs=0,
            failed_jobs=0,
            failed_job_ids="[]",
            options=None if options is None else json.dumps(options),
            created_at=self._session.now(),
        ).execute()
        return batch_id

    @in_transaction
    def add(self, batch_id: str, count: int) -> None:
        """Counts jobs that are stored with this `batch_id` in the same transaction; best called last in it.

        A batch that had finished is unfinished again. One that was cancelled takes jobs all the same: they run, unless
        it is cancelled once more. One that was pruned counts nothing.
        """
        if count:
            self._counts.added(batch_id, count)

    @in_transaction
    def close(self, batch_id: str) -> None:
        """Finishes a batch in which no job is pending; another one finishes with its last job."""
        rows = self._rows
        over = (rows.id == batch_id) & (rows.pending_jobs == 0) & rows.finished_at.is_null()
        rows.update(finished_at=self._session.now()).where(over).execute()

    # --- look --------------------------------------------------------------------------------------

    def find(self, reference: str) -> Batch:
        """One batch by its id, or the beginning of its id.

        Raises:
            NotFound: none fits, or more than one.
        """
        reference, rows = storable(reference), self._rows
        with self._session.reading():
            found = self._where(rows.id == reference)
            if not found and reference:
                # LIKE would take % and _ for wildcards
                found = self._where(fn.SUBSTR(rows.id, 1, len(reference)) == reference.lower())
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(
                f"more than one batch begins with {reference!r}",
                hint="Give more of its id; see `leadq batches --json`.",
            )
        raise NotFound(f"no batch has the id {reference!r}", hint="See: leadq batches")

    def listing(self, *, limit: int) -> tuple[list[Batch], int]:
        """The newest first, `limit` at most, and how many there are in all."""
        rows = self._rows
        with self._session.reading():
            total: int = rows.select(rows.id).count()
            newest = self._select().order_by(rows.created_at.desc(), rows.id.desc()).limit(limit)
            return [Batch(**row) for row in newest.dicts()], total

    def failed_job_ids(self, batch_id: str) -> list[str]:
        """The uuids of its failed jobs, the oldest first: of those that were neither retried nor forgotten."""
        failed = self._failed
        with self._session.reading():
            rows = failed.select(failed.uuid).where(failed.batch_id == batch_id).order_by(failed.id)
            return [uuid for (uuid,) in rows.tuples()]

    def _select(self) -> Any:
        return self._rows.select(*[getattr(self._rows, column) for column in COLUMNS])

    def _where(self, condition: Any) -> list[Batch]:
        return [Batch(**row) for row in self._select().where(condition).limit(2).dicts()]

    # --- cancel and prune --------------------------------------------------------------------------

    def cancel(self, batch_id: str) -> int:
        """Deletes those of its jobs that no worker has taken, with their notifications, and returns how many.

        A job that is running ends as usual, its further attempts included, and so does one that is added or retried
        later: cancelled once more, those go, too.
        """
        self._mark_cancelled(batch_id)
        dropped = self._jobs.drop_batch(batch_id)
        self.close(batch_id)
        return dropped

    @in_transaction
    def _mark_cancelled(self, batch_id: str) -> None:
        fresh = (self._rows.id == batch_id) & self._rows.cancelled_at.is_null()
        self._rows.update(cancelled_at=self._session.now()).where(fresh).execute()

    def prune_finished(self, before: int) -> int:
        """Deletes the batches that finished at or before a time, and returns how many. Their jobs stay."""
        return self._prune(self._rows.finished_at <= before)

    def prune_unfinished(self, before: int) -> int:
        """Deletes the unfinished batches that were made at or before a time. Their jobs stay, uncounted."""
        return self._prune(self._rows.finished_at.is_null() & (self._rows.created_at <= before))

    def prune_cancelled(self, before: int) -> int:
        """Deletes the cancelled batches that were made at or before a time, finished or not."""
        return self._prune(self._rows.cancelled_at.is_null(False) & (self._rows.created_at <= before))

    def _prune(self, old: Any) -> int:
        with self._session.reading():
            ids = [batch_id for (batch_id,) in self._rows.select(self._rows.id).where(old).tuples()]
        chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
        return sum(self._prune_chunk(chunk, old) for chunk in chunks)

    @in_transaction
    def _prune_chunk(self, ids: list[str], old: Any) -> int:
        deleted: int = self._rows.delete().where(self._rows.id.in_(ids) & old).execute()
        return deleted
