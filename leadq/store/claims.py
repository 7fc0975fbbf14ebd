"""Claims: a worker takes the next due job, and asks whether there is one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from peewee import Select, fn

from leadq.errors import UndecodablePayload
from leadq.payload import decode_payload, new_uuid, with_identity
from leadq.store.jobs import CHUNK, DUE, HELD, RESERVED, UNSEEN
from leadq.store.prepared import Prepared, Slot
from leadq.store.records import ClaimedJob
from leadq.store.session import Session, in_transaction

CONNECTION = "database"  # what `failed_jobs.connection` holds, as in Laravel

QUEUES_AT_ONCE = 100  # from 200 on MySQL guesses how many rows they have (eq_range_index_dive_limit), and reads all
# no more than every attempt needs: PyMySQL takes 6 µs a column to read what a server says of it
CLAIMED_COLUMNS = ("id", "uuid", "payload", "attempts", "available_at", "created_at", "batch_id")
UNSEEN_COLUMN = len(CLAIMED_COLUMNS)  # behind them: whether there are jobs that have just become due


class Claims:
    """Takes rows of `jobs` for workers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._jobs = session.tables.jobs
        self._looks: dict[int, Prepared] = {}

    def has_due(self, queues: Sequence[str]) -> bool:
        """Whether a claim would be worth its write lock. Takes none itself.

        One query with one number: an idle worker on a server asks it nearly four times a second.
        """
        asked = {f"queue{number}": queue for number, queue in enumerate(queues)}
        with self._session.reading():
            row = self._anything_due(len(queues)).row(now=self._session.now(), **asked)
        return bool(row and row[0])

    def seconds_until_due(self, at_most: float) -> float:
        """How long until the next delayed job is due, `at_most` where that is later or there is none."""
        with self._session.reading():
            row = self._soonest.row()
        available_at = row[0] if row else None
        return at_most if available_at is None else min(at_most, max(0.0, available_at - self._session.now()))

    def claim(self, queues: Sequence[str], worker_id: int) -> ClaimedJob | None:
        """Takes the next due job: the first queue that has one, there the lowest priority, there the oldest."""
        while True:
            more_to_see, claimed = self.claim_along(queues, worker_id)
            if not more_to_see:
                return claimed

    @in_transaction
    def claim_along(self, queues: Sequence[str], worker_id: int) -> tuple[bool, ClaimedJob | None]:
        """A claim within one transaction.

        Returns:
            Whether there are more jobs that have just become due than one transaction should lock, and the claimed
            job: none before they have all been seen, since the next one might have the best priority.
        """
        seen_all = False
        for queue in queues:
            row = self._next_in.row(queue=queue, now=self._session.now())
            if not seen_all and (row is None or row[UNSEEN_COLUMN]):
                promoted = self._promote_due()
                if promoted == CHUNK:
                    return True, None
                seen_all = True
                if promoted:
                    row = self._next_in.row(queue=queue, now=self._session.now())
            if row is not None:
                return False, self._reserve(queue, row[:UNSEEN_COLUMN], worker_id)
        return False, None

    @in_transaction
    def claim_by_id(self, job_id: int, worker_id: int) -> ClaimedJob | None:
        """Takes one particular job, due or not; None where somebody else has it or it is gone."""
        jobs = self._jobs
        free = jobs.select(jobs.queue, *self._claimed_columns).where((jobs.id == job_id) & (jobs.stage != RESERVED))
        for queue, *row in self._session.locking(free).tuples():
            return self._reserve(queue, row, worker_id)
        return None

    def claim_held(self, queues: Sequence[str], worker_id: int) -> ClaimedJob | None:
        """Takes the first of the jobs that wait until mail can leave: of the first queue that has one."""
        jobs = self._jobs
        for queue in queues:
            held = jobs.select(*self._claimed_columns).where((jobs.queue == queue) & (jobs.stage == HELD))
            first = held.order_by(jobs.priority, jobs.id).limit(1)
            for row in self._session.locking_free(first).tuples():
                return self._reserve(queue, row, worker_id)
        return None

    def _promote_due(self) -> int:
        # a chunk a transaction: InnoDB's room for locks is small, and passing over other workers' rows fills it, too
        # looked for without a lock: a locking search locks the row behind its range, too, which is somebody's next job
        found = [job_id for (job_id,) in self._unseen_and_due.rows(now=self._session.now())]
        if not found:
            return 0
        jobs = self._jobs
        rows = self._session.locking_free(jobs.select(jobs.id, jobs.stage).where(jobs.id.in_(found)))
        ids = [job_id for job_id, stage in rows.tuples() if stage == UNSEEN]
        if ids:
            jobs.update(stage=DUE).where(jobs.id.in_(ids)).execute()
        return len(ids)

    def _reserve(self, queue: str, row: Sequence[Any], worker_id: int) -> ClaimedJob:
        job_id, uuid, payload, attempts, available_at, created_at, batch_id = row
        if uuid is None:
            uuid, payload = self._identify(job_id, payload, created_at)
        self._take.execute(id=job_id, now=self._session.now(), worker=worker_id, attempts=attempts + 1)
        return ClaimedJob(
            id=job_id,
            uuid=uuid,
            worker_id=worker_id,
            connection=CONNECTION,
            queue=queue,
            payload=payload,
            attempts=attempts + 1,
            available_at=available_at,
            created_at=created_at,
            batch_id=batch_id,
        )

    def _identify(self, job_id: int, payload: str, created_at: int) -> tuple[str, str]:
        """Gives a row that another program inserted a uuid of its own."""
        uuid, payload = _identity(payload, created_at=created_at)
        self._jobs.update(uuid=uuid, payload=payload).where(self._jobs.id == job_id).execute()
        return uuid, payload

    # --- the queries that are run for every job ----------------------------------------------------

    @property
    def _claimed_columns(self) -> list[Any]:
        return [getattr(self._jobs, column) for column in CLAIMED_COLUMNS]

    @cached_property
    def _next_in(self) -> Prepared:
        # one queue a query: `queue IN (…) ORDER BY` would sort in a temporary b-tree
        due = (self._jobs.queue == Slot("queue")) & (self._jobs.stage == DUE)
        others = self._jobs.alias(
            "others"
        )  # asked along with it: a query of its own costs a server's reply for every job
        unseen = fn.EXISTS(
            others.select(others.id).where((others.stage == UNSEEN) & (others.available_at <= Slot("now")))
        )
        rows = self._jobs.select(*self._claimed_columns, unseen).where(due).order_by(self._jobs.priority, self._jobs.id)
        return self._session.prepare(self._session.locking_free(rows.limit(1)))

    @cached_property
    def _take(self) -> Prepared:
        taken = self._jobs.update(
            stage=RESERVED, reserved_at=Slot("now"), worker_id=Slot("worker"), attempts=Slot("attempts")
        )
        return self._session.prepare(taken.where(self._jobs.id == Slot("id")))

    @cached_property
    def _unseen_and_due(self) -> Prepared:
        return self._session.prepare(self._jobs.select(self._jobs.id).where(self._is_unseen_and_due()).limit(CHUNK))

    @cached_property
    def _soonest(self) -> Prepared:
        return self._session.prepare(
            self._jobs.select(fn.MIN(self._jobs.available_at)).where(self._jobs.stage == UNSEEN)
        )

    def _anything_due(self, queue_count: int) -> Prepared:
        if queue_count not in self._looks:
            self._looks[queue_count] = self._prepare_look(queue_count)
        return self._looks[queue_count]

    def _prepare_look(self, queue_count: int) -> Prepared:
        jobs = self._jobs
        anything: Any = fn.EXISTS(jobs.select(jobs.id).where(self._is_unseen_and_due()))
        for start in range(0, queue_count, QUEUES_AT_ONCE):
            some = [Slot(f"queue{number}") for number in range(start, min(start + QUEUES_AT_ONCE, queue_count))]
            anything |= fn.EXISTS(jobs.select(jobs.id).where(jobs.queue.in_(some) & (jobs.stage == DUE)))
        return self._session.prepare(Select(columns=[anything]).bind(self._session.database))

    def _is_unseen_and_due(self) -> Any:
        return (self._jobs.stage == UNSEEN) & (self._jobs.available_at <= Slot("now"))


def _identity(payload: str, *, created_at: int) -> tuple[str, str]:
    """The uuid that a row inserted by another program brings along or gets, and its payload with it."""
    uuid = new_uuid()
    try:
        uuid = decode_payload(payload).uuid or uuid
    except UndecodablePayload:
        return uuid, payload
    return uuid, with_identity(payload, uuid=uuid, created_at=created_at)
