"""One chunk of an import: its leads, their jobs and the batch are stored in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from leadq.dispatching import new_job
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.lead_import.records import Record
from leadq.lead_import.round import Round
from leadq.leads import NewLead, Routing
from leadq.store.leads import address_key
from leadq.store.records import NewJob, UnstoredLead
from leadq.store.store import Store
from leadq.text import one_line, storable

NAME_LIMIT = 200  # characters; the column of a batch's name has room for some more


class OnDuplicate(StrEnum):
    """What becomes of a row whose address a lead has already, or an earlier row."""

    SKIP = "skip"
    CREATE = "create"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A record that describes a lead, checked."""

    record: Record
    lead: NewLead


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What became of a chunk.

    Attributes:
        created: how many leads were stored.
        unassigned: how many of them belong to nobody.
        duplicates: the rows whose address was there already.
        batch_id: the batch that the jobs belong to; None where there is none so far.
    """

    created: int
    unassigned: int
    duplicates: Sequence[Row]
    batch_id: str | None


def require_usable(store: Store, user: str | None, routing: Routing) -> None:
    """Returns where leads can be stored so; otherwise says why not before there are any.

    Raises:
        NotFound: there is no such user.
        InvalidInput: the priority or the queue's name is out of range.
    """
    if user is not None:
        store.users.find(user)
    _job(SendLeadCreatedEmail(lead_id=0), routing, now=0, batch_id=None)


class StoredChunks:
    """Stores one chunk after the other, the jobs of all in one batch.

    Args:
        store: where.
        file: what they come from; the batch is named for it.
        user: number or address of whose all leads are; None gives each to who has waited longest.
        routing: the notifications' queue, delay and priority.
        on_duplicate: what becomes of a row whose address is there already.
    """

    def __init__(
        self, store: Store, *, file: Path, user: str | None, routing: Routing, on_duplicate: OnDuplicate
    ) -> None:
        self._store = store
        self._name = f"import of {one_line(storable(file.name), limit=NAME_LIMIT)}"
        self._user = user
        self._routing = routing
        self._on_duplicate = on_duplicate
        self._batch_id: str | None = None

    def take(self, rows: Sequence[Row]) -> Stored:
        """Stores the leads of `rows` with their notifications: all or none.

        Raises:
            NotFound: the user is gone.
            StoreError: nothing was stored.
        """
        stored = self._store.transact(lambda: self._store_rows(rows))
        self._batch_id = stored.batch_id
        return stored

    def _store_rows(self, rows: Sequence[Row]) -> Stored:
        store = self._store
        next_user = self._next_user()  # first: whoever imports the same file just now waits here
        new, duplicates = list(rows), list[Row]()
        if self._on_duplicate is not OnDuplicate.CREATE:
            new, duplicates = split(rows, store.leads.addresses_among(row.lead.email for row in rows))
        owners = [next_user() for _ in new]
        ids = store.leads.create_many([_unstored(row.lead, owner) for row, owner in zip(new, owners, strict=True)])
        owned = [(lead_id, owner) for lead_id, owner in zip(ids, owners, strict=True) if owner is not None]
        return Stored(
            created=len(new),
            unassigned=len(new) - len(owned),
            duplicates=duplicates,
            batch_id=self._notify(owned) if owned else self._batch_id,
        )

    def _next_user(self) -> Callable[[], int | None]:
        if self._user is not None:
            owner = self._store.users.locked(self._user).id
            return lambda: owner
        return Round(self._store.users.turns(), self._store.now()).next_user

    def _notify(self, owned: Sequence[tuple[int, int]]) -> str:
        store, now = self._store, self._store.now()
        batch_id = self._batch_id or store.batches.create(name=self._name)
        jobs = [
            _job(SendLeadCreatedEmail(lead_id=lead_id, user_id=user_id), self._routing, now=now, batch_id=batch_id)
            for lead_id, user_id in owned
        ]
        store.jobs.enqueue_many(jobs)
        notifications = [(job.uuid, lead_id, user_id) for job, (lead_id, user_id) in zip(jobs, owned, strict=True)]
        store.deliveries.create_many(notifications, queued_at=now)
        store.batches.add(batch_id, len(jobs))
        for user_id, last_lead in {user_id: lead_id for lead_id, user_id in owned}.items():
            store.users.note_lead(user_id, last_lead)
        return batch_id


class TriedChunks:
    """Says what StoredChunks would do, and stores nothing."""

    def __init__(self, store: Store, *, user: str | None, on_duplicate: OnDuplicate) -> None:
        self._store = store
        self._on_duplicate = on_duplicate
        self._has_user = user is not None or store.users.first_active() is not None
        # what the database would know of the rows before; a number each rather than an address
        self._seen: set[int] = set()

    def take(self, rows: Sequence[Row]) -> Stored:
        """What would become of the leads of `rows`."""
        new, duplicates = list(rows), list[Row]()
        if self._on_duplicate is not OnDuplicate.CREATE:
            keys = {address_key(row.lead.email) for row in rows}
            taken = {key for key in keys if hash(key) in self._seen}
            new, duplicates = split(rows, taken | self._store.leads.addresses_among(keys))
            self._seen.update(map(hash, keys))
        return Stored(
            created=len(new),
            unassigned=0 if self._has_user else len(new),
            duplicates=duplicates,
            batch_id=None,
        )


def split(rows: Sequence[Row], taken: Iterable[str]) -> tuple[list[Row], list[Row]]:
    """The rows that come first with their address, and those whose address is `taken` by then."""
    known, new, duplicates = set(taken), list[Row](), list[Row]()
    for row in rows:
        key = address_key(row.lead.email)
        (duplicates if key in known else new).append(row)
        known.add(key)
    return new, duplicates


def _job(job: SendLeadCreatedEmail, routing: Routing, *, now: int, batch_id: str | None) -> NewJob:
    return new_job(
        job,
        now=now,
        default_queue=routing.default_queue,
        queue=routing.queue,
        delay=routing.delay,
        priority=routing.priority,
        batch_id=batch_id,
    )


def _unstored(lead: NewLead, user_id: int | None) -> UnstoredLead:
    return UnstoredLead(
        name=lead.name,
        email=lead.email,
        phone=lead.phone,
        company=lead.company,
        source=lead.source,
        message=lead.message,
        user_id=user_id,
    )
