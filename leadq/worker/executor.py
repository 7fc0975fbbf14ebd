"""One attempt: decode, run under the timeout, and decide what its end means. Recording it is the caller's."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

from leadq.backoff import backoff_seconds, later_than
from leadq.errors import (
    LeadqError,
    MailError,
    MailHeld,
    MailPaced,
    PermanentFailure,
    StoreUnavailable,
    TimeoutExceeded,
    TooManyAttempts,
    UndecodablePayload,
)
from leadq.job import Job, JobContext, job_from
from leadq.payload import Payload, decode_payload
from leadq.store.outcomes import Completed, Failed, GivenBack, Held, Outcome, Released
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from leadq.text import many_lines, one_line
from leadq.worker.last_words import GRACE_SECONDS, LastWords
from leadq.worker.options import RetryPolicy
from leadq.worker.stop import StopNow
from leadq.worker.timeout import Alarm, AttemptTimedOut

if TYPE_CHECKING:
    from leadq.mail.mailer import Mailer
    from leadq.mail_gate import MailGate

P = ParamSpec("P")

MAIL_SHARE = 5 / 6  # of the timeout: a mail server that is slow must not look like a job that hangs
UNLIMITED_MAIL_SECONDS = 600  # RFC 5321, 4.5.3.2.6: the reply to the final dot may take ten minutes
ERROR_LIMIT = 500
EXCEPTION_LIMIT = 500_000  # characters: an old MySQL server takes 4 MB at a time, and must be able to take this
STORE_PAUSE_SECONDS = 5  # a job that met a locked database is not to blame, and is not to come back at once
INTERRUPTIONS = (AttemptTimedOut, StopNow, KeyboardInterrupt)

_log = logging.getLogger("leadq.job")


@dataclass(kw_only=True)
class Attempt:
    """A claimed job on its way through the executor.

    Attributes:
        payload: None where the row's cannot be decoded; `error` says why.
        job: what runs; None until it is made.
        error: what ended the attempt, None while nothing has.
    """

    claimed: ClaimedJob
    name: str
    data: dict[str, Any]
    payload: Payload | None = None
    job: Job | None = None
    context: JobContext | None = None
    error: BaseException | None = None
    timeout: float = 0.0
    duration: float = 0.0

    @property
    def mail_server_reached(self) -> bool | None:
        """See GatedMailer.reached; None where no rule has somebody look."""
        return getattr(self.context.mailer, "reached", None) if self.context is not None else None


class Executor:
    """Runs attempts.

    Args:
        store: what jobs read and write.
        mailer: what sends their mails.
        retry: the worker's flags.
        last_words: ends the process where a job heeds no timeout.
        gate: the rules under which mails may leave.
        breakable: wraps a job's own code: see StopRequest.breakable.
        is_own_process: whether attempts may be interrupted at their timeout, and the process ended where one heeds
            nothing. Not in an application's, whose signals are its own, and whose threads get none.
    """

    def __init__(
        self,
        *,
        store: Store,
        mailer: Mailer,
        retry: RetryPolicy,
        last_words: LastWords,
        gate: MailGate,
        breakable: Callable[[], AbstractContextManager[None]] = nullcontext,
        is_own_process: bool = True,
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._retry = retry
        self._last_words = last_words
        self.gate = gate
        self._breakable = breakable
        self._alarm = Alarm()
        self._is_own_process = is_own_process

    def prepare(self, claimed: ClaimedJob) -> Attempt:
        """An attempt that has not run yet."""
        try:
            payload = decode_payload(claimed.payload)
        except UndecodablePayload as error:
            return Attempt(claimed=claimed, name="undecodable job", data={}, error=error)
        return Attempt(claimed=claimed, name=one_line(payload.display_name), data=payload.data, payload=payload)

    def perform(self, attempt: Attempt) -> Outcome:
        """Runs it and decides what its end means. Raises nothing that a job raises."""
        started = time.monotonic()
        try:
            if attempt.payload is not None:
                self._run(attempt, attempt.payload, started)
        except BaseException as error:  # noqa: BLE001 - the one place that may
            attempt.error = error
            self._drop_what_was_interrupted(error)
        finally:
            attempt.duration = time.monotonic() - started
        return self._decide(attempt)

    def tell_failed(self, attempt: Attempt) -> None:
        """Calls the job's own `failed`, once it is in `failed_jobs`."""
        if attempt.job is None or attempt.context is None or attempt.error is None:
            return
        if type(attempt.job).failed is Job.failed:
            return
        try:
            self._within(attempt.timeout, attempt.job.failed, attempt.context, attempt.error)
        except StopNow as error:
            self._drop_what_was_interrupted(error)
            attempt.context.log.warning("%s.failed() broken off: the worker was told to stop at once", attempt.name)
        except BaseException as error:
            self._drop_what_was_interrupted(error)
            attempt.context.log.error("%s.failed() raised", attempt.name, exc_info=True)

    def close(self) -> None:
        """Closes the mailer, and leaves the process's signals as they were."""
        self._alarm.close()
        self._mailer.close()

    def _run(self, attempt: Attempt, payload: Payload, started: float) -> None:
        attempt.timeout = self._timeout(payload)
        self._within(attempt.timeout, self._handle, attempt, payload, started)

    def _handle(self, attempt: Attempt, payload: Payload, started: float) -> None:
        attempt.context = self._context(attempt.claimed, payload, started, attempt.timeout)
        attempt.job = job_from(payload)
        self._refuse_spent(attempt, payload)
        attempt.job.handle(attempt.context)

    def _within(self, timeout: float, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Runs a job's own code: nothing in it outlives `timeout` by more than a few seconds; 0 sets no limit."""
        if not self._is_own_process:
            work(*args, **kwargs)
            return
        if timeout:
            self._last_words.kill_after(timeout + GRACE_SECONDS)
        try:
            with self._breakable():
                self._alarm.start(timeout)
                try:
                    work(*args, **kwargs)
                finally:
                    self._alarm.stop()
        finally:
            self._last_words.spare()

    def _refuse_spent(self, attempt: Attempt, payload: Payload) -> None:
        tries = self._tries(payload)
        if tries and attempt.claimed.attempts > tries:
            last = self._store.jobs.find(attempt.claimed.id).last_error
            raise TooManyAttempts(
                f"{attempt.name} has been attempted too many times: its tries ({tries}) are spent"
                + (f"; the last one: {last}" if last else "")
            )

    def _context(self, claimed: ClaimedJob, payload: Payload, started: float, timeout: float) -> JobContext:
        fields = {"job": claimed.uuid, "attempt": claimed.attempts, "lead": payload.data.get("lead_id")}
        return JobContext(
            uuid=claimed.uuid,
            queue=claimed.queue,
            attempt=claimed.attempts,
            created_at=payload.created_at or claimed.created_at,
            mail_deadline=started + (timeout * MAIL_SHARE if timeout else UNLIMITED_MAIL_SECONDS),
            store=self._store,
            mailer=self.gate.before(self._mailer, self._store, claimed),
            log=logging.LoggerAdapter(_log, {"fields": fields}),
        )

    def _tries(self, payload: Payload) -> int:
        return self._retry.tries if payload.max_tries is None else payload.max_tries

    def _timeout(self, payload: Payload) -> float:
        return self._retry.timeout if payload.timeout is None else payload.timeout

    def _drop_what_was_interrupted(self, error: BaseException) -> None:
        """After an interruption a half-said SMTP dialogue and a half-done statement may be left."""
        if isinstance(error, INTERRUPTIONS):
            self._mailer.discard()
            self._store.reset()

    def _decide(self, attempt: Attempt) -> Outcome:
        receipt = attempt.context.receipt if attempt.context else None
        if receipt is not None or attempt.error is None:
            return Completed(receipt=receipt)
        if isinstance(attempt.error, StopNow):
            return GivenBack(reason="the worker was told to stop at once")
        if isinstance(attempt.error, StoreUnavailable):
            return GivenBack(reason=error_line(attempt.error), delay_seconds=STORE_PAUSE_SECONDS)
        if isinstance(attempt.error, MailPaced):
            return GivenBack(reason=error_line(attempt.error), delay_seconds=attempt.error.retry_after or 0)
        if self._waits_for_mail(attempt):
            if isinstance(attempt.error, MailHeld):
                return Held(error=attempt.error.message, tried=False)
            return Held(error=error_line(attempt.error), tried=True)
        timed_out = isinstance(attempt.error, AttemptTimedOut)
        if timed_out:
            attempt.error = self._timeout_error(attempt)
        error = error_line(attempt.error)
        if self._is_final(attempt):
            return Failed(
                error=error,
                exception=_exception_text(attempt.error, error),
                timed_out=timed_out,
                ran=not isinstance(attempt.error, TooManyAttempts),
            )
        payload_steps = attempt.payload.backoff if attempt.payload else None
        steps = self._retry.backoff if payload_steps is None else payload_steps
        delay = backoff_seconds(steps, attempt.claimed.attempts)
        if isinstance(attempt.error, MailError) and attempt.error.retry_after is not None:
            delay = max(delay, later_than(attempt.error.retry_after))
        return Released(delay_seconds=delay, error=error, timed_out=timed_out)

    def _waits_for_mail(self, attempt: Attempt) -> bool:
        if isinstance(attempt.error, MailHeld):
            return True
        is_outage = isinstance(attempt.error, MailError) and attempt.error.is_outage
        return is_outage and self.gate.holds and not self.gate.has_waited_too_long(attempt.claimed, self._store.now())

    def _timeout_error(self, attempt: Attempt) -> TimeoutExceeded:
        error = TimeoutExceeded(f"{attempt.name} has timed out after {attempt.timeout:g} s")
        if attempt.error is not None:
            error.__traceback__ = attempt.error.__traceback__
        return error

    def _is_final(self, attempt: Attempt) -> bool:
        if attempt.payload is None or isinstance(attempt.error, PermanentFailure):
            return True
        tries = self._tries(attempt.payload)
        return bool(tries) and attempt.claimed.attempts >= tries


def error_line(error: BaseException) -> str:
    """`Type: message` in one harmless line."""
    message = (error.message if isinstance(error, LeadqError) else str(error))[:EXCEPTION_LIMIT]
    return one_line(f"{type(error).__name__}: {message}" if message else type(error).__name__, limit=ERROR_LIMIT)


def _exception_text(error: BaseException, line: str) -> str:
    """The error line first, as Laravel's `exception` column has it, then the traceback where it tells more."""
    if isinstance(error, PermanentFailure) and error.__cause__ is None:
        hint = f"\n{error.hint}" if error.hint else ""
        return f"{line}{hint}"
    text = "".join(traceback.format_exception(error))[-EXCEPTION_LIMIT:]  # its end tells most
    return f"{line}\n{many_lines(text)}"
