"""Waiting and running jobs: enqueue, claim, look, count, clear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from peewee import JOIN, Case, fn

from leadq.errors import NotFound, UndecodablePayload
from leadq.payload import decode_payload, new_uuid, with_identity
from leadq.store.deliveries import Deliveries
from leadq.store.records import ClaimedJob, JobState, NewJob, QueueSize, StoredJob
from leadq.store.session import Session
from leadq.store.tables import columns

CONNECTION = "database"  # what `failed_jobs.connection` holds, as in Laravel

UNSEEN, DUE, RESERVED = 0, 1, 2  # jobs.stage: see the migration that made it


class Jobs:
    """The rows of `jobs`."""

    def __init__(self, session: Session, deliveries: Deliveries) -> None:
        self._session = session
        self._jobs = session.tables.jobs
        self._workers = session.tables.workers
        self._deliveries = deliveries

    # --- enqueue -----------------------------------------------------------------------------------

    def enqueue(self, job: NewJob) -> int:
        """Stores a job and returns its id. Inside an open transaction it commits with it."""
        with self._session.transaction():
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
        """Whether a claim would be worth its write lock. Takes none itself."""
        with self._session.reading():
            unseen = self._jobs.select(self._jobs.id).where(self._unseen_and_due()).limit(1)
            return bool(list(unseen.tuples())) or any(self._first_due(queue) for queue in queues)

    def seconds_until_due(self, at_most: float) -> float:
        """How long until the next delayed job is due, `at_most` where that is later or there is none."""
        soonest = self._jobs.select(fn.MIN(self._jobs.available_at)).where(self._jobs.stage == UNSEEN)
        with self._session.reading():
            ((available_at,),) = soonest.tuples()
        return at_most if available_at is None else min(at_most, max(0.0, available_at - self._session.now()))

    def claim(self, queues: Sequence[str], worker_id: int) -> ClaimedJob | None:
        """Takes the next due job: the first queue that has one, there the lowest priority, there the oldest."""
        with self._session.transaction():
            self._promote_due()
            for queue in queues:
                row = self._first_due(queue)
                if row is not None:
                    return self._reserve(row, worker_id)
        return None

    def claim_by_id(self, job_id: int, worker_id: int) -> ClaimedJob | None:
        """Takes one particular job, due or not; None where somebody else has it or it is gone."""
        with self._session.transaction():
            row = self._row(job_id)
            if row is None or row["stage"] == RESERVED:
                return None
            return self._reserve(row, worker_id)

    def _unseen_and_due(self) -> Any:
        return (self._jobs.stage == UNSEEN) & (self._jobs.available_at <= self._session.now())

    def _promote_due(self) -> None:
        # all of them: one that is left behind might be the one with the best priority
        self._jobs.update(stage=DUE).where(self._unseen_and_due()).execute()

    def _first_due(self, queue: str) -> dict[str, Any] | None:
        # one queue a query: `queue IN (…) ORDER BY` would sort in a temporary b-tree
        due = (
            self._jobs.select()
            .where((self._jobs.queue == queue) & (self._jobs.stage == DUE))
            .order_by(self._jobs.priority, self._jobs.id)
            .limit(1)
        )
        return next(iter(due.dicts()), None)

    def _row(self, job_id: int) -> dict[str, Any] | None:
        return next(iter(self._jobs.select().where(self._jobs.id == job_id).dicts()), None)

    def _reserve(self, row: dict[str, Any], worker_id: int) -> ClaimedJob:
        attempts = row["attempts"] + 1
        changes: dict[str, Any] = {
            "stage": RESERVED,
            "reserved_at": self._session.now(),
            "worker_id": worker_id,
            "attempts": attempts,
        }
        uuid, payload = row["uuid"], row["payload"]
        if uuid is None:
            uuid, payload = _identify(payload, created_at=row["created_at"])
            changes |= {"uuid": uuid, "payload": payload}
        self._jobs.update(**changes).where(self._jobs.id == row["id"]).execute()
        return ClaimedJob(
            id=row["id"],
            uuid=uuid,
            worker_id=worker_id,
            connection=CONNECTION,
            queue=row["queue"],
            payload=payload,
            priority=row["priority"],
            attempts=attempts,
            created_at=row["created_at"],
            last_error=row["last_error"],
        )

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
            return self._row(job_id) is not None

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
        counts = {state: fn.SUM(Case(None, ((self._in_state(state), 1),), 0)).alias(state.value) for state in JobState}
        query = self._jobs.select(self._jobs.queue, *counts.values()).group_by(self._jobs.queue)
        if queues:
            query = query.where(self._jobs.queue.in_(list(queues)))
        with self._session.reading():
            found = {row["queue"]: QueueSize(**row) for row in query.dicts()}
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

        Returns:
            How many were deleted, and how many reserved ones were left to their workers.
        """
        chosen = self._matching(queues, None)
        with self._session.transaction():
            doomed = chosen if reserved else chosen & (self._jobs.stage != RESERVED)
            left = self._jobs.select().where(chosen & (self._jobs.stage == RESERVED)).count() if not reserved else 0
            uuids = self._jobs.select(self._jobs.uuid).where(doomed)
            self._deliveries.drop_unsent(uuids, event="cleared")
            cleared: int = self._jobs.delete().where(doomed).execute()
        return cleared, left

    def drop_waiting(self, uuids: Iterable[str]) -> None:
        """Deletes those of the jobs that no worker has taken."""
        with self._session.transaction():
            self._jobs.delete().where(self._jobs.uuid.in_(list(uuids)) & (self._jobs.stage != RESERVED)).execute()

    def by_uuid(self, uuid: str) -> StoredJob | None:
        """The waiting or running job with this uuid."""
        with self._session.reading():
            for row in self._select().where(self._jobs.uuid == uuid).dicts():
                return _stored(row, self._session.now())
        return None


def _identify(payload: str, *, created_at: int) -> tuple[str, str]:
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
