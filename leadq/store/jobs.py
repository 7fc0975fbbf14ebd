"""Waiting and running jobs: enqueue, claim, look, count, clear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from peewee import JOIN, Case, Select, fn

from leadq.errors import NotFound, UndecodablePayload
from leadq.payload import decode_payload, new_uuid, with_identity
from leadq.store.deliveries import Deliveries
from leadq.store.prepared import Prepared, Slot
from leadq.store.records import ClaimedJob, JobState, NewJob, QueueSize, StoredJob
from leadq.store.session import Session, in_transaction
from leadq.store.tables import columns

CONNECTION = "database"  # what `failed_jobs.connection` holds, as in Laravel

CHUNK = 500
QUEUES_AT_ONCE = 100  # from 200 on MySQL guesses how many rows they have (eq_range_index_dive_limit), and reads all
CLAIMED_COLUMNS = ("id", "uuid", "queue", "payload", "priority", "attempts", "created_at", "last_error")
UNSEEN, DUE, RESERVED = 0, 1, 2  # jobs.stage: see the migration that made it


class Jobs:
    """The rows of `jobs`."""

    def __init__(self, session: Session, deliveries: Deliveries) -> None:
        self._session = session
        self._jobs = session.tables.jobs
        self._workers = session.tables.workers
        self._deliveries = deliveries
        self._looks: dict[int, Prepared] = {}

    # --- enqueue -----------------------------------------------------------------------------------

    @in_transaction
    def enqueue(self, job: NewJob) -> int:
        """Stores a job and returns its id. Inside an open transaction it commits with it."""
        job_id: int = self._jobs.insert(
            queue=job.queue,
            payload=job.payload,
            attempts=0,
            available_at=job.available_at,
            created_at=job.created_at,
            priority=job.priority,
            stage=DUE if job.available_at <= self._session.now() else UNSEEN,
            uuid=job.uuid,
        ).execute()
        return job_id

    # --- claim -------------------------------------------------------------------------------------

    def has_due(self, queues: Sequence[str]) -> bool:
        """Whether a claim would be worth its write lock. Takes none itself.

        One query with one number: an idle worker on a server asks it four times a second.
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
        if self._promote_due() == CHUNK:
            return True, None
        for queue in queues:
            row = self._next_in.row(queue=queue)
            if row is not None:
                return False, self._reserve(row, worker_id)
        return False, None

    @in_transaction
    def claim_by_id(self, job_id: int, worker_id: int) -> ClaimedJob | None:
        """Takes one particular job, due or not; None where somebody else has it or it is gone."""
        jobs = self._jobs
        free = jobs.select(*self._claimed_columns).where((jobs.id == job_id) & (jobs.stage != RESERVED))
        for row in self._session.locking(free).tuples():
            return self._reserve(row, worker_id)
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

    def _reserve(self, row: tuple[Any, ...], worker_id: int) -> ClaimedJob:
        found = dict(zip(CLAIMED_COLUMNS, row, strict=True))
        attempts = found["attempts"] + 1
        if found["uuid"] is None:
            found["uuid"], found["payload"] = self._identify(found)
        self._take.execute(id=found["id"], now=self._session.now(), worker=worker_id, attempts=attempts)
        return ClaimedJob(**{**found, "attempts": attempts}, worker_id=worker_id, connection=CONNECTION)

    def _identify(self, found: dict[str, Any]) -> tuple[str, str]:
        """Gives a row that another program inserted a uuid of its own."""
        uuid, payload = _identity(found["payload"], created_at=found["created_at"])
        self._jobs.update(uuid=uuid, payload=payload).where(self._jobs.id == found["id"]).execute()
        return uuid, payload

    # the queries that are run for every job

    @property
    def _claimed_columns(self) -> list[Any]:
        return [getattr(self._jobs, column) for column in CLAIMED_COLUMNS]

    @cached_property
    def _next_in(self) -> Prepared:
        # one queue a query: `queue IN (…) ORDER BY` would sort in a temporary b-tree
        due = (self._jobs.queue == Slot("queue")) & (self._jobs.stage == DUE)
        rows = self._jobs.select(*self._claimed_columns).where(due).order_by(self._jobs.priority, self._jobs.id)
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

    # --- look and count ----------------------------------------------------------------------------

    def find(self, job_id: int) -> StoredJob:
        """One job.

        Raises:
            NotFound: there is none under that id.
        """
        with self._session.reading():
            for row in self._select().where(self._jobs.id == job_id).dicts():
                return _stored(row, self._session.now())
        raise NotFound(f"no job {job_id} is waiting or running", hint="See `leadq jobs`, or `leadq failed`.")

    def exists(self, job_id: int) -> bool:
        """Whether the job is still waiting or running."""
        with self._session.reading():
            return bool(self._jobs.select().where(self._jobs.id == job_id).exists())

    def listing(
        self, *, queues: Sequence[str] = (), state: JobState | None = None, limit: int
    ) -> tuple[list[StoredJob], int]:
        """The jobs in the order in which they would run, `limit` at most, and how many there are in all."""
        with self._session.reading():
            chosen = self._jobs.select().where(self._matching(queues, state))
            total: int = chosen.count()
            rows = self._select().where(self._matching(queues, state)).order_by(*self._running_order()).limit(limit)
            return [_stored(row, self._session.now()) for row in rows.dicts()], total

    def sizes(self, queues: Sequence[str] = ()) -> list[QueueSize]:
        """The jobs of each queue that has any; those named are there even when they have none."""
        counts = {state.value: fn.SUM(Case(None, ((self._in_state(state), 1),), 0)) for state in JobState}
        query = self._jobs.select(self._jobs.queue, *counts.values()).group_by(self._jobs.queue)
        if queues:
            query = query.where(self._jobs.queue.in_(list(queues)))
        with self._session.reading():
            found = {
                queue: QueueSize(queue=queue, **dict(zip(counts, map(int, numbers), strict=True)))
                for queue, *numbers in query.tuples()
            }
        for queue in queues:
            found.setdefault(queue, QueueSize(queue=queue, pending=0, delayed=0, reserved=0))
        return [found[queue] for queue in sorted(found)]

    def _select(self) -> Any:
        return self._jobs.select(*columns(self._jobs, "jobs"), self._workers.name.alias("worker")).join(
            self._workers, JOIN.LEFT_OUTER, on=(self._jobs.worker_id == self._workers.id)
        )

    def _running_order(self) -> list[Any]:
        """Reserved jobs, then those that are due as they will be claimed, then the delayed ones."""
        jobs, delayed = self._jobs, self._in_state(JobState.DELAYED)
        return [
            Case(None, ((jobs.stage == RESERVED, 0), (delayed, 2)), 1),
            Case(None, ((delayed, jobs.available_at),), 0),
            jobs.priority,
            jobs.id,
        ]

    def _in_state(self, state: JobState) -> Any:
        jobs = self._jobs
        if state is JobState.RESERVED:
            return jobs.stage == RESERVED
        if state is JobState.DELAYED:
            return (jobs.stage != RESERVED) & (jobs.available_at > self._session.now())
        return (jobs.stage != RESERVED) & (jobs.available_at <= self._session.now())

    def _matching(self, queues: Sequence[str], state: JobState | None) -> Any:
        condition = self._jobs.id > 0
        if queues:
            condition &= self._jobs.queue.in_(list(queues))
        if state is not None:
            condition &= self._in_state(state)
        return condition

    # --- clear and drop ----------------------------------------------------------------------------

    def clear(self, queues: Sequence[str], *, reserved: bool = False) -> tuple[int, int]:
        """Deletes the jobs of `queues`, of all where it is empty, and drops their notifications.

        In chunks, so that workers can write in between; what is stored meanwhile stays.

        Returns:
            How many were deleted, and how many reserved ones were left to their workers.
        """
        chosen = self._matching(queues, None)
        doomed = chosen if reserved else chosen & (self._jobs.stage != RESERVED)
        with self._session.reading():
            ((last,),) = self._jobs.select(fn.MAX(self._jobs.id)).tuples()
        cleared = 0
        while found := self._clear_chunk(doomed & (self._jobs.id <= (last or 0))):
            cleared += found
        with self._session.reading():
            left: int = self._jobs.select().where(chosen & (self._jobs.stage == RESERVED)).count()
        return cleared, left

    @in_transaction
    def _clear_chunk(self, doomed: Any) -> int:
        jobs = self._jobs
        rows = self._session.locking(jobs.select(jobs.id, jobs.uuid).where(doomed).order_by(jobs.id).limit(CHUNK))
        found = list(rows.tuples())
        self._deliveries.drop_unsent([uuid for _, uuid in found if uuid is not None], event="cleared")
        return self._delete([job_id for job_id, _ in found])

    @in_transaction
    def drop_waiting(self, uuids: Iterable[str]) -> None:
        """Deletes those of the jobs that no worker has taken."""
        jobs = self._jobs
        # found without a lock, since no index leads to them: a locking search waits for every row on its way
        waiting = jobs.select(jobs.id).where(jobs.uuid.in_(list(uuids)) & (jobs.stage != RESERVED))
        self._delete([job_id for (job_id,) in waiting.tuples()], unless_reserved=True)

    def _delete(self, ids: Sequence[int], *, unless_reserved: bool = False) -> int:
        if not ids:
            return 0
        condition = self._jobs.id.in_(list(ids))
        if unless_reserved:
            condition &= self._jobs.stage != RESERVED
        deleted: int = self._jobs.delete().where(condition).execute()
        return deleted

    def by_uuid(self, uuid: str) -> StoredJob | None:
        """The waiting or running job with this uuid."""
        with self._session.reading():
            for row in self._select().where(self._jobs.uuid == uuid).dicts():
                return _stored(row, self._session.now())
        return None


def _identity(payload: str, *, created_at: int) -> tuple[str, str]:
    """The uuid that a row inserted by another program brings along or gets, and its payload with it."""
    uuid = new_uuid()
    try:
        uuid = decode_payload(payload).uuid or uuid
    except UndecodablePayload:
        return uuid, payload
    return uuid, with_identity(payload, uuid=uuid, created_at=created_at)


def _stored(row: dict[str, Any], now: int) -> StoredJob:
    if row["stage"] == RESERVED:
        state = JobState.RESERVED
    else:
        state = JobState.DELAYED if row["available_at"] > now else JobState.PENDING
    return StoredJob(
        id=row["id"],
        uuid=row["uuid"],
        queue=row["queue"],
        payload=row["payload"],
        priority=row["priority"],
        attempts=row["attempts"],
        available_at=row["available_at"],
        created_at=row["created_at"],
        reserved_at=row["reserved_at"],
        worker=row["worker"],
        last_error=row["last_error"],
        state=state,
    )
