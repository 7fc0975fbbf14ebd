"""The application of one command: settings, store and output, each opened on first use."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadq.config import Settings, load_settings, require_settings
from leadq.home import find_home
from leadq.output.console import Output

if TYPE_CHECKING:
    from leadq.leads import NotifiedLead
    from leadq.mail.mailer import Mailer
    from leadq.store.outcomes import Outcome
    from leadq.store.records import ClaimedJob
    from leadq.store.store import Store
    from leadq.worker.executor import Executor
    from leadq.worker.inline import InlineRunner
    from leadq.worker.last_words import LastWords
    from leadq.worker.options import RetryPolicy


class App:
    """What commands receive.

    Args:
        home_option: the value of `--home`.
        verbose: whether a traceback is shown and worker lines tell more.
        quiet: whether remarks are left out.
    """

    def __init__(self, *, home_option: str | None = None, verbose: bool = False, quiet: bool = False) -> None:
        self.home_option = home_option
        self.verbose = verbose
        self.out = Output(quiet=quiet)

    @cached_property
    def home(self) -> Path:
        """The home. Raises HomeNotFound."""
        return find_home(self.home_option, os.environ, Path.cwd())

    @cached_property
    def settings(self) -> Settings:
        """The home's settings. Raises ConfigError."""
        return load_settings(self.home)

    @cached_property
    def store(self) -> Store:
        """The home's store. Raises StoreError."""
        from leadq.store.store import Store

        return Store.open(self.settings.database)

    @cached_property
    def mailer(self) -> Mailer:
        """The home's mailer; it connects when it sends. Raises ConfigError."""
        from leadq.mail.mailer import open_mailer

        return open_mailer(self.settings)

    def start_logging(self) -> None:
        """Opens the log: commands that change something call it first."""
        from leadq.logs import set_up_logging

        set_up_logging(self.settings)

    def log(self, message: str, **fields: Any) -> None:
        """Logs what a command did."""
        import logging

        logging.getLogger("leadq").info(message, extra={"fields": fields})

    def log_error(self, message: str, **fields: Any) -> None:
        """Logs what went wrong in a command."""
        import logging

        logging.getLogger("leadq").error(message, extra={"fields": fields})

    def load_jobs(self) -> None:
        """Registers the built-in job and the application's own. Raises ConfigError."""
        from leadq.embedding import fall_back_to
        from leadq.jobs import load_jobs

        fall_back_to(self.home)
        load_jobs(self.settings.job_modules, self.home)

    def executor(
        self,
        retry: RetryPolicy,
        last_words: LastWords,
        breakable: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Executor:
        """What runs jobs here, with the home's mailer.

        Raises:
            ConfigError: a setting for mail, or a module of LEADQ_JOBS, is wrong, or `.env` is gone.
        """
        from leadq.mail_gate import MailGate
        from leadq.worker.executor import Executor

        require_settings(self.home)
        self.load_jobs()
        return Executor(
            store=self.store,
            mailer=self.mailer,
            retry=retry,
            last_words=last_words,
            gate=MailGate.of(self.settings.mail),
            breakable=breakable,
        )

    def load_ahead(self) -> None:
        """Loads what a worker may need later: an upgrade puts other files in the place of those it has not read yet.

        Raises:
            StoreError: the store cannot be opened.
            ConfigError: a setting for mail is wrong.
        """
        from leadq.output import documents  # noqa: F401 - tells with --json why a worker ends

        self.store.open_rooms()
        self.mailer.composer.load_templates()
        if self.settings.job_modules:
            from leadq.embedding import load_ahead

            load_ahead()

    def last_words(self) -> LastWords:
        """Where this home's workers leave word of their end."""
        from leadq.worker.last_words import LastWords

        return LastWords(self.settings.storage / "workers")

    def release_orphans(self) -> None:
        """Makes the jobs of workers that are gone due again, as any worker does at its start."""
        self.store.workers.release_orphans(retry_after=self.settings.retry_after, last_words=self.last_words().of)

    def inline_runner(self, *, tries: int = 1) -> AbstractContextManager[InlineRunner]:
        """What runs a job in this process: attempt number `tries` is its last."""
        from leadq.worker.inline import inline_runner
        from leadq.worker.log_reporter import report_to_log
        from leadq.worker.options import RetryPolicy

        last_words = self.last_words()
        return inline_runner(
            self.store,
            self.executor(RetryPolicy(tries=tries), last_words),
            retry_after=self.settings.retry_after,
            last_words=last_words,
            report=report_to_log,
        )

    def notify(self, enqueue: Callable[[], NotifiedLead]) -> tuple[NotifiedLead, Outcome | None]:
        """Calls `enqueue`; with QUEUE_CONNECTION=sync the job that it stored runs at once, in this process.

        Returns:
            What `enqueue` returned, and how the job ended where it ran here.
        """
        if self.settings.queue_connection != "sync":
            return enqueue(), None
        from leadq.worker.inline import SYNC

        with self.inline_runner() as runner:

            def enqueue_and_claim() -> tuple[NotifiedLead, ClaimedJob | None]:
                notified = enqueue()
                return notified, runner.claim(notified.job.id, connection=SYNC) if notified.job else None

            notified, claimed = self.store.transact(enqueue_and_claim)
            return notified, runner.run(claimed) if claimed else None

    def close(self) -> None:
        """Closes what was opened."""
        if "store" in self.__dict__:
            self.store.close()
