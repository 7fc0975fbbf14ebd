"""Dispatching: a job becomes a row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leadq.errors import InvalidInput
from leadq.job import Job, payload_of
from leadq.payload import encode_payload, new_uuid
from leadq.store.records import NewJob
from leadq.store.store import Store

PRIORITY_RANGE = range(-(2**31), 2**31)
QUEUE_LIMIT = 255  # characters; the column's width


@dataclass(frozen=True, kw_only=True)
class DispatchedJob:
    """A job that was stored."""

    id: int
    uuid: str
    queue: str
    priority: int
    available_at: int


def dispatch(
    store: Store,
    job: Job,
    *,
    default_queue: str,
    queue: str | None = None,
    delay: float = 0,
    priority: int | None = None,
    batch_id: str | None = None,
) -> DispatchedJob:
    """Stores a job. Inside an open transaction of the store it commits or rolls back with it.

    Args:
        store: where.
        job: what.
        default_queue: the queue where neither `queue` nor the job names one.
        queue: beats the job's own.
        delay: seconds until it may run.
        priority: beats the job's own; lower runs first.
        batch_id: the batch that it belongs to. The caller counts it there, by `store.batches.add`.

    Raises:
        InvalidInput: the job's data is not plain JSON, the priority is out of range, or the queue's name too long.
    """
    new = new_job(
        job,
        now=store.now(),
        default_queue=default_queue,
        queue=queue,
        delay=delay,
        priority=priority,
        batch_id=batch_id,
    )
    return DispatchedJob(
        id=store.jobs.enqueue(new),
        uuid=new.uuid,
        queue=new.queue,
        priority=new.priority,
        available_at=new.available_at,
    )


def new_job(
    job: Job,
    *,
    now: int,
    default_queue: str,
    queue: str | None = None,
    delay: float = 0,
    priority: int | None = None,
    batch_id: str | None = None,
) -> NewJob:
    """What `dispatch` stores. `now` is the store's time; the other arguments and errors are those of `dispatch`."""
    rank = job.priority if priority is None else priority
    if rank not in PRIORITY_RANGE:
        raise InvalidInput(f"priority {rank} is out of range: expected {PRIORITY_RANGE[0]} to {PRIORITY_RANGE[-1]}")
    name = queue or job.queue or default_queue
    if len(name) > QUEUE_LIMIT:
        raise InvalidInput(f"the queue's name has {len(name)} characters: expected at most {QUEUE_LIMIT}")
    uuid = new_uuid()
    try:
        payload = encode_payload(payload_of(job, uuid=uuid, created_at=now))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the data of {type(job).__name__} is not plain JSON: {error}") from error
    return NewJob(
        uuid=uuid,
        queue=name,
        payload=payload,
        priority=rank,
        available_at=now + math.ceil(delay),
        created_at=now,
        batch_id=batch_id,
    )
