"""The queue as it should be, in plain Python: what the store is compared with after every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from leadq.store.outcomes import Completed, Failed, GivenBack, Outcome, Released
from leadq.store.records import ClaimedJob, Pause, QueueSize

QUEUED, SENT, FAILED, DROPPED = "queued", "sent", "failed", "dropped"


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    """A waiting or running job.

    Attributes:
        mark: what its data says, wherever it goes; nothing else tells two jobs of one uuid apart.
        uuid: None until the first claim of a row that another program inserted.
        due: whether a claim has found it due; a clock that goes back does not change that.
        holder: the id of the worker that has claimed it.
    """

    mark: int
    uuid: str | None
    queue: str
    priority: int
    available_at: int
    due: bool
    batch_id: str | None
    attempts: int = 0
    holder: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFailure:
    """A job in `failed_jobs`. `uuid` is None where it got a new one, since another failed job has its own."""

    mark: int
    uuid: str | None
    queue: str
    priority: int
    batch_id: str | None
    attempts: int
    failed_at: int


@dataclass(kw_only=True)
class ModelBatch:
    """A batch. How many of its jobs are pending, and have failed, is counted among the jobs.

    Attributes:
        forgotten: how many failed jobs were deleted; they have failed all the same.
        closed: whether it is finished even without any job.
    """

    total: int = 0
    forgotten: int = 0
    closed: bool = False
    cancelled_at: int | None = None


@dataclass(kw_only=True)
class ModelDelivery:
    """The record of a notification."""

    lead_id: int
    user_id: int
    status: str = QUEUED
    attempts: int = 0


@dataclass(kw_only=True)
class ModelWorker:
    """A registered worker: on this host or on another one, its process running or gone."""

    here: bool
    running: bool
    seen_at: int

    def is_gone(self, now: int, retry_after: int | None) -> bool:
        silent = retry_after is not None and now - self.seen_at > retry_after
        return silent or (self.here and not self.running)


@dataclass
class Model:
    """All of it. Rows get the numbers 1, 2, 3 …, none twice."""

    now: int
    jobs: dict[int, ModelJob] = field(default_factory=dict)
    failed: dict[int, ModelFailure] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    deliveries: dict[str, ModelDelivery] = field(default_factory=dict)
    leads: dict[int, int] = field(default_factory=dict)
    workers: dict[int, ModelWorker] = field(default_factory=dict)
    batches: dict[str, ModelBatch] = field(default_factory=dict)
    pauses: dict[str | None, Pause] = field(default_factory=dict)
    marks: int = 0
    last_job: int = 0
    last_failed: int = 0

    # --- enqueue -----------------------------------------------------------------------------------

    def next_mark(self) -> int:
        self.marks += 1
        return self.marks

    def add(self, job: ModelJob) -> int:
        self.last_job += 1
        self.jobs[self.last_job] = job
        return self.last_job

    def add_of_batch(self, job: ModelJob) -> int:
        if job.batch_id is not None:
            self.batches[job.batch_id].total += 1
        return self.add(job)

    # --- claim -------------------------------------------------------------------------------------

    def claim(self, queues: Sequence[str], worker_id: int) -> int | None:
        """The id of the job that the worker gets: queue order, then priority, then age."""
        for job_id, job in self.jobs.items():
            if job.holder is None and job.available_at <= self.now:
                self.jobs[job_id] = replace(job, due=True)
        waiting = [
            (queues.index(job.queue), job.priority, job_id)
            for job_id, job in self.jobs.items()
            if job.queue in queues and job.holder is None and job.due
        ]
        if not waiting:
            return None
        job_id = min(waiting)[-1]
        self.take(job_id, worker_id)
        return job_id

    def take(self, job_id: int, worker_id: int) -> None:
        job = self.jobs[job_id]
        self.jobs[job_id] = replace(job, holder=worker_id, attempts=job.attempts + 1)

    # --- settle ------------------------------------------------------------------------------------

    def holds(self, token: ClaimedJob) -> bool:
        job = self.jobs.get(token.id)
        return job is not None and (job.holder, job.attempts) == (token.worker_id, token.attempts)

    def settle(self, token: ClaimedJob, outcome: Outcome) -> bool:
        owned = self.holds(token)
        if owned:
            self._move(token.id, outcome)
        self._record(token, outcome, owned)
        return owned

    def _move(self, job_id: int, outcome: Outcome) -> None:
        job = self.jobs[job_id]
        match outcome:
            case Completed():
                self.remove(job_id)
            case Failed(ran=ran):
                del self.jobs[job_id]
                self.last_failed += 1
                twin = any(failure.uuid == job.uuid for failure in self.failed.values())
                self.failed[self.last_failed] = ModelFailure(
                    mark=job.mark,
                    uuid=None if twin else job.uuid,
                    queue=job.queue,
                    priority=job.priority,
                    batch_id=job.batch_id,
                    attempts=job.attempts if ran else job.attempts - 1,
                    failed_at=self.now,
                )
            case Released(delay_seconds=delay):
                self._put_back(job_id, delay=delay, counts=True)
            case GivenBack(delay_seconds=delay):
                self._put_back(job_id, delay=delay, counts=False)

    def _put_back(self, job_id: int, *, delay: float, counts: bool) -> None:
        job, wait = self.jobs[job_id], math.ceil(delay)
        self.jobs[job_id] = replace(
            job,
            holder=None,
            attempts=job.attempts if counts else job.attempts - 1,
            available_at=self.now + wait,
            due=wait == 0,
        )

    def _record(self, token: ClaimedJob, outcome: Outcome, owned: bool) -> None:
        delivery = self.deliveries.get(token.uuid)
        if delivery is None:
            return
        match outcome:
            case Completed(receipt=receipt) if receipt is not None:
                delivery.status, delivery.attempts = SENT, token.attempts
            case Released() if owned and delivery.status != SENT:
                delivery.attempts = token.attempts
            case Failed(ran=ran) if owned and delivery.status != SENT:
                delivery.attempts = token.attempts if ran else token.attempts - 1
                if delivery.status != DROPPED:
                    delivery.status = FAILED

    def remove(self, job_id: int) -> None:
        self.gone.add(self.jobs.pop(job_id).mark)

    # --- workers -----------------------------------------------------------------------------------

    def held_by(self, worker_id: int) -> list[int]:
        return [job_id for job_id, job in self.jobs.items() if job.holder == worker_id]

    def release_orphans(self, retry_after: int | None) -> list[tuple[str | None, int]]:
        """The uuids and attempts of the jobs that are due again, by job."""
        gone = {id for id, worker in self.workers.items() if worker.is_gone(self.now, retry_after)}
        for worker_id in gone:
            del self.workers[worker_id]
        orphans = []
        for job_id, job in self.jobs.items():
            if job.holder is not None and job.holder not in self.workers:
                self.jobs[job_id] = replace(job, holder=None, available_at=self.now, due=False)
                orphans.append((job.uuid, job.attempts))
                delivery = self.deliveries.get(job.uuid or "")
                if delivery is not None and delivery.status != SENT:
                    delivery.attempts = job.attempts
        return orphans

    def release_strays(self, worker_id: int, running: ClaimedJob | None) -> None:
        for job_id in self.held_by(worker_id):
            job = self.jobs[job_id]
            if running is None or (job_id, job.attempts) != (running.id, running.attempts):
                self.jobs[job_id] = replace(
                    job, holder=None, attempts=job.attempts - 1, available_at=self.now, due=False
                )

    # --- triage ------------------------------------------------------------------------------------

    def retry(self, failed_id: int, *, force: bool) -> ModelFailure | None:
        failure = self.failed.pop(failed_id, None)
        if failure is None:
            return None
        self.add(
            ModelJob(
                mark=failure.mark,
                uuid=failure.uuid,
                queue=failure.queue,
                priority=failure.priority,
                available_at=self.now,
                due=True,
                batch_id=failure.batch_id,
            )
        )
        delivery = self.deliveries.get(failure.uuid or "")
        if delivery is not None and (delivery.status == FAILED or (delivery.status == SENT and force)):
            delivery.status = QUEUED
        return failure

    def forget(self, failed_id: int) -> bool:
        failure = self.failed.pop(failed_id, None)
        if failure is not None:
            self.gone.add(failure.mark)
            if failure.batch_id in self.batches:
                self.batches[failure.batch_id].forgotten += 1
        return failure is not None

    def clear(self, queues: Sequence[str], *, reserved: bool) -> tuple[int, int]:
        chosen = [job_id for job_id, job in self.jobs.items() if not queues or job.queue in queues]
        cleared = self._clear(chosen, reserved=reserved)
        return cleared, len(chosen) - cleared

    def _clear(self, chosen: Sequence[int], *, reserved: bool) -> int:
        doomed = [job_id for job_id in chosen if reserved or self.jobs[job_id].holder is None]
        for job_id in doomed:
            self.drop(self.jobs[job_id].uuid)
            self.remove(job_id)
        return len(doomed)

    # --- pauses ------------------------------------------------------------------------------------

    def pause(self, queue: str | None, *, until: int | None) -> None:
        self.pauses = {pause.queue: pause for pause in self.lasting()}
        since = self.pauses[queue].since if queue in self.pauses else self.now
        self.pauses[queue] = Pause(queue=queue, since=since, until=until, reason=None)

    def resume(self, queue: str | None) -> list[Pause]:
        ended = [pause for pause in self.lasting() if queue in {None, pause.queue}]
        self.pauses = {name: pause for name, pause in self.pauses.items() if queue not in {None, name}}
        return ended

    def lasting(self) -> list[Pause]:
        """Those that are not over. Rows that are stay for a while: the clock may go back."""
        lasting = [pause for pause in self.pauses.values() if pause.until is None or pause.until > self.now]
        return sorted(lasting, key=lambda pause: pause.queue or "")

    # --- batches -----------------------------------------------------------------------------------

    def cancel(self, batch_id: str) -> int:
        batch = self.batches[batch_id]
        batch.closed = True
        batch.cancelled_at = self.now if batch.cancelled_at is None else batch.cancelled_at
        return self._clear([job_id for job_id, job in self.jobs.items() if job.batch_id == batch_id], reserved=False)

    def counters(self, batch_id: str) -> tuple[int, int, int, bool, int | None]:
        """How many jobs it has in all, pending and failed; whether it is finished; when it was cancelled."""
        batch = self.batches[batch_id]
        pending = sum(job.batch_id == batch_id for job in self.jobs.values())
        failed = batch.forgotten + sum(failure.batch_id == batch_id for failure in self.failed.values())
        return batch.total, pending, failed, pending == 0 and (batch.total > 0 or batch.closed), batch.cancelled_at

    # --- notifications -----------------------------------------------------------------------------

    def drop(self, uuid: str | None) -> None:
        delivery = self.deliveries.get(uuid or "")
        if delivery is not None and delivery.status != SENT:
            delivery.status = DROPPED

    def assign(self, lead_id: int, user_id: int) -> bool:
        """Whether there is a new notification."""
        owner, self.leads[lead_id] = self.leads[lead_id], user_id
        own = {uuid: one for uuid, one in self.deliveries.items() if one.lead_id == lead_id and one.status != DROPPED}
        told = any(one.user_id == user_id and one.status != FAILED for one in own.values())
        if owner == user_id and told:
            return False
        unsent = [uuid for uuid, delivery in own.items() if delivery.status != SENT]
        for uuid in unsent:
            self.drop(uuid)
        for job_id, job in list(self.jobs.items()):
            if job.uuid in unsent and job.holder is None:
                self.remove(job_id)
        return True

    # --- counts ------------------------------------------------------------------------------------

    def sizes(self) -> list[QueueSize]:
        sizes = []
        for queue in sorted({job.queue for job in self.jobs.values()}):
            jobs = [job for job in self.jobs.values() if job.queue == queue]
            reserved = sum(job.holder is not None for job in jobs)
            delayed = sum(job.holder is None and job.available_at > self.now for job in jobs)
            pending = len(jobs) - reserved - delayed
            sizes.append(QueueSize(queue=queue, pending=pending, delayed=delayed, reserved=reserved))
        return sizes
