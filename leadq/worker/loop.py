"""The worker's loop: claim, perform, record; and when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from leadq.errors import StoreUnavailable
from leadq.processes import resident_megabytes
from leadq.store.outcomes import Completed, Failed, GivenBack, Outcome, Released
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from leadq.worker import events
from leadq.worker.executor import Attempt, Executor
from leadq.worker.lease import Lease
from leadq.worker.options import WorkerOptions
from leadq.worker.stop import StopRequest

T = TypeVar("T")
Report = Callable[[events.WorkerEvent], None]

EXIT_MEMORY = 12  # as artisan's
EXIT_STORE = 1
GLANCE_SECONDS = 0.025  # how often an idle worker asks whether the database has changed
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Why the worker ends, and its exit code."""

    reason: str
    exit_code: int = 0


class Worker:
    """Runs jobs until a reason to stop comes up.

    Args:
        store: where the jobs are.
        executor: what runs one.
        options: the flags.
        stop: the signals.
        report: called with every event.
    """

    def __init__(
        self, *, store: Store, executor: Executor, options: WorkerOptions, stop: StopRequest, report: Report
    ) -> None:
        self._store = store
        self._executor = executor
        self._options = options
        self._stop = stop
        self._report = report
        self._started = time.monotonic()
        self._jobs_done = 0
        self._found_nothing = False

    def run(self) -> int:
        """Works, and returns the exit code.

        Raises:
            StoreError: the store cannot be used at the start; with `once` or `stop_when_empty`, at any time
                but after a job, whose end is always recorded first.
        """
        options = self._options
        self._report(events.WorkerStarted(name=options.name, queues=options.queues))
        with Lease(self._store, name=options.name, queues=options.queues, retry_after=options.retry_after) as lease:
            try:
                end = self._work(lease)
            finally:
                self._executor.close()
        self._report(
            events.WorkerStopped(
                name=options.name, reason=end.reason, exit_code=end.exit_code, jobs_done=self._jobs_done
            )
        )
        return end.exit_code

    def _work(self, lease: Lease) -> Stop:
        held: ClaimedJob | None = None
        while True:
            if held is not None and self._stop.requested:
                self._give_back(held)
                held = None
            if held is None:
                end = self._reason_to_stop()
                if end is not None:
                    return end
                held = self._next_job(lease)
                if held is None:
                    self._found_nothing = True
                    continue
            held = self._process(held)

    # --- stopping ----------------------------------------------------------------------------------

    def _reason_to_stop(self) -> Stop | None:
        options = self._options
        table: Sequence[tuple[bool, Stop]] = (
            (self._stop.requested, Stop(reason="interrupted")),
            (self._over_memory(), Stop(reason="memory", exit_code=EXIT_MEMORY)),
            (options.once and (self._jobs_done > 0 or self._found_nothing), Stop(reason="once")),
            (options.stop_when_empty and self._found_nothing, Stop(reason="empty")),
            (0 < options.max_time <= time.monotonic() - self._started, Stop(reason="max_time")),
            (0 < options.max_jobs <= self._jobs_done, Stop(reason="max_jobs")),
        )
        return next((end for holds, end in table if holds), None)

    def _over_memory(self) -> bool:
        limit = self._options.memory_mb
        return limit > 0 and self._jobs_done > 0 and resident_megabytes() >= limit  # one job at least: as artisan

    # --- claiming ----------------------------------------------------------------------------------

    def _next_job(self, lease: Lease) -> ClaimedJob | None:
        """A claimed job, or None after an idle while."""
        queues = self._options.queues

        def claim() -> ClaimedJob | None:
            uuids = lease.sweep_when_due()
            if uuids:
                self._report(events.OrphansReleased(uuids=tuple(uuids)))
            return self._store.jobs.claim(queues, lease.worker_id) if self._store.jobs.has_due(queues) else None

        try:
            counter = self._when_store_works(self._store.change_counter, give_up=self._gives_up_claiming)
            held = self._when_store_works(claim, give_up=self._gives_up_claiming)
        except StoreUnavailable:
            if self._stop.requested:
                return None
            raise
        if held is None and not self._ends_when_empty:
            self._wait_for_change(counter, lease)
        return held

    @property
    def _ends_when_empty(self) -> bool:
        return self._options.once or self._options.stop_when_empty

    def _gives_up_claiming(self) -> bool:
        return self._stop.requested or self._ends_when_empty  # cron comes again: it is better told

    def _wait_for_change(self, counter: int | None, lease: Lease) -> None:
        """Sleeps until a job may be due: another process has committed, a delay is over, or `sleep` is."""
        try:
            until = time.monotonic() + self._store.jobs.seconds_until_due(self._options.sleep)
            until = min(until, time.monotonic() + lease.seconds_until_sweep())
            while not self._stop.requested:
                remaining = until - time.monotonic()
                if remaining <= 0 or (counter is not None and self._store.change_counter() != counter):
                    return
                self._stop.sleep(min(remaining, GLANCE_SECONDS if counter is not None else remaining))
        except StoreUnavailable:
            return  # the next claim meets it too, and reports it

    # --- one job -----------------------------------------------------------------------------------

    def _process(self, held: ClaimedJob) -> ClaimedJob | None:
        """Runs a job, records its end, and returns the next one where it was claimed along with that."""
        attempt = self._executor.prepare(held)
        self._report(events.JobProcessing(claimed=held, job=attempt.name, data=attempt.data))
        outcome = self._executor.perform(attempt)
        self._jobs_done += 1
        go_on = self._reason_to_stop() is None and self._options.rest == 0

        def record() -> tuple[bool, ClaimedJob | None]:
            if go_on:
                return self._store.settlements.settle_and_claim(held, outcome, self._options.queues)
            return self._store.settlements.settle(held, outcome), None

        owned, following = self._when_store_works(record, give_up=_never)
        self._report(event_of(attempt, outcome, owned=owned))
        if owned and isinstance(outcome, Failed):
            self._executor.tell_failed(attempt)
        self._stop.sleep(self._options.rest)
        return following

    def _give_back(self, held: ClaimedJob) -> None:
        """Puts back a job that was claimed along with the last one's end, just before the worker was asked to stop."""
        self._when_store_works(lambda: self._store.settlements.settle(held, GivenBack()), give_up=_never)

    # --- trouble -----------------------------------------------------------------------------------

    def _when_store_works(self, call: Callable[[], T], *, give_up: Callable[[], bool]) -> T:
        """`call()`, again and again with growing pauses while the store is unavailable.

        Raises:
            StoreUnavailable: it is, and `give_up()` says not to wait.
        """
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while True:
            try:
                result = call()
            except StoreUnavailable as error:
                if give_up():
                    raise
                self._report(events.StoreTroubled(error=str(error), pause_seconds=pause))
            else:
                if pause > FIRST_PAUSE_SECONDS:
                    self._report(events.StoreRecovered(after_seconds=time.monotonic() - began))
                return result
            time.sleep(pause) if self._stop.requested else self._stop.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _never() -> bool:
    return False


def event_of(attempt: Attempt, outcome: Outcome, *, owned: bool) -> events.JobEvent:
    """The event that tells how an attempt ended."""
    claimed, job, data, duration = attempt.claimed, attempt.name, attempt.data, attempt.duration
    if not owned:
        return events.ClaimLost(claimed=claimed, job=job, data=data, duration=duration)
    match outcome:
        case Completed(receipt=receipt):
            reply = receipt.reply if receipt else None
            return events.JobProcessed(claimed=claimed, job=job, data=data, duration=duration, reply=reply)
        case Released():
            return events.JobReleased(
                claimed=claimed,
                job=job,
                data=data,
                duration=duration,
                delay_seconds=outcome.delay_seconds,
                error=outcome.error,
                timed_out=outcome.timed_out,
            )
        case GivenBack():
            return events.JobGivenBack(claimed=claimed, job=job, data=data, duration=duration)
        case Failed():
            return events.JobFailed(
                claimed=claimed,
                job=job,
                data=data,
                duration=duration,
                error=outcome.error,
                timed_out=outcome.timed_out,
            )
