"""Failed jobs: looking at them and choosing among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peewee import fn

from leadq.errors import NotFound
from leadq.store.records import FailedJob
from leadq.store.session import Session
from leadq.text import storable

CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class FailedFilter:
    """Narrows the failed jobs; what is None or empty does not narrow.

    Attributes:
        queue: jobs of this queue.
        ranges: jobs whose number lies in one of these, ends included.
        failed_before: UTC seconds; jobs that failed at or before.
        batch_id: jobs of this batch.
    """

    queue: str | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    failed_before: int | None = None
    batch_id: str | None = None


EVERYTHING = FailedFilter()


class FailedJobs:
    """The rows of `failed_jobs`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.failed_jobs

    def listing(self, chosen: FailedFilter = EVERYTHING, *, limit: int) -> tuple[list[FailedJob], int]:
        """The newest first, `limit` at most, and how many there are in all."""
        with self._session.reading():
            total: int = self._rows.select().where(self.matching(chosen)).count()
            rows = self._rows.select().where(self.matching(chosen)).order_by(self._rows.id.desc()).limit(limit)
            return [_failed(row) for row in rows.dicts()], total

    def find(self, reference: str) -> FailedJob:
        """One failed job by its number, its uuid, or the beginning of its uuid.

        Raises:
            NotFound: none fits, or more than one.
        """
        reference = storable(reference)
        with self._session.reading():
            if reference.isascii() and reference.isdigit():
                found = self._where(self._rows.id == int(reference[:18]))
                if found:
                    return found[0]
            # LIKE would take % and _ for wildcards
            prefix = fn.SUBSTR(self._rows.uuid, 1, len(reference)) == reference.lower()
            found = self._where(prefix | (self._rows.uuid == reference)) if reference else []
        exact = [job for job in found if job.uuid == reference] or found
        if len(exact) == 1:
            return exact[0]
        if exact:
            raise NotFound(
                f"more than one failed job begins with {reference!r}", hint="Give more of its uuid; see `leadq failed`."
            )
        raise NotFound(f"no failed job has the id {reference!r}", hint="See: leadq failed")

    def ids(self, chosen: FailedFilter) -> Iterator[int]:
        """The numbers of those that match now, oldest first, read in chunks.

        A job that fails again meanwhile is not among them.
        """
        with self._session.reading():
            ((last,),) = self._rows.select(fn.MAX(self._rows.id)).tuples()
        seen = 0
        while last is not None:
            with self._session.reading():
                window = (self._rows.id > seen) & (self._rows.id <= last) & self.matching(chosen)
                rows = self._rows.select(self._rows.id).where(window).order_by(self._rows.id).limit(CHUNK)
                ids = [job_id for (job_id,) in rows.tuples()]
            if not ids:
                return
            yield from ids
            seen = ids[-1]

    def matching(self, chosen: FailedFilter) -> Any:
        """The filter as a condition."""
        rows = self._rows
        condition = rows.id > 0
        if chosen.queue is not None:
            condition &= rows.queue == chosen.queue
        if chosen.failed_before is not None:
            condition &= rows.failed_at <= chosen.failed_before
        if chosen.batch_id is not None:
            condition &= rows.batch_id == chosen.batch_id
        if chosen.ranges:
            within = [rows.id.between(min(pair), max(pair)) for pair in chosen.ranges]
            anywhere = within[0]
            for one in within[1:]:
                anywhere |= one
            condition &= anywhere
        return condition

    def _where(self, condition: Any) -> list[FailedJob]:
        return [_failed(row) for row in self._rows.select().where(condition).limit(2).dicts()]


def _failed(row: dict[str, Any]) -> FailedJob:
    return FailedJob(**row)
