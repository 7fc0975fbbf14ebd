"""Leads and what has become of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from peewee import fn

from leadq.errors import NotFound, StoreError
from leadq.store.prepared import Prepared, PreparedRows, Slot
from leadq.store.records import DeliveryStatus, Lead, UnstoredLead
from leadq.store.session import Session, in_transaction
from leadq.store.tables import COLUMNS

LEAD_COLUMNS = tuple(column for column in COLUMNS["leads"] if column != "email_key")
NOTIFICATIONS = ("none", "queued", "sent", "failed")


@dataclass(frozen=True, kw_only=True)
class ListedLead:
    """A lead in a list, with where its notification stands: one of NOTIFICATIONS."""

    lead: Lead
    notification: str


class Leads:
    """The rows of `leads`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.leads
        self._deliveries = session.tables.deliveries

    @in_transaction
    def create(
        self,
        *,
        name: str,
        email: str,
        phone: str | None = None,
        company: str | None = None,
        source: str | None = None,
        message: str | None = None,
        user_id: int | None,
    ) -> Lead:
        """Stores a lead."""
        fields: dict[str, Any] = {"name": name, "email": email, "phone": phone, "company": company, "source": source}
        created_at = self._session.now()
        lead_id = self._insert.stored((*fields.values(), message, user_id, created_at))
        return Lead(**fields, id=lead_id, message=message, user_id=user_id, created_at=created_at)

    @in_transaction
    def create_many(self, leads: Sequence[UnstoredLead]) -> Sequence[int]:
        """Stores leads and returns their ids, in their order.

        Raises:
            StoreError: the database has numbered them in a way that is not known here; nothing is stored then.
        """
        if not leads:
            return ()
        now = self._session.now()
        rows = [
            (new.name, new.email, new.phone, new.company, new.source, new.message, new.user_id, now) for new in leads
        ]
        ids = self._session.ids_inserted(self._insert.execute(rows), len(rows))
        self._require(ids, leads)
        return ids

    def addresses_among(self, addresses: Iterable[str]) -> set[str]:
        """The keys (see address_key) of those of `addresses` that a lead has, whatever its case."""
        # the database folds a letter beyond ASCII or leaves it (SQLite): it is found by either
        sought = {key for address in addresses for key in (address_key(address), _ascii_folded(address))}
        if not sought:
            return set()
        rows = self._rows
        with self._session.reading():
            found = rows.select(rows.email).where(rows.email_key.in_(sorted(sought))).tuples()
            return {address_key(email) for (email,) in found}

    def find(self, lead_id: int) -> Lead | None:
        """One lead, or None."""
        with self._session.reading():
            row = self._one.row(id=lead_id)
        return None if row is None else Lead(**dict(zip(LEAD_COLUMNS, row, strict=True)))

    def get(self, lead_id: int) -> Lead:
        """One lead.

        Raises:
            NotFound: there is none.
        """
        lead = self.find(lead_id)
        if lead is None:
            raise _no_lead(lead_id)
        return lead

    @in_transaction
    def locked(self, lead_id: int) -> Lead:
        """One lead, which nobody else changes until the transaction ends.

        Raises:
            NotFound: there is none.
        """
        for row in self._session.locking(self._select().where(self._rows.id == lead_id)).dicts():
            return Lead(**row)
        raise _no_lead(lead_id)

    def first(self) -> Lead | None:
        """The oldest lead."""
        with self._session.reading():
            for row in self._select().order_by(self._rows.id).limit(1).dicts():
                return Lead(**row)
        return None

    @in_transaction
    def set_user(self, lead_id: int, user_id: int) -> None:
        """Gives a lead to a user."""
        self._rows.update(user_id=user_id).where(self._rows.id == lead_id).execute()

    def listing(
        self, *, user_id: int | None = None, notification: str | None = None, since: int | None = None, limit: int
    ) -> tuple[list[ListedLead], int]:
        """The newest first, `limit` at most, and how many there are in all.

        Args:
            user_id: only this user's.
            notification: only those whose notification stands so; one of NOTIFICATIONS.
            since: only those created at or after this time.
            limit: how many to return.
        """
        leads = self._rows
        standing = self._standing()
        chosen = leads.id > 0
        if user_id is not None:
            chosen &= leads.user_id == user_id
        if since is not None:
            chosen &= leads.created_at >= since
        if notification is not None:
            chosen &= standing == notification
        with self._session.reading():
            total: int = leads.select(leads.id).where(chosen).count()
            rows = self._select(standing.alias("notification")).where(chosen)
            return [_listed(row) for row in rows.order_by(leads.id.desc()).limit(limit).dicts()], total

    @cached_property
    def _insert(self) -> PreparedRows:
        fields = ("name", "email", "phone", "company", "source", "message", "user_id", "created_at")
        return self._session.prepare_rows(self._rows, fields)

    def _require(self, ids: range, leads: Sequence[UnstoredLead]) -> None:
        """Returns where `leads` stand under `ids`: a notification about the wrong lead is worse than none."""
        rows = self._rows
        stored = rows.select(rows.id, rows.email).where(rows.id.between(ids[0], ids[-1])).order_by(rows.id)
        found = [(lead_id, email) for lead_id, email in stored.tuples() if lead_id in ids]
        if found != [(lead_id, new.email) for lead_id, new in zip(ids, leads, strict=True)]:
            raise StoreError(
                "the database has not numbered new leads in a row",
                hint="Is its auto_increment_increment being changed? Try again.",
            )

    def _select(self, *more: Any) -> Any:
        """A lead's own columns, and those given."""
        return self._rows.select(*[getattr(self._rows, column) for column in LEAD_COLUMNS], *more)

    @cached_property
    def _one(self) -> Prepared:
        return self._session.prepare(self._select().where(self._rows.id == Slot("id")))

    def _standing(self) -> Any:
        """The status of a lead's newest notification that was not given up, or `none`."""
        deliveries = self._deliveries
        newest = (
            deliveries.select(deliveries.status)
            .where(
                (deliveries.lead_id == self._rows.id)
                & (deliveries.status != DeliveryStatus.DROPPED.value)
                & (deliveries.test == 0)
            )
            .order_by(deliveries.id.desc())
            .limit(1)
        )
        return fn.COALESCE(newest, "none")


def address_key(address: str) -> str:
    """What two addresses share that differ in case alone."""
    return address.lower()


def _ascii_folded(address: str) -> str:
    if address.isascii():
        return address.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in address)


def _no_lead(lead_id: int) -> NotFound:
    return NotFound(f"there is no lead {lead_id}", hint="See: leadq lead list")


def _listed(row: dict[str, Any]) -> ListedLead:
    notification = row.pop("notification")
    return ListedLead(lead=Lead(**row), notification=notification)
