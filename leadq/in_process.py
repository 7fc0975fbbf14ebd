"""Running a stored job inside an application's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadq.config import Settings
from leadq.jobs import load_jobs
from leadq.mail.mailer import Mailer, open_mailer
from leadq.mail_gate import MailGate
from leadq.store.records import WorkerRecord
from leadq.store.store import Store
from leadq.worker.executor import Executor
from leadq.worker.inline import SYNC, InlineRunner, inline_runner
from leadq.worker.last_words import LastWords
from leadq.worker.log_reporter import report_to_log
from leadq.worker.loop import Report
from leadq.worker.options import RetryPolicy


class NoLastWords(LastWords):
    """For a process whose end, and whose signals, are not leadq's."""

    def __init__(self) -> None:
        super().__init__(Path())

    def open(self, worker_id: int) -> None:
        """Keeps nothing."""

    def close(self) -> None:
        """Has kept nothing."""

    def of(self, worker: WorkerRecord) -> str | None:
        """Leaves the words of others to their workers."""
        return None


def run_now(store: Store, settings: Settings, job_id: int) -> None:
    """Runs one stored job, unless a worker was quicker. It has one attempt where it does not say itself.

    Raises:
        StoreError: the store cannot be used.
        ConfigError: the settings for mail are wrong.
    """
    load_jobs((), settings.home)  # the application has imported its own
    gate = MailGate.of(settings.mail)
    with runner_in_process(
        store, open_mailer(settings), settings, retry=RetryPolicy(tries=1), gate=gate, report=report_to_log
    ) as runner:
        claimed = runner.claim(job_id, connection=SYNC)
        if claimed is not None:
            runner.run(claimed)


@contextmanager
def runner_in_process(
    store: Store, mailer: Mailer, settings: Settings, *, retry: RetryPolicy, gate: MailGate, report: Report
) -> Iterator[InlineRunner]:
    """An InlineRunner that interrupts nothing: a job's timeout limits its mails alone."""
    last_words = NoLastWords()
    executor = Executor(store=store, mailer=mailer, retry=retry, last_words=last_words, gate=gate, is_own_process=False)
    with inline_runner(
        store, executor, retry_after=settings.retry_after, last_words=last_words, report=report
    ) as runner:
        yield runner
