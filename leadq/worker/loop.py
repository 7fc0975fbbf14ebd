"""The worker's loop: claim, perform, record; and when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from leadq.errors import StoreError
from leadq.processes import uses_megabytes
from leadq.store.outcomes import Failed, GivenBack
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from leadq.worker import events
from leadq.worker.control_watch import LOOK_SECONDS as CONTROL_SECONDS
from leadq.worker.control_watch import ControlWatch
from leadq.worker.endings import event_of
from leadq.worker.executor import Executor
from leadq.worker.last_words import LastWords
from leadq.worker.lease import Lease
from leadq.worker.options import WorkerOptions
from leadq.worker.outage_watch import OutageWatch
from leadq.worker.patience import Patience
from leadq.worker.stop import StopRequest
from leadq.worker.tally import Tally

Report = Callable[[events.WorkerEvent], None]

RESTART = "restart"  # the reason to stop that its parent must know of
EXIT_MEMORY = 12  # as artisan's
LOCKED_SECONDS = 5.0  # for so long a due job that others have locked keeps --once and --stop-when-empty from ending


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
        last_words: where this worker leaves word should it be killed.
        restart_signal: the store's when this process started: a restart that is asked for later ends the worker.
        report: called with every event.
    """

    def __init__(
        self,
        *,
        store: Store,
        executor: Executor,
        options: WorkerOptions,
        stop: StopRequest,
        last_words: LastWords,
        restart_signal: int,
        report: Report,
    ) -> None:
        self._store = store
        self._executor = executor
        self._options = options
        self._stop = stop
        self._last_words = last_words
        self._report = report
        self._patience = Patience(store, stop, report)
        self._started = time.monotonic()
        self._jobs_done = 0
        self._tally = Tally()
        self._found_nothing = False
        self._control = ControlWatch(store, queues=options.queues, restart_signal=restart_signal, report=report)
        self._outage = OutageWatch(
            store,
            holds=executor.gate.holds,
            outage_max=executor.gate.outage_max,
            report=report,
        )

    def run(self) -> Stop:
        """Works, and returns why it has ended.

        Raises:
            StoreError: the store cannot be used at the start; with `once` or `stop_when_empty`, at any time
                but after a job, whose end is always recorded first.
        """
        options = self._options
        lease = Lease(
            self._store,
            name=options.name,
            queues=options.queues,
            retry_after=options.retry_after,
            last_words=self._last_words,
            told=lambda orphans: self._report(events.OrphansReleased(orphans=tuple(orphans))),
            tally=self._tally,
            paused=lambda: self._stop.paused,
        )
        with lease:
            self._report(events.WorkerStarted(name=options.name, queues=options.queues))
            try:
                end = self._work(lease.worker_id)
            finally:
                self._executor.close()
        self._report(
            events.WorkerStopped(
                name=options.name, reason=end.reason, exit_code=end.exit_code, jobs_done=self._jobs_done
            )
        )
        return end

    def _work(self, worker_id: int) -> Stop:
        held: ClaimedJob | None = None
        while True:
            if held is not None and (self._stop.requested or self._stop.paused):
                self._give_back(held)
                held = None
            if held is None:
                end = self._reason_to_stop()
                if end is not None:
                    return end
                if self._stop.paused:
                    self._stay_paused()
                    continue
                held = self._next_job(worker_id)
                if held is None:
                    self._found_nothing = True
                    continue
            held = self._process(held)

    # --- stopping ----------------------------------------------------------------------------------

    def _reason_to_stop(self) -> Stop | None:
        options = self._options
        if self._stop.requested:
            return Stop(reason="interrupted")
        if self._over_memory():
            return Stop(reason="memory", exit_code=EXIT_MEMORY)
        if self._control.restart_asked:
            return Stop(reason=RESTART)
        if options.once and (self._jobs_done > 0 or self._found_nothing):
            return Stop(reason="once")
        if options.stop_when_empty and self._found_nothing:
            return Stop(reason="empty")
        if 0 < options.max_time <= time.monotonic() - self._started:
            return Stop(reason="max_time")
        if 0 < options.max_jobs <= self._jobs_done:
            return Stop(reason="max_jobs")
        return None

    def _over_memory(self) -> bool:
        limit = self._options.memory_mb
        return limit > 0 and self._jobs_done > 0 and uses_megabytes(limit)  # one job at least: as artisan

    def _stay_paused(self) -> None:
        """Sleeps on, until SIGCONT: a restart is heeded all the same."""
        self._stop.sleep(max(self._options.sleep, self._store.glance_seconds))
        try:
            self._control.look()
        except StoreError:
            self._store.reset()  # the next claim meets it too, and reports it

    # --- claiming ----------------------------------------------------------------------------------

    def _next_job(self, worker_id: int) -> ClaimedJob | None:
        """A claimed job, or None after an idle while."""
        store = self._store

        def claim() -> tuple[int | None, ClaimedJob | None]:
            counter = store.change_counter()  # first of all: it tells whether the database is still the same
            self._control.look()
            queues = self._control.open_queues
            if self._control.restart_asked or not queues:
                return None, None
            probe = self._outage.probe(queues, worker_id)
            if probe is not None:
                return None, probe
            until = time.monotonic() + (LOCKED_SECONDS if self._ends_when_empty else 0)
            while store.claims.has_due(queues):
                held = store.claims.claim(queues, worker_id)
                if held is not None or self._stop.requested or time.monotonic() >= until:
                    return counter, held
                self._stop.sleep(store.glance_seconds)  # whoever has locked what is due takes it, or lets it go
            return counter, None

        try:
            counter, held = self._patience.call(
                claim,
                give_up=self._gives_up_claiming,
                before_retry=lambda: store.workers.release_strays(worker_id),
            )
        except StoreError:
            if self._stop.requested:
                return None
            raise
        if held is None and not self._ends_when_empty and not self._control.restart_asked:
            self._wait_for_change(counter)
        return held

    @property
    def _ends_when_empty(self) -> bool:
        return self._options.once or self._options.stop_when_empty

    def _gives_up_claiming(self) -> bool:
        return self._stop.requested or self._ends_when_empty  # cron comes again: it is better told

    def _wait_for_change(self, counter: int | None) -> None:
        """Sleeps until a job may be due: another process has committed, a delay is over, or `sleep` is.

        A pause that begins or ends, and a restart, wake it, too.
        """
        store, glance, queues = self._store, self._store.glance_seconds, self._control.open_queues
        if not queues:
            self._stop.sleep(CONTROL_SECONDS)
            return
        try:
            longest = max(self._options.sleep, glance)  # --sleep 0 asks for haste, not for a hot loop
            # a glance at least: a job that is due may be one that another transaction keeps locked. Without a counter
            # every glance asks for delayed jobs, too
            waits = longest if counter is None else store.claims.seconds_until_due(longest)
            until = time.monotonic() + max(glance, waits)
            until = min(until, time.monotonic() + self._outage.seconds_until_look(longest))
            if self._options.max_time:
                until = min(until, self._started + self._options.max_time)
            while not (self._stop.requested or self._stop.paused):
                self._stop.sleep(min(until - time.monotonic(), glance))
                if until - time.monotonic() < glance / 2:  # the next claim looks
                    return
                if self._control.finds_news():
                    return
                if store.claims.has_due(queues) if counter is None else store.change_counter() != counter:
                    return
        except StoreError:
            return  # the next claim meets it too, and reports it

    # --- one job -----------------------------------------------------------------------------------

    def _process(self, held: ClaimedJob) -> ClaimedJob | None:
        """Runs a job, records its end, and returns the next one where it was claimed along with that."""
        attempt = self._executor.prepare(held)
        self._report(events.JobProcessing(claimed=held, job=attempt.name, data=attempt.data))
        outcome = self._executor.perform(attempt)
        self._jobs_done += 1
        wants_a_look = self._control.wants_a_look or self._outage.wants_a_look
        go_on = self._reason_to_stop() is None and self._options.rest == 0 and not wants_a_look

        def record() -> tuple[bool, ClaimedJob | None]:
            if go_on:
                return self._store.settlements.settle_and_claim(held, outcome, self._control.open_queues)
            return self._store.settlements.settle(held, outcome), None

        owned, following = self._patience.call(
            record,
            before_retry=lambda: self._store.workers.release_strays(held.worker_id, running=held),
        )
        ended = event_of(attempt, outcome, owned=owned)
        self._tally.note(ended)
        self._report(ended)
        if self._executor.gate.holds:
            self._patience.call(lambda: self._outage.settled(held, outcome, reached=attempt.mail_server_reached))
        if owned and isinstance(outcome, Failed):
            self._executor.tell_failed(attempt)
        self._stop.sleep(self._options.rest)
        return following

    def _give_back(self, held: ClaimedJob) -> None:
        """Puts back a job that was claimed along with the last one's end, just before the worker was told to stop."""
        outcome = GivenBack(reason="the worker was told to stop")
        self._patience.call(lambda: self._store.settlements.settle(held, outcome))
