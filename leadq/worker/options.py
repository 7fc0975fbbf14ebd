"""What a worker is told on its command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long a job is tried where it does not say so itself.

    Attributes:
        tries: attempts; 0 for no limit.
        timeout: seconds one attempt may take; 0 for no limit.
        backoff: seconds between attempts, the last value repeating.
    """

    tries: int = 3
    timeout: float = 60
    backoff: tuple[float, ...] = (60, 360)


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """A worker's flags. Times are seconds; 0 means no limit for `max_jobs`, `max_time` and `memory_mb`.

    Attributes:
        queues: looked at in this order, afresh for every job.
        once: end after one job, or at once where none is due.
        stop_when_empty: end where none is due.
        sleep: the longest wait between two looks at an empty queue.
        rest: the wait after each job.
        retry_after: after how long a worker on another host is taken for dead.
    """

    queues: tuple[str, ...]
    name: str = "default"
    retry: RetryPolicy = RetryPolicy()
    once: bool = False
    stop_when_empty: bool = False
    sleep: float = 3
    rest: float = 0
    max_jobs: int = 0
    max_time: float = 0
    memory_mb: int = 128
    retry_after: int = 90
