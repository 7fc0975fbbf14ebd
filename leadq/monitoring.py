"""One look at everything: what waits, who works, and what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leadq.durations import span
from leadq.store.metrics import MINUTE
from leadq.store.records import JobSums, Outage, Pause, QueueLoad, QueueSize, RunningJob, WorkerRecord
from leadq.store.store import Store

CONFIG_ERROR = "(config)"  # how a mail's error ends that a person must mend: see leadq.mail.errors
RATE_MINUTES = 5  # full ones, and the one that has just begun: over these rates are reckoned


class Status(StrEnum):
    """The verdict, the worst first."""

    ALERT = "ALERT"
    PAUSED = "PAUSED"
    OK = "OK"


class WorkerState(StrEnum):
    """What a worker does, what asks for somebody first. `gone`: it was killed, or has been silent for too long."""

    GONE = "gone"
    PAUSED = "paused"
    BUSY = "busy"
    IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on a queue is in trouble.

    Attributes:
        pending: so many pending jobs.
        age_seconds: a pending job that has been due for longer.
        failed: more failed jobs than that; None for any number.
    """

    pending: int
    age_seconds: float
    failed: int | None


@dataclass(frozen=True, kw_only=True)
class QueueReport:
    """One queue.

    Attributes:
        load: its jobs.
        oldest_pending_seconds: for how long the oldest pending one has been due; None where none is pending.
        failed: its failed jobs.
        jobs_per_minute: jobs that were done or failed of late: see RATE_MINUTES.
        mean_run_ms: how long an attempt took; None where there was none.
        is_paused: whether its jobs are not run.
        alerts: what is wrong with it.
    """

    load: QueueLoad
    oldest_pending_seconds: int | None
    failed: int
    jobs_per_minute: float
    mean_run_ms: float | None
    is_paused: bool
    alerts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.load.size.queue

    @property
    def size(self) -> QueueSize:
        """Its jobs, by state."""
        return self.load.size

    @property
    def status(self) -> Status:
        """The verdict."""
        if self.alerts:
            return Status.ALERT
        return Status.PAUSED if self.is_paused else Status.OK


@dataclass(frozen=True, kw_only=True)
class WorkerReport:
    """One worker, and the job that it runs."""

    worker: WorkerRecord
    state: WorkerState
    job: RunningJob | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one look has seen, the worst first everywhere.

    Attributes:
        at: when, in UTC seconds by the database's clock.
        queues: those that were asked for, or all.
        workers: those that work on them.
        pauses: what is paused, as far as it is about these queues.
        outage: since when no mail can leave, where jobs are held for that.
        config_error: how the mail of a waiting job has failed that a person must mend; None where there is none.
    """

    at: int
    queues: tuple[QueueReport, ...]
    workers: tuple[WorkerReport, ...]
    pauses: tuple[Pause, ...]
    outage: Outage | None
    config_error: str | None = None

    @property
    def status(self) -> Status:
        """The worst verdict there is."""
        if self.outage is not None or any(queue.status is Status.ALERT for queue in self.queues):
            return Status.ALERT
        return Status.PAUSED if any(queue.status is Status.PAUSED for queue in self.queues) else Status.OK

    @property
    def held(self) -> int:
        """How many jobs wait until mail can leave."""
        return sum(queue.load.held for queue in self.queues)

    @property
    def live_workers(self) -> tuple[WorkerReport, ...]:
        """Those workers that live and look for jobs: not a command that runs one job itself."""
        return tuple(one for one in self.workers if one.state is not WorkerState.GONE and one.worker.queues)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be as it should, and may not; what surely is not comes first."""
        if self.config_error is None:
            return self._unworked
        return (f"a job waits for a setting of the mail to be mended: {self.config_error}", *self._unworked)

    @property
    def _unworked(self) -> tuple[str, ...]:
        if not self.live_workers:
            return ("no worker is running; unless cron starts one, run: leadq work",)
        worked_on = {queue for one in self.live_workers for queue in one.worker.queues}
        alone = [queue for queue in self.queues if queue.size.pending and queue.name not in worked_on]
        return tuple(f"no running worker works on the queue {queue.name}" for queue in alone)


