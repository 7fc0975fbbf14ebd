"""What happens in a worker, as values that reporters turn into lines. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leadq.store.records import ClaimedJob, Orphan, Pause


@dataclass(frozen=True, kw_only=True)
class WorkerStarted:
    """The worker is about to look for its first job."""

    name: str
    queues: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WorkerStopped:
    """The worker has ended. `reason` is one word such as `max_jobs`."""

    name: str
    reason: str
    exit_code: int
    jobs_done: int


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """Something happened to a job. `data` is its own; empty where its payload cannot be decoded."""

    claimed: ClaimedJob
    job: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobProcessing(JobEvent):
    """An attempt begins."""


@dataclass(frozen=True, kw_only=True)
class JobProcessed(JobEvent):
    """An attempt succeeded. `reply` is what a mail server said, where one was asked."""

    duration: float
    reply: str | None


@dataclass(frozen=True, kw_only=True)
class JobReleased(JobEvent):
    """An attempt failed and the job waits for the next one."""

    duration: float
    delay_seconds: float
    error: str
    timed_out: bool


@dataclass(frozen=True, kw_only=True)
class JobHeld(JobEvent):
    """No mail can leave: the job waits for that, and the attempt does not count."""

    duration: float
    error: str


@dataclass(frozen=True, kw_only=True)
class MailOutageSeen:
    """No mail can leave since `since`, and jobs wait for that."""

    error: str
    since: int


@dataclass(frozen=True, kw_only=True)
class MailOutageOver:
    """Mail can leave again, and the held jobs run."""

    released: int


@dataclass(frozen=True, kw_only=True)
class QueuePaused:
    """The worker takes no more jobs of one of its queues. `pause` is that queue's own, or the one of all."""

    queue: str
    pause: Pause


@dataclass(frozen=True, kw_only=True)
class QueueResumed:
    """The worker takes jobs of that queue again."""

    queue: str


@dataclass(frozen=True, kw_only=True)
class JobGivenBack(JobEvent):
    """An attempt was broken off through no fault of the job's and does not count."""

    duration: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class JobFailed(JobEvent):
    """The job has moved to `failed_jobs`."""

    duration: float
    error: str
    timed_out: bool


@dataclass(frozen=True, kw_only=True)
class ClaimLost(JobEvent):
    """An attempt ended after its claim had gone to another worker: its end was not recorded."""

    duration: float


@dataclass(frozen=True, kw_only=True)
class OrphansReleased:
    """Jobs of workers that are gone are due again."""

    orphans: tuple[Orphan, ...]


@dataclass(frozen=True, kw_only=True)
class ChildDied:
    """A worker process ended otherwise than it was told to.

    Attributes:
        exit_code: its exit code; negative for the signal that killed it.
        lived: for how many seconds it ran.
        replaced_in_seconds: when a new one starts; None where none does, since the parent is stopping.
    """

    pid: int
    exit_code: int
    lived: float
    replaced_in_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class StoreTroubled:
    """The store cannot be used; the worker tries again after `pause_seconds`."""

    error: str
    pause_seconds: float


@dataclass(frozen=True, kw_only=True)
class StoreRecovered:
    """The store can be used again."""

    after_seconds: float


WorkerEvent = (
    WorkerStarted
    | WorkerStopped
    | JobEvent
    | OrphansReleased
    | MailOutageSeen
    | MailOutageOver
    | QueuePaused
    | QueueResumed
    | ChildDied
    | StoreTroubled
    | StoreRecovered
)
