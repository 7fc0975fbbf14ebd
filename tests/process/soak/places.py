"""Where each job is, as of one moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.homes import Home

RESERVED = 2  # jobs.stage

JOBS = "SELECT uuid, payload, stage, attempts, reserved_at, worker_id FROM jobs"
FAILED = "SELECT uuid, payload, attempts FROM failed_jobs"
DELIVERIES = "SELECT uuid, lead_id, status, attempts, message_id, sent_at, error FROM deliveries"
LEADS = "SELECT id, email FROM leads"
WORKERS = "SELECT id FROM workers"
# attempts of which nobody knows whether the mail was accepted
BROKEN_OFF = (
    "SELECT uuid, COUNT(*) FROM delivery_events WHERE event IN ('abandoned', 'given back')"
    " OR detail LIKE '%has the mail and did not answer%' OR detail LIKE '%has timed out%' GROUP BY uuid"
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of `jobs`."""

    uuid: str | None
    payload: str
    stage: int
    attempts: int
    reserved_at: int | None
    worker_id: int | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A row of `deliveries`."""

    uuid: str
    lead_id: int
    status: str
    attempts: int
    message_id: str | None
    sent_at: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Places:
    """The tables.

    Attributes:
        failed: uuid, payload and attempts of each failed job.
        leads: the number of each lead by its address.
        workers: the numbers of those that are entered.
        broken_off: how many attempts of a job may have sent its mail without a record of it.
    """

    jobs: list[Job]
    failed: list[tuple[str, str, int]]
    deliveries: list[Delivery]
    leads: dict[str, int]
    workers: set[int]
    broken_off: dict[str, int]

    @classmethod
    def seen(cls, home: Home) -> Places:
        """Reads a home's database in one transaction."""
        jobs, failed, deliveries, leads, workers, broken_off = home.database.snapshot(
            JOBS, FAILED, DELIVERIES, LEADS, WORKERS, BROKEN_OFF
        )
        return cls(
            jobs=[Job(**dict(zip(Job.__annotations__, row, strict=True))) for row in jobs],
            failed=failed,  # type: ignore[arg-type]
            deliveries=[Delivery(**dict(zip(Delivery.__annotations__, row, strict=True))) for row in deliveries],
            leads={address: lead_id for lead_id, address in leads},
            workers={worker_id for (worker_id,) in workers},
            broken_off=dict(broken_off),  # type: ignore[arg-type]
        )

    def places_of_leads(self) -> Counter[int]:
        """In how many places the notification of each lead is: that of its delivery, or of a row without one."""
        told = Counter(delivery.lead_id for delivery in self.deliveries)
        known = {delivery.uuid for delivery in self.deliveries}
        rows = [(job.uuid, job.payload) for job in self.jobs] + [(uuid, payload) for uuid, payload, _ in self.failed]
        told.update(_leads_of(payload for uuid, payload in rows if uuid not in known))
        return told


def _leads_of(payloads: Iterator[str]) -> Iterator[int]:
    for payload in payloads:
        lead_id = json.loads(payload)["data"].get("lead_id")
        if lead_id is not None:
            yield lead_id