def look(store: Store, *, queues: Sequence[str] = (), limits: Limits, default_queue: str, retry_after: int) -> Report:
    """Looks, and takes no lock.

    Args:
        store: where.
        queues: what to look at; everything that there is where it is empty.
        limits: from where on a queue is in trouble.
        default_queue: a queue that there is, jobs or not.
        retry_after: seconds without a beat after which a worker is taken for dead.
    """
    now = store.now()
    pauses = store.control.pauses()
    running = store.jobs.running()
    paused = {pause.queue for pause in pauses}
    workers = [
        _worker_report(worker, is_alive, running.get(worker.id), paused)
        for worker, is_alive in store.workers.listing(retry_after=retry_after)
        if not queues or set(queues) & set(worker.queues)
    ]
    loads = {load.size.queue: load for load in store.jobs.loads(queues)}
    failed = store.failed.count_by_queue(queues)
    since = now - now % MINUTE - RATE_MINUTES * MINUTE
    sums = {one.queue: one for one in store.metrics.sums_since(since, queues)}
    names = queues or {
        default_queue,
        *loads,
        *failed,
        *sums,
        *(queue for queue in paused if queue is not None),
        *(queue for one in workers for queue in one.worker.queues),
    }
    reports = [
        _queue_report(
            loads.get(name) or QueueLoad(size=QueueSize(queue=name, pending=0, delayed=0, reserved=0)),
            now=now,
            failed=failed.get(name, 0),
            sums=sums.get(name),
            minutes=(now - since) / MINUTE,
            is_paused=not paused.isdisjoint({name, None}),
            limits=limits,
        )
        for name in names
    ]
    outage = store.outages.current()
    return Report(
        at=now,
        queues=tuple(sorted(reports, key=lambda queue: (list(Status).index(queue.status), queue.name))),
        workers=tuple(sorted(workers, key=lambda one: (list(WorkerState).index(one.state), one.worker.id))),
        pauses=tuple(pause for pause in pauses if not queues or pause.queue is None or pause.queue in queues),
        outage=outage,
        config_error=None if outage else store.jobs.newest_error(ending=CONFIG_ERROR),
    )


def _worker_report(
    worker: WorkerRecord, is_alive: bool, job: RunningJob | None, paused: Collection[str | None]
) -> WorkerReport:
    all_paused = None in paused or (bool(worker.queues) and set(worker.queues) <= set(paused))
    if not is_alive:
        state = WorkerState.GONE
    elif job is not None:
        state = WorkerState.BUSY
    else:
        state = WorkerState.PAUSED if worker.paused or all_paused else WorkerState.IDLE
    return WorkerReport(worker=worker, state=state, job=job)


def _queue_report(
    load: QueueLoad,
    *,
    now: int,
    failed: int,
    sums: JobSums | None,
    minutes: float,
    is_paused: bool,
    limits: Limits,
) -> QueueReport:
    oldest = None if load.oldest_pending_at is None else max(0, now - load.oldest_pending_at)
    return QueueReport(
        load=load,
        oldest_pending_seconds=oldest,
        failed=failed,
        jobs_per_minute=(sums.done + sums.failed) / minutes if sums else 0.0,
        mean_run_ms=sums.run_ms / sums.attempts if sums and sums.attempts else None,
        is_paused=is_paused,
        alerts=tuple(_alerts(load, oldest, failed, limits)),
    )


def _alerts(load: QueueLoad, oldest: int | None, failed: int, limits: Limits) -> list[str]:
    found: Mapping[str, bool] = {
        f"{load.size.pending:,} pending": load.size.pending >= limits.pending,
        f"the oldest due for {span(oldest or 0)}": oldest is not None and oldest > limits.age_seconds,
        f"{failed:,} failed": limits.failed is not None and failed > limits.failed,
        f"{load.held:,} held until mail can leave": load.held > 0,
    }
    return [alert for alert, is_so in found.items() if is_so]
