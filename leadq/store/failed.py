"""Failed jobs: looking at them and choosing among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from peewee import JOIN, Value, fn

from leadq.errors import NotFound, UndecodablePayload
from leadq.payload import decode_payload
from leadq.store.records import FailedJob, FailedSummary
from leadq.store.session import Session
from leadq.text import storable

CHUNK = 500
ERROR_BEGINNING = 1000  # characters of an exception in which its first line is looked for


@dataclass(frozen=True, kw_only=True)
class FailedFilter:
    """Narrows the failed jobs; what is None or empty does not narrow.

    Attributes:
        queues: jobs of these queues.
        job: jobs with this display name or registered name.
        user_id: jobs whose notification was this user's.
        error: jobs whose exception holds this text, in capitals or not.
        ranges: jobs whose number lies in one of these, ends included.
        failed_since: UTC seconds; jobs that failed at or after.
        failed_before: UTC seconds; jobs that failed at or before.
        batch_id: jobs of this batch.
    """

    queues: tuple[str, ...] = ()
    job: str | None = None
    user_id: int | None = None
    error: str | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    failed_since: int | None = None
    failed_before: int | None = None
    batch_id: str | None = None

    @property
    def examined(self) -> tuple[str, ...]:
        """The columns that `admits` looks at, since databases do not agree about them.

        Payloads may be no JSON, and SQLite knows capitals in ASCII only.
        """
        columns = ("payload",) if self.job is not None else ()
        return (*columns, "exception") if self.error is not None and not self.error.isascii() else columns

    def admits(self, row: dict[str, Any]) -> bool:
        """Whether a row fits, as far as its `examined` columns say."""
        if self.job is not None and self.job not in _names(row["payload"]):
            return False
        return "exception" not in row or (self.error or "").casefold() in row["exception"].casefold()


EVERYTHING = FailedFilter()


class FailedJobs:
    """The rows of `failed_jobs`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.failed_jobs
        self._deliveries = session.tables.deliveries

    # --- one ---------------------------------------------------------------------------------------

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

    # --- many: read in chunks, so that their number takes no memory -----------------------------------

    def listing(
        self, chosen: FailedFilter = EVERYTHING, *, limit: int, offset: int = 0
    ) -> tuple[Iterator[FailedSummary], int]:
        """The newest first, and how many there are in all.

        Args:
            chosen: which.
            limit: how many are told at most.
            offset: how many of the newest are left out before them.
        """
        ids = islice(chain.from_iterable(self.chunks(chosen, newest_first=True)), offset, offset + limit)
        return self.summaries(iter(lambda: list(islice(ids, CHUNK)), [])), self.count(chosen)

    def count(self, chosen: FailedFilter = EVERYTHING) -> int:
        """How many match."""
        if chosen.examined:
            return sum(map(len, self.chunks(chosen)))
        with self._session.reading():
            total: int = self._rows.select(self._rows.id).where(self._matching(chosen)).count()
        return total

    def count_by_queue(self, queues: Sequence[str] = ()) -> dict[str, int]:
        """How many there are of each queue that has any, of those named alone where any are."""
        rows = self._rows
        query = rows.select(rows.queue, fn.COUNT(rows.id)).group_by(rows.queue)
        if queues:
            query = query.where(rows.queue.in_(list(queues)))
        with self._session.reading():
            return dict(query.tuples())

    def chunks(self, chosen: FailedFilter, *, newest_first: bool = False) -> Iterator[list[int]]:
        """The numbers of those that match now, oldest first, at most CHUNK at a time, each read when it is asked for.

        A job that fails meanwhile is not among them.
        """
        rows = self._rows
        with self._session.reading():
            ((last,),) = rows.select(fn.MAX(rows.id)).tuples()
        examined = [getattr(rows, column) for column in chosen.examined]
        window = rows.id <= last
        while last is not None:
            order = rows.id.desc() if newest_first else rows.id
            query = rows.select(rows.id, *examined).where(window & self._matching(chosen)).order_by(order).limit(CHUNK)
            with self._session.reading():
                found = list(query.dicts())
            if not found:
                return
            ids = [row["id"] for row in found if chosen.admits(row)]
            if ids:
                yield ids
            edge = found[-1]["id"]
            window = rows.id < edge if newest_first else (rows.id > edge) & (rows.id <= last)

    def summaries(self, chunks: Iterator[list[int]]) -> Iterator[FailedSummary]:
        """What a list tells of the jobs with these numbers, in their order; those that are gone are left out."""
        rows, deliveries = self._rows, self._deliveries
        columns = (rows.id, rows.uuid, rows.connection, rows.queue, rows.payload, rows.attempts, rows.failed_at)
        beginning = fn.SUBSTR(rows.exception, 1, ERROR_BEGINNING).alias("error")
        query = rows.select(*columns, beginning, deliveries.lead_id, deliveries.user_id)
        query = query.join(deliveries, JOIN.LEFT_OUTER, on=(deliveries.uuid == rows.uuid))
        for ids in chunks:
            with self._session.reading():
                found = {row["id"]: row for row in query.where(rows.id.in_(ids)).dicts()}
            for row in (found[failed_id] for failed_id in ids if failed_id in found):
                yield FailedSummary(**{**row, "error": row["error"].partition("\n")[0]})

    def _matching(self, chosen: FailedFilter) -> Any:
        """The filter as a condition, but for what `FailedFilter.admits` looks at."""
        rows = self._rows
        condition = rows.id > 0
        if chosen.queues:
            condition &= rows.queue == chosen.queues[0] if len(chosen.queues) == 1 else rows.queue.in_(chosen.queues)
        if chosen.user_id is not None:
            # one look a row: asked with EXISTS, MariaDB may begin with all the user's notifications, for each chunk
            whose = self._deliveries.select(self._deliveries.user_id).where(self._deliveries.uuid == rows.uuid)
            condition &= Value(chosen.user_id) == whose
        if chosen.error is not None and chosen.error.isascii():
            # LIKE would take % and _ for wildcards
            condition &= fn.INSTR(fn.LOWER(rows.exception), chosen.error.lower()) > 0
        if chosen.failed_since is not None:
            condition &= rows.failed_at >= chosen.failed_since
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


def _names(payload: str | bytes) -> tuple[str, ...]:
    try:
        decoded = decode_payload(payload)
    except UndecodablePayload:
        return ()
    return decoded.display_name, decoded.job
