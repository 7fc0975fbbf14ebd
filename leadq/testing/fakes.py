"""fake(): what is dispatched is captured, and nothing is stored."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from leadq import clock, embedding
from leadq.dispatching import new_job
from leadq.job import Job, job_from
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.leads import NewLead, validated
from leadq.payload import decode_payload
from leadq.store.records import Lead, User
from leadq.testing.outbox import outbox
from leadq.users import validated as validated_user

QUEUE = "default"  # stands for DB_QUEUE: a fake has no settings

J = TypeVar("J", bound=Job)


@dataclass(frozen=True, kw_only=True)
class FakedJob:
    """A job that was dispatched inside fake().

    Attributes:
        job: as a worker would get it.
        queue: `default` where neither the call nor the job names one.
        delay: seconds.
    """

    uuid: str
    job: Job
    queue: str
    delay: float
    priority: int


@dataclass(frozen=True, kw_only=True)
class FakedLead:
    """A lead that was created inside fake(). `user` is as it was given: a number, an address, or None."""

    lead: Lead
    user: str | None


class Fake:
    """What was asked for inside fake().

    Attributes:
        jobs: every dispatched job, the notification of each lead included, in order.
        leads: every created lead, in order.
        users: every created user, in order.
    """

    def __init__(self) -> None:
        self.jobs: list[FakedJob] = []
        self.leads: list[FakedLead] = []
        self.users: list[User] = []
        self._lead_ids = itertools.count(1)
        self._user_ids = itertools.count(1)

    def dispatched(self, kind: type[J]) -> list[J]:
        """The dispatched jobs of a class, in order; empty, and so false, where there are none."""
        return [faked.job for faked in self.jobs if isinstance(faked.job, kind)]

    def create_lead(self, new: NewLead, *, user: str | None, queue: str | None, delay: float, priority: int) -> Lead:
        """See leadq.create_lead. Any user is accepted, since none is known but those created here."""
        checked = validated(new)
        user_id = self._user_id(user)
        lead = Lead(
            id=next(self._lead_ids),
            name=checked.name,
            email=checked.email,
            phone=checked.phone,
            company=checked.company,
            source=checked.source,
            message=checked.message,
            user_id=user_id,
            created_at=clock.now(),
        )
        self.dispatch(
            SendLeadCreatedEmail(lead_id=lead.id, user_id=user_id), queue=queue, delay=delay, priority=priority
        )
        self.leads.append(FakedLead(lead=lead, user=user))
        return lead

    def create_user(self, *, name: str, email: str) -> User:
        """See leadq.create_user."""
        name, address = validated_user(name, email)
        user = User(id=next(self._user_ids), name=name, email=address, active=True, created_at=clock.now())
        self.users.append(user)
        return user

    def dispatch(self, job: Job, *, queue: str | None, delay: float, priority: int | None) -> str:
        """See leadq.dispatch."""
        new = new_job(job, now=clock.now(), default_queue=QUEUE, queue=queue, delay=delay, priority=priority)
        faked = FakedJob(
            uuid=new.uuid,
            job=job_from(decode_payload(new.payload)),
            queue=new.queue,
            delay=delay,
            priority=new.priority,
        )
        self.jobs.append(faked)
        return faked.uuid

    def _user_id(self, user: str | None) -> int | None:
        if user is not None and user.isascii() and user.isdigit():
            return int(user)
        wanted = self.users if user is None else [one for one in self.users if one.email.lower() == user.lower()]
        return wanted[0].id if wanted else None


@contextmanager
def fake() -> Iterator[Fake]:
    """Inside, leads, users and jobs are captured rather than stored, in every thread. No home or database is needed.

    What could not be stored is refused here, too.
    """
    outbox.clear()
    captured = Fake()
    before = embedding.redirect(captured)
    try:
        yield captured
    finally:
        embedding.redirect(before)
