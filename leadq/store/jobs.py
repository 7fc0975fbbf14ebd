"""Waiting and running jobs: enqueue, look, count, clear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from peewee import JOIN, Case, fn

from leadq.errors import NotFound
from leadq.store.batch_counts import BatchCounts
from leadq.store.deliveries import Deliveries
from leadq.store.prepared import PreparedRows
from leadq.store.records import Backlog, JobState, NewJob, QueueLoad, QueueSize, RunningJob, StoredJob
from leadq.store.session import Session, in_transaction
from leadq.store.tables import columns

CHUNK = 500
UNSEEN, DUE, RESERVED, HELD = 0, 1, 2, 3  # jobs.stage: see the migration that made it
STORED = (
    "queue",
    "payload",
    "attempts",
    "available_at",
    "created_at",
    "priority",
    "stage",
    "uuid",
    "batch_id",
)  # what a new job's row is given


class _Doomed(NamedTuple):
    """A locked row that is about to be deleted."""

    id: int
    uuid: str | None
    batch_id: str | None


class _Stage(NamedTuple):
    """The jobs of one queue in one stage; `delayed` of them are due later."""

    stage: int
    jobs: int
    delayed: int
    oldest_at: int


class Jobs:
    """The rows of `jobs`."""

    def __init__(self, session: Session, deliveries: Deliveries, batch_counts: BatchCounts) -> None:
        self._session = session
        self._jobs = session.tables.jobs
        self._workers = session.tables.workers
        self._deliveries = deliveries
        self._batch_counts = batch_counts

    # --- enqueue -----------------------------------------------------------------------------------

    @in_transaction
    def enqueue(self, job: NewJob) -> int:
        """Stores a job and returns its id. Inside an open transaction it commits with it."""
        return self._insert.stored(self._row_of(job))

    @in_transaction
    def enqueue_many(self, jobs: Sequence[NewJob]) -> None:
        """Stores jobs, which run in this order where their priorities are the same."""
        if jobs:
            self._insert.execute([self._row_of(job) for job in jobs])

    def _row_of(self, job: NewJob) -> tuple[Any, ...]:
        """What STORED names."""
        stage = DUE if job.available_at <= self._session.now() else UNSEEN
        when = (job.available_at, job.created_at)
        return (job.queue, job.payload, 0, *when, job.priority, stage, job.uuid, job.batch_id)

    @cached_property
    def _insert(self) -> PreparedRows:
        return self._session.prepare_rows(self._jobs, STORED)

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
        return [load.size for load in self.loads(queues)]

    def loads(self, queues: Sequence[str] = ()) -> list[QueueLoad]:
        """The same, and what waits there."""
        jobs, now = self._jobs, self._session.now()
        # grouped as the index has them: it is read once, and no row is looked at
        delayed = fn.SUM(Case(None, ((jobs.available_at > now, 1),), 0))
        query = jobs.select(jobs.queue, jobs.stage, fn.COUNT(jobs.id), delayed, fn.MIN(jobs.available_at))
        query = query.group_by(jobs.queue, jobs.stage)
        if queues:
            query = query.where(jobs.queue.in_(list(queues)))
        stages: dict[str, list[_Stage]] = {queue: [] for queue in queues}
        with self._session.reading():
            for queue, stage, count, later, oldest_at in query.tuples():
                of_queue = stages.setdefault(queue, [])
                of_queue.append(_Stage(stage, count, int(later), oldest_at))
        return [_load(queue, stages[queue], now) for queue in sorted(stages)]

    def running(self) -> dict[int, RunningJob]:
        """What each worker runs, by its id."""
        jobs = self._jobs
        columns = (jobs.id, jobs.uuid, jobs.queue, jobs.payload, jobs.attempts, jobs.reserved_at)
        with self._session.reading():
            reserved = (jobs.stage == RESERVED) & jobs.reserved_at.is_null(False)
            rows = jobs.select(jobs.worker_id, *columns).where(reserved).order_by(jobs.id)
            return {row.pop("worker_id"): RunningJob(**row) for row in rows.dicts()}

    def backlogs(self) -> list[Backlog]:
        """The queues with jobs that are due; those held until mail can leave are not counted."""
        jobs = self._jobs
        due = jobs.stage.in_([UNSEEN, DUE]) & (jobs.available_at <= self._session.now())
        query = jobs.select(jobs.queue, fn.COUNT(jobs.id), fn.MIN(jobs.available_at)).where(due)
        with self._session.reading():
            found = query.group_by(jobs.queue).order_by(jobs.queue).tuples()
            return [Backlog(queue=queue, pending=count, oldest_due_at=oldest) for queue, count, oldest in found]

    def newest_error(self, *, ending: str) -> str | None:
        """How the last attempt ended of the newest of the jobs that wait for another one and whose error ends so.

        Args:
            ending: text with neither `%` nor `_`, the wildcards of LIKE.

        Returns:
            None where there is no such job.
        """
        jobs = self._jobs
        ends_so = jobs.stage.in_([UNSEEN, HELD]) & (jobs.last_error ** f"%{ending}")  # an index leads to these alone
        with self._session.reading():
            rows = jobs.select(jobs.last_error).where(ends_so).order_by(jobs.id.desc()).limit(1).tuples()
            return next((str(error) for (error,) in rows), None)

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
            # found once: searched anew for each chunk, MySQL may read, and lock, the queues beside it every time
            rows = self._jobs.select(self._jobs.id).where(doomed).order_by(self._jobs.id)
            ids = [job_id for (job_id,) in rows.tuples()]
        cleared = self._clear_in_chunks(ids, reserved=reserved, event="cleared")
        with self._session.reading():
            left: int = self._jobs.select().where(chosen & (self._jobs.stage == RESERVED)).count()
        return cleared, left

    def drop_batch(self, batch_id: str) -> int:
        """Deletes those jobs of a batch that no worker has taken, with their notifications, and returns how many.

        In chunks, as `clear`.
        """
        jobs = self._jobs
        with self._session.reading():
            waiting = (jobs.batch_id == batch_id) & (jobs.stage != RESERVED)
            ids = [job_id for (job_id,) in jobs.select(jobs.id).where(waiting).tuples()]
        return self._clear_in_chunks(sorted(ids), reserved=False, event="cancelled")

    def _clear_in_chunks(self, ids: Sequence[int], *, reserved: bool, event: str) -> int:
        chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
        return sum(self._clear_chunk(chunk, reserved=reserved, event=event) for chunk in chunks)

    @in_transaction
    def _clear_chunk(self, ids: Sequence[int], *, reserved: bool, event: str) -> int:
        doomed = self._locked(ids, reserved=reserved)
        self._deliveries.drop_unsent([job.uuid for job in doomed if job.uuid is not None], event=event)
        self._delete(doomed)
        return len(doomed)

    @in_transaction
    def drop_waiting(self, uuids: Iterable[str]) -> None:
        """Deletes those of the jobs that no worker has taken."""
        jobs = self._jobs
        # found without a lock, since no index leads to them: a locking search waits for every row on its way
        waiting = jobs.select(jobs.id).where(jobs.uuid.in_(list(uuids)) & (jobs.stage != RESERVED))
        self._delete(self._locked([job_id for (job_id,) in waiting.tuples()], reserved=False))

    def _locked(self, ids: Sequence[int], *, reserved: bool) -> list[_Doomed]:
        """Those jobs that are still there, and that no worker has taken unless `reserved`."""
        jobs = self._jobs
        if not ids:
            return []
        columns = (jobs.stage, jobs.id, jobs.uuid, jobs.batch_id)
        rows = self._session.locking(jobs.select(*columns).where(jobs.id.in_(ids)).order_by(jobs.id))
        return [_Doomed(*rest) for stage, *rest in rows.tuples() if reserved or stage != RESERVED]

    def _delete(self, doomed: Sequence[_Doomed]) -> None:
        if doomed:
            self._jobs.delete().where(self._jobs.id.in_([job.id for job in doomed])).execute()
            self._batch_counts.ended([job.batch_id for job in doomed])

    def by_uuid(self, uuid: str) -> StoredJob | None:
        """The waiting or running job with this uuid."""
        with self._session.reading():
            for row in self._select().where(self._jobs.uuid == uuid).dicts():
                return _stored(row, self._session.now())
        return None


def _load(queue: str, stages: Sequence[_Stage], now: int) -> QueueLoad:
    waiting = [stage for stage in stages if stage.stage != RESERVED]
    size = QueueSize(
        queue=queue,
        pending=sum(stage.jobs - stage.delayed for stage in waiting),
        delayed=sum(stage.delayed for stage in waiting),
        reserved=sum(stage.jobs for stage in stages if stage.stage == RESERVED),
    )
    return QueueLoad(
        size=size,
        held=sum(stage.jobs for stage in stages if stage.stage == HELD),
        oldest_pending_at=min((stage.oldest_at for stage in waiting if stage.oldest_at <= now), default=None),
    )


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
