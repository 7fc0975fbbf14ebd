"""drain(): the jobs that are queued run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadq import embedding
from leadq.errors import LeadqError
from leadq.in_process import runner_in_process
from leadq.jobs import load_jobs
from leadq.mail.mailer import Mailer, open_mailer
from leadq.mail_gate import MailGate
from leadq.store.claims import CONNECTION
from leadq.store.outcomes import Completed, Failed, Outcome
from leadq.store.records import ClaimedJob, JobState
from leadq.store.store import Store
from leadq.testing.outbox import OutboxTransport
from leadq.worker.inline import InlineRunner
from leadq.worker.log_reporter import report_to_log
from leadq.worker.options import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class Drained:
    """One attempt that drain() has run.

    Attributes:
        job: the job's name.
        attempt: its number, from 1.
        status: `done`, `released` where it will be tried again, `failed` where it has failed for good.
        error: what the job raised, or what else ended the attempt; None where it is done.
    """

    uuid: str
    job: str
    queue: str
    attempt: int
    status: str
    error: BaseException | None


class JobsFailed(AssertionError):
    """Not every job that drain() ran is done. The first one's error is its cause.

    Attributes:
        drained: every attempt, those that are done included.
    """

    def __init__(self, drained: list[Drained]) -> None:
        self.drained = drained
        errors = [f"{one.job}, attempt {one.attempt}, {one.status}: {one.error!r}" for one in drained if one.error]
        super().__init__("\n".join(errors))


def drain(*, delayed: bool = False, check: bool = True) -> list[Drained]:
    """Runs the jobs that are due, on all queues, until none is, in this process and thread.

    As `leadq work` would, with its defaults: 3 tries, and waits of 60 s and 360 s, so a job that fails is not due again
    in the same call. Two things differ: no timeout interrupts a job, and mails go to `outbox`.

    Args:
        delayed: whether the jobs that wait for their time when this is called run, too: those dispatched with a delay,
            and those to be tried again.
        check: whether JobsFailed is raised, once all have run, where one is not done.

    Returns:
        Every attempt, in order.

    Raises:
        JobsFailed: see `check`.
        StoreError, HomeNotFound, ConfigError: see leadq.create_lead.
        LeadqError: called inside fake(), where nothing is queued.
    """
    target = embedding.current()
    if not isinstance(target, embedding.Embedding):
        raise LeadqError("inside leadq.testing.fake() nothing is queued, so there is nothing to drain")
    settings = target.settings
    load_jobs((), settings.home)
    with target.store() as store:
        mailer = Mailer(open_mailer(settings).composer, OutboxTransport())
        with runner_in_process(
            store, mailer, settings, retry=RetryPolicy(), gate=MailGate(), report=report_to_log
        ) as runner:
            drained = [_run(runner, claimed) for claimed in _claims(store, runner, delayed=delayed)]
    failure = next((one.error for one in drained if one.error), None)
    if check and failure is not None:
        raise JobsFailed(drained) from failure
    return drained


def _claims(store: Store, runner: InlineRunner, *, delayed: bool) -> Iterator[ClaimedJob]:
    waiting = store.jobs.listing(state=JobState.DELAYED, limit=1_000_000)[0] if delayed else []
    yield from _due(store, runner)
    for job in waiting:
        claimed = runner.claim(job.id, connection=CONNECTION)
        if claimed is not None:
            yield claimed
    yield from _due(store, runner)


def _due(store: Store, runner: InlineRunner) -> Iterator[ClaimedJob]:
    while claimed := store.claims.claim([size.queue for size in store.jobs.sizes()], runner.worker_id):
        yield claimed


def _run(runner: InlineRunner, claimed: ClaimedJob) -> Drained:
    attempt, outcome = runner.attempt(claimed)
    return Drained(
        uuid=claimed.uuid,
        job=attempt.name,
        queue=claimed.queue,
        attempt=claimed.attempts,
        status=_status(outcome),
        error=None if isinstance(outcome, Completed) else attempt.error,
    )


def _status(outcome: Outcome) -> str:
    if isinstance(outcome, Completed):
        return "done"
    return "failed" if isinstance(outcome, Failed) else "released"
