"""What leaves the store: frozen values, never rows or models. Times are integer UTC seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from leadq.processes import ProcessIdentity


class JobState(StrEnum):
    """Where a row of `jobs` stands."""

    PENDING = "pending"
    DELAYED = "delayed"
    RESERVED = "reserved"


class DeliveryStatus(StrEnum):
    """Where a notification stands. `dropped`: given up because the lead went to somebody else."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class User:
    """A colleague who receives leads."""

    id: int
    name: str
    email: str
    active: bool
    created_at: int


@dataclass(frozen=True, kw_only=True)
class Lead:
    """A sales prospect. `user_id` is None while nobody is assigned."""

    id: int
    name: str
    email: str
    phone: str | None
    company: str | None
    source: str | None
    message: str | None
    user_id: int | None
    created_at: int


@dataclass(frozen=True, kw_only=True)
class UnstoredLead:
    """A lead to be stored. `user_id` is None where it belongs to nobody."""

    name: str
    email: str
    phone: str | None
    company: str | None
    source: str | None
    message: str | None
    user_id: int | None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Where a user stands in the round of new leads: who had the oldest last lead is next, ties by that lead's id."""

    last_lead_at: int
    last_lead_id: int
    user_id: int


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to be stored. One of a batch is counted by `Batches.add`, in the same transaction."""

    uuid: str
    queue: str
    payload: str
    priority: int = 0
    available_at: int
    created_at: int
    batch_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredJob:
    """A row of `jobs`. `worker` is the name of the worker that holds it, `last_error` how its last attempt ended.

    `uuid` is None while nobody has claimed a row that another program inserted.
    """

    id: int
    uuid: str | None
    queue: str
    payload: str
    priority: int
    attempts: int
    available_at: int
    created_at: int
    reserved_at: int | None
    worker: str | None
    last_error: str | None
    state: JobState


@dataclass(frozen=True, kw_only=True)
class ClaimedJob:
    """A job that a worker holds. `(id, attempts, worker_id)` is the token that settling it must show.

    Attributes:
        uuid: never None: a row without one gets it at its first claim.
        attempts: the number of this attempt, from 1.
        available_at: since when it is due.
        probe: whether it is run to find out if mail can leave again: see Outages.
    """

    id: int
    uuid: str
    worker_id: int
    connection: str
    queue: str
    payload: str
    attempts: int
    available_at: int
    created_at: int
    batch_id: str | None
    probe: bool = False


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Jobs wait because no mail can leave.

    Attributes:
        since: when the first attempt failed for it.
        error: how the last one did.
        probes: how many attempts have been made.
        next_probe_at: when the next one is due.
    """

    since: int
    error: str
    probes: int
    next_probe_at: int


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Workers take no job of a queue.

    Attributes:
        queue: the queue; None where it is all of them, those included that do not exist yet.
        since: when it began.
        until: when it ends by itself; None where somebody has to end it.
        reason: what the one who paused it said.
    """

    queue: str | None
    since: int
    until: int | None
    reason: str | None

    def covers(self, queue: str) -> bool:
        """Whether that queue is paused by this."""
        return self.queue in {None, queue}


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What workers are told at a moment: what is paused, and how many restarts there have been."""

    pauses: tuple[Pause, ...]
    restart_signal: int


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    """A row of `failed_jobs`. `exception` begins with a line `Type: message`; a traceback may follow."""

    id: int
    uuid: str
    connection: str
    queue: str
    payload: str
    priority: int
    exception: str
    attempts: int
    failed_at: int
    batch_id: str | None

    @property
    def error(self) -> str:
        """The exception's first line."""
        return self.exception.partition("\n")[0]


@dataclass(frozen=True, kw_only=True)
class FailedSummary:
    """What a list tells of a row of `failed_jobs`.

    Attributes:
        error: the exception's first line, as far as its beginning was read.
        lead_id, user_id: of its delivery; None where it has none.
    """

    id: int
    uuid: str
    connection: str
    queue: str
    payload: str
    error: str
    attempts: int
    failed_at: int
    lead_id: int | None
    user_id: int | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The record of one notification; its uuid is its job's. One that is a `test` is not the lead's own."""

    uuid: str
    lead_id: int
    user_id: int
    status: DeliveryStatus
    attempts: int
    message_id: str | None
    reply: str | None
    error: str | None
    queued_at: int
    sent_at: int | None
    test: bool


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a lead's story."""

    at: int
    event: str
    attempt: int | None
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch of jobs and how far it is.

    Attributes:
        total_jobs: those that it ever got.
        pending_jobs: those that have neither ended nor been dropped.
        failed_jobs: those whose last end was a failure; one that is retried is pending again instead.
        finished_at: when none was pending any more; None while some are.
    """

    id: str
    name: str
    total_jobs: int
    pending_jobs: int
    failed_jobs: int
    cancelled_at: int | None
    created_at: int
    finished_at: int | None

    @property
    def progress(self) -> int:
        """How much of it is over, in whole per cent: 100 means all."""
        if not self.total_jobs:
            return 100 if self.finished_at is not None else 0
        return (self.total_jobs - self.pending_jobs) * 100 // self.total_jobs


@dataclass(frozen=True, kw_only=True)
class QueueSize:
    """The jobs of one queue, counted by state."""

    queue: str
    pending: int
    delayed: int
    reserved: int

    @property
    def size(self) -> int:
        """All of them."""
        return self.pending + self.delayed + self.reserved


@dataclass(frozen=True, kw_only=True)
class QueueLoad:
    """What waits in one queue.

    Attributes:
        size: its jobs; those that are held count as pending.
        held: those that wait until mail can leave again.
        oldest_pending_at: since when the one that has been due for the longest is due; None where none is.
    """

    size: QueueSize
    held: int = 0
    oldest_pending_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobSums:
    """How the attempts at one queue's jobs ended.

    Attributes:
        done: jobs that are done.
        failed: jobs that have moved to `failed_jobs`.
        attempts: attempts that ended so or were released: those that took `run_ms` milliseconds together.
    """

    queue: str
    done: int
    failed: int
    attempts: int
    run_ms: int


@dataclass(frozen=True, kw_only=True)
class WorkerNews:
    """What a worker says with its beat.

    Attributes:
        done, failed: jobs that it has brought to that end since it began.
        paused: whether a signal has paused it.
        minutes: what it has done of late, as Metrics.record takes it.
    """

    done: int = 0
    failed: int = 0
    paused: bool = False
    minutes: Mapping[int, Sequence[JobSums]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The jobs of one queue that a worker could take. `oldest_due_at`: since when the one that waits longest is due."""

    queue: str
    pending: int
    oldest_due_at: int


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """A registered worker. `queues` is empty for a command that runs one job itself.

    Attributes:
        done, failed: jobs that it has brought to that end, as it said when it was last seen.
        paused: whether a signal had paused it then.
    """

    id: int
    name: str
    process: ProcessIdentity
    queues: tuple[str, ...]
    started_at: int
    seen_at: int
    done: int
    failed: int
    paused: bool


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """The job that a worker runs, since `reserved_at`."""

    id: int
    uuid: str | None
    queue: str
    payload: str
    attempts: int
    reserved_at: int


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A job whose worker was gone. `reason` says what is known of that."""

    uuid: str
    attempts: int
    reason: str
