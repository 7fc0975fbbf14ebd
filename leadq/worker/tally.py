"""What a worker has done, added up in memory until its beat writes it: no query a job."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadq.store.metrics import MINUTE
from leadq.store.records import JobSums, WorkerNews
from leadq.worker import events


@dataclass
class _Sums:
    done: int = 0
    failed: int = 0
    attempts: int = 0
    run_seconds: float = 0.0

    def add(self, other: _Sums) -> None:
        self.done += other.done
        self.failed += other.failed
        self.attempts += other.attempts
        self.run_seconds += other.run_seconds


class Tally:
    """A worker's sums, by queue and minute. One thread notes, another one writes.

    A job counts for the minute in which it is written, a few seconds later at most. Those of a minute are kept until
    they can't change any more and have been written, so that they are written anew as a whole.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fresh: dict[str, _Sums] = {}
        self._minutes: dict[int, dict[str, _Sums]] = {}
        self._is_written = True
        self.done = 0
        self.failed = 0

    def note(self, event: events.WorkerEvent) -> None:
        """Adds an attempt that has ended, unless it does not count."""
        if not isinstance(event, events.JobProcessed | events.JobReleased | events.JobFailed):
            return
        done, failed = isinstance(event, events.JobProcessed), isinstance(event, events.JobFailed)
        with self._lock:
            sums = self._fresh.setdefault(event.claimed.queue, _Sums())
            sums.done += done
            sums.failed += failed
            sums.attempts += 1
            sums.run_seconds += event.duration
            self.done += done
            self.failed += failed

    @property
    def has_news(self) -> bool:
        """Whether there is something that has not been written."""
        return bool(self._fresh) or not self._is_written

    def news(self, now: int, *, paused: bool = False) -> WorkerNews:
        """What is to be written at `now`."""
        return WorkerNews(done=self.done, failed=self.failed, paused=paused, minutes=self._unwritten_minutes(now))

    def written(self, now: int) -> None:
        """What `news(now)` gave has been written."""
        self._is_written = True
        self._minutes = {begin: queues for begin, queues in self._minutes.items() if begin == now - now % MINUTE}

    def _unwritten_minutes(self, now: int) -> Mapping[int, Sequence[JobSums]]:
        if not self.has_news:
            return {}
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        minute = self._minutes.setdefault(now - now % MINUTE, {})
        for queue, sums in fresh.items():
            minute.setdefault(queue, _Sums()).add(sums)
        self._is_written = False
        return {begin: [_job_sums(*item) for item in queues.items()] for begin, queues in self._minutes.items()}


def _job_sums(queue: str, sums: _Sums) -> JobSums:
    run_ms = round(sums.run_seconds * 1000)
    return JobSums(queue=queue, done=sums.done, failed=sums.failed, attempts=sums.attempts, run_ms=run_ms)
