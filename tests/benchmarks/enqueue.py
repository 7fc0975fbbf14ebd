"""Leads a second that are stored with their notification, beside bare INSERTs of the same rows with as many commits."""

from __future__ import annotations

import time
from collections.abc import Iterator

from leadq.leads import create_lead
from leadq.payload import new_uuid
from tests.benchmarks.bare_connection import BareConnection, connect
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.mails import ROUTING, new_lead
from tests.benchmarks.rounds import interleaved
from tests.homes import Home


def figures(bench: Bench) -> Iterator[Figure]:
    home, leads = bench.home(own_jobs=False), bench.plan.share(1000)
    home.leadq("user", "create", "--name", "Sam Sales", "--email", "sam@acme.example")
    found = interleaved(
        bench.plan.rounds,
        {"bare": lambda: rate_of_inserts(home, leads), "leadq": lambda: rate_of_create_lead(home, leads)},
    )
    yield Figure(
        what="leads by create_lead",
        jobs=leads,
        unit="leads/s",
        leadq=found["leadq"],
        baseline=found["bare"],
        beside="bare INSERTs",
        wish=Wish(sign="≥", bound=0.5),
    )


def rate_of_create_lead(home: Home, leads: int) -> float:
    with home.store() as store:
        store.now()  # has it connected
        started = time.monotonic()
        for _ in range(leads):
            create_lead(store, new_lead(), routing=ROUTING)
        return leads / (time.monotonic() - started)


def rate_of_inserts(home: Home, leads: int) -> float:
    bare = connect(home.path, home.environment)
    with bare.resource:
        started = time.monotonic()
        for _ in range(leads):
            insert_lead(bare)
        return leads / (time.monotonic() - started)


def insert_lead(bare: BareConnection) -> None:
    """The rows of one lead, in one transaction."""
    lead, uuid, now = new_lead(), new_uuid(), int(time.time())
    bare.execute(bare.begin)
    lead_id = _insert(
        bare,
        "leads",
        name=lead.name,
        email=lead.email,
        phone=lead.phone,
        company=lead.company,
        source=lead.source,
        message=lead.message,
        user_id=1,
        created_at=now,
    )
    payload = (
        f'{{"uuid":"{uuid}","displayName":"SendLeadCreatedEmail","job":"SendLeadCreatedEmail","maxTries":null,'
        f'"timeout":null,"backoff":null,"createdAt":{now},"data":{{"lead_id":{lead_id},"user_id":1,"test":false}}}}'
    )
    _insert(bare, "jobs", queue="default", payload=payload, available_at=now, created_at=now, stage=1, uuid=uuid)
    _insert(bare, "deliveries", uuid=uuid, lead_id=lead_id, user_id=1, status="queued", queued_at=now)
    bare.execute("COMMIT")


def _insert(bare: BareConnection, table: str, **row: object) -> int:
    marks = ", ".join([bare.mark] * len(row))
    cursor = bare.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    return int(cursor.lastrowid)
