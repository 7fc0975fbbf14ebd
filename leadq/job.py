"""Jobs: the base class, the registry of names, and what a running job is given.

A row names its job by a registered name, never by an import path: what a row may run is decided here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from leadq.errors import UndecodablePayload, UnknownJob
from leadq.payload import Payload

if TYPE_CHECKING:
    import logging

    from leadq.mail.mailer import Mailer
    from leadq.receipt import Receipt
    from leadq.store.store import Store

_REGISTRY: dict[str, type[Job]] = {}


class Job:
    """A unit of work. Subclass it as a dataclass; its fields are its data and hold plain JSON values.

    Class attributes, each None where the worker's flags decide:
        queue: the queue it goes to, where the dispatch names none.
        priority: lower runs first within a queue.
        tries: attempts it gets; 0 for no limit.
        timeout: seconds one attempt may take; 0 for no limit.
        backoff: seconds between attempts, the last value repeating; or one number.
    """

    queue: ClassVar[str | None] = None
    priority: ClassVar[int] = 0
    tries: ClassVar[int | None] = None
    timeout: ClassVar[float | None] = None
    backoff: ClassVar[Sequence[float] | float | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        twin = _REGISTRY.get(cls.__name__)
        if twin is not None and (twin.__module__, twin.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"two jobs are named {cls.__name__}: {twin.__module__} and {cls.__module__}")
        _REGISTRY[cls.__name__] = cls

    def handle(self, context: JobContext) -> None:
        """Does the work. Raising makes the attempt fail; PermanentFailure fails the job at once."""
        raise NotImplementedError

    def failed(self, context: JobContext, error: BaseException) -> None:
        """Called once when the job has failed for good. An exception in here is logged and changes nothing."""


@dataclass(kw_only=True)
class JobContext:
    """What a running job is given.

    Attributes:
        uuid: the job's identity through all its retries.
        attempt: the number of this attempt, from 1.
        created_at: UTC seconds of the dispatch, the same at each attempt.
        mail_deadline: the `time.monotonic()` by which a mail must be accepted: five sixths of the timeout.
        store, mailer, log: what they say.
    """

    uuid: str
    queue: str
    attempt: int
    created_at: int
    mail_deadline: float
    store: Store
    mailer: Mailer
    log: logging.LoggerAdapter[logging.Logger]
    receipt: Receipt | None = None

    def accepted(self, receipt: Receipt) -> None:
        """Notes that the mail was accepted. Whatever happens afterwards, this attempt has succeeded."""
        self.receipt = receipt


def payload_of(job: Job, *, uuid: str, created_at: int) -> Payload:
    """The payload that brings `job` back."""
    name = type(job).__name__
    return Payload(
        uuid=uuid,
        display_name=name,
        job=name,
        max_tries=job.tries,
        timeout=job.timeout,
        backoff=_steps(job.backoff),
        created_at=created_at,
        data={field.name: getattr(job, field.name) for field in _fields(type(job)) if field.init},
    )


def job_from(payload: Payload) -> Job:
    """The job that a payload describes.

    Raises:
        UnknownJob: no job is registered under its name.
        UndecodablePayload: its data does not fit the job's fields.
    """
    cls = _REGISTRY.get(payload.job)
    if cls is None:
        raise UnknownJob(
            f"no job is registered as {payload.job!r}",
            hint=f"Is LEADQ_JOBS set where the worker runs? Known: {', '.join(sorted(_REGISTRY))}",
        )
    known, required = _names(cls)  # type: ignore[arg-type]  # mypy looks for the hash of its instances
    for problem, names in (("lacks", required - payload.data.keys()), ("has unknown", payload.data.keys() - known)):
        if names:
            raise UndecodablePayload(f"the payload's data {problem} {', '.join(sorted(names))} for {payload.job}")
    return cls(**payload.data)


def _steps(backoff: Sequence[float] | float | None) -> tuple[float, ...] | None:
    if backoff is None:
        return None
    return tuple(backoff) if isinstance(backoff, Sequence) else (backoff,)


@cache
def _names(cls: type[Job]) -> tuple[frozenset[str], frozenset[str]]:
    """What its data may hold, and what it must."""
    fields = [field for field in _fields(cls) if field.init]
    missing = dataclasses.MISSING
    required = [field.name for field in fields if field.default is missing and field.default_factory is missing]
    return frozenset(field.name for field in fields), frozenset(required)


def _fields(cls: type[Job]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
