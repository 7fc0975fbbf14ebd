"""What an application calls: see the names in `leadq`."""

from __future__ import annotations

import math
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from leadq import embedding
from leadq.errors import InvalidInput, UndecodablePayload
from leadq.payload import SECONDS_MAX, decode_payload, encode_payload, new_uuid
from leadq.plain_data import PLAIN, find_foreign
from leadq.settings_parsers import queue_name

if TYPE_CHECKING:
    from peewee import Database

    from leadq.job import Job
    from leadq.store.records import Lead, User


def configure(*, home: str | os.PathLike[str] | None = None, database: Database | None = None) -> None:
    """Says where this process's leads and jobs go: once, before the first call, and before a server forks.

    Reads the settings and connects to nothing. Without it the home is LEADQ_HOME, else the nearest one at or above the
    current folder.

    Args:
        home: the home, whose `.env` holds the settings and names the database.
        database: the application's own Peewee database, with leadq's tables in it, in place of the home's. Inside its
            transaction, leads and jobs commit or roll back with the application's rows. Settings still come from the
            home, where there is one, else from the environment.

    Raises:
        HomeNotFound: there is no home there.
        ConfigError: a setting is wrong.
    """
    target = embedding.Embedding(home=home, database=database)
    if home is not None or database is not None:
        _ = target.settings
    embedding.redirect(target)


def create_lead(
    *,
    name: str,
    email: str,
    phone: str | None = None,
    company: str | None = None,
    source: str | None = None,
    message: str | None = None,
    user: int | str | None = None,
    queue: str | None = None,
    delay: float | timedelta = 0,
    priority: int = 0,
) -> Lead:
    """Stores a lead and the job that tells its user: both or neither.

    Trouble with mail never fails it. Where no user is active, the lead is kept and belongs to nobody.

    Args:
        name, email, phone, company, source, message: the lead.
        user: the number or the address of whose it is; None gives it to the active user who has waited longest.
        queue: the notification's; None stands for DB_QUEUE.
        delay: seconds, or a timedelta, until the mail may leave.
        priority: lower runs first.

    Returns:
        The lead as it was stored. `user_id` says whose it is.

    Raises:
        InvalidInput: a field is empty, too long or no text, or the address, queue, delay or priority is none.
        NotFound: there is no such user.
        StoreError: nothing is stored; with StoreUnavailable the same call may work later.
        HomeNotFound, ConfigError: see configure.
    """
    from leadq.leads import NewLead

    fields = {
        "name": name,
        "email": email,
        "phone": phone,
        "company": company,
        "source": source,
        "message": message,
    }
    for field, value in fields.items():
        if value is not None or field in {"name", "email"}:
            _require_text(f"the lead's {field}", value)
    new = NewLead(name=name, email=email, phone=phone, company=company, source=source, message=message)
    if isinstance(user, bool) or not isinstance(user, int | str | None):
        raise InvalidInput(f"the user is of type {type(user).__name__}: expected a number or an address")
    return embedding.current().create_lead(
        new,
        user=None if user is None else str(user),
        queue=_queue(queue),
        delay=_seconds(delay),
        priority=_priority(priority),
    )


def create_user(*, name: str, email: str) -> User:
    """Adds a user: a colleague who receives leads.

    Raises:
        InvalidInput: the name is empty or too long, the address is none, or somebody has it already.
        StoreError, HomeNotFound, ConfigError: see create_lead.
    """
    _require_text("the user's name", name)
    _require_text("the user's email", email)
    return embedding.current().create_user(name=name, email=email)


def dispatch(job: Job, *, queue: str | None = None, delay: float | timedelta = 0, priority: int | None = None) -> str:
    """Stores a job for a worker to run.

    Args:
        job: what to run; its fields hold plain JSON.
        queue: beats the job's own; where neither names one it is DB_QUEUE.
        delay: seconds, or a timedelta, until it may run.
        priority: beats the job's own; lower runs first.

    Returns:
        The job's uuid, the same through all its retries.

    Raises:
        InvalidInput: the job cannot be written as JSON, its tries, timeout or backoff is none, or the queue, the delay
            or the priority.
        StoreError, HomeNotFound, ConfigError: see create_lead.
    """
    _require_storable(job)
    return embedding.current().dispatch(
        job,
        queue=_queue(queue if queue is not None else job.queue),
        delay=_seconds(delay),
        priority=_priority(job.priority if priority is None else priority),
    )


def _require_storable(job: object) -> None:
    """Returns where a worker gets what was dispatched."""
    from leadq.job import Job, payload_of

    name = type(job).__name__
    if not isinstance(job, Job):
        hint = f"Did you mean {job.__name__}(…)?" if isinstance(job, type) else None
        raise InvalidInput(f"{name} is no job: expected an object of a subclass of leadq.Job", hint=hint)
    if not hasattr(job, "__dataclass_fields__") and type(job).__init__ is not object.__init__:
        raise InvalidInput(f"{name} is no dataclass, so its data is not known", hint="Put @dataclass above it.")
    try:
        payload = payload_of(job, uuid=new_uuid(), created_at=0)
    except TypeError as error:
        raise InvalidInput(f"the backoff of {name} is wrong: {error}") from None
    try:
        foreign = next(filter(None, (find_foreign(value, field) for field, value in payload.data.items())), None)
    except RecursionError:
        foreign = "it is nested too deeply"
    if foreign:
        raise InvalidInput(f"the data of {name} is not plain JSON: {foreign}", hint=f"Plain JSON is {PLAIN}.")
    try:
        decode_payload(encode_payload(payload))
    except (UndecodablePayload, TypeError, ValueError) as error:
        raise InvalidInput(f"{name} cannot be dispatched: {error}") from None


def _require_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidInput(f"{field} is of type {type(value).__name__}: expected text")


def _queue(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return queue_name(name)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"the queue {name!r:.120} is wrong: expected letters, digits and . _ - : (at most 100)"
        ) from None


def _seconds(delay: float | timedelta) -> float:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInput(f"the delay is of type {type(delay).__name__}: expected seconds or a timedelta")
    if not math.isfinite(seconds) or not 0 <= seconds <= SECONDS_MAX:
        raise InvalidInput(f"the delay {delay} is out of range: expected 0 to {SECONDS_MAX} seconds")
    return seconds


def _priority(priority: int) -> int:
    if isinstance(priority, int) and not isinstance(priority, bool):
        return priority
    raise InvalidInput(f"the priority is of type {type(priority).__name__}: expected a whole number")
