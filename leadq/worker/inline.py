"""Running a job in the process that stored it: QUEUE_CONNECTION=sync, and `test --wait` without a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from leadq.errors import StoreUnavailable
from leadq.store.outcomes import Failed, Outcome
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from leadq.worker import events
from leadq.worker.endings import event_of
from leadq.worker.executor import Attempt, Executor
from leadq.worker.last_words import LastWords
from leadq.worker.lease import Lease
from leadq.worker.loop import Report
from leadq.worker.tally import Tally

SETTLE_SECONDS = 30.0
SETTLE_PAUSE_SECONDS = 0.5
SYNC = "sync"  # what `failed_jobs.connection` holds, as in Laravel


@dataclass(frozen=True, kw_only=True)
class InlineRunner:
    """Claims a job, runs it and records its end, here and now.

    The claim is an ordinary one: should this process be killed, a worker takes the job up.
    """

    store: Store
    executor: Executor
    worker_id: int
    report: Report

    def claim(self, job_id: int, *, connection: str) -> ClaimedJob | None:
        """Takes one job, due or not; None where a worker was quicker.

        Called in the transaction that stored the job, nobody else can have it.
        """
        claimed = self.store.claims.claim_by_id(job_id, self.worker_id)
        return claimed and replace(claimed, connection=connection)

    def run(self, claimed: ClaimedJob) -> Outcome:
        """Runs a claimed job to its end. Raises nothing that the job raises."""
        return self.attempt(claimed)[1]

    def attempt(self, claimed: ClaimedJob) -> tuple[Attempt, Outcome]:
        """The same, and the attempt as the executor has left it."""
        attempt = self.executor.prepare(claimed)
        self.report(events.JobProcessing(claimed=claimed, job=attempt.name, data=attempt.data))
        outcome = self.executor.perform(attempt)
        owned = self._settle(claimed, outcome)
        self.report(event_of(attempt, outcome, owned=owned))
        if owned and isinstance(outcome, Failed):
            self.executor.tell_failed(attempt)
        return attempt, outcome

    def _settle(self, claimed: ClaimedJob, outcome: Outcome) -> bool:
        """Does not give up at once: a mail that went out and is not recorded would be sent again by a worker."""
        give_up_at = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                return self.store.settlements.settle(claimed, outcome)
            except StoreUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                self.store.reset()
                time.sleep(SETTLE_PAUSE_SECONDS)


@contextmanager
def inline_runner(
    store: Store, executor: Executor, *, retry_after: int, last_words: LastWords, report: Report
) -> Iterator[InlineRunner]:
    """An InlineRunner, registered as a worker while it is used."""
    tally = Tally()
    lease = Lease(
        store,
        name="inline",
        queues=(),
        retry_after=retry_after,
        last_words=last_words,
        told=lambda orphans: report(events.OrphansReleased(orphans=tuple(orphans))),
        tally=tally,
    )

    def count_and_report(event: events.WorkerEvent) -> None:
        tally.note(event)
        report(event)

    with lease:
        try:
            yield InlineRunner(store=store, executor=executor, worker_id=lease.worker_id, report=count_and_report)
        finally:
            executor.close()
