"""Leads and what has become of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import fn

from leadq.errors import NotFound
from leadq.store.records import DeliveryStatus, Lead
from leadq.store.session import Session, in_transaction
from leadq.store.tables import columns

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
        lead_id = self._rows.insert(**fields, message=message, user_id=user_id, created_at=created_at).execute()
        return Lead(**fields, id=lead_id, message=message, user_id=user_id, created_at=created_at)

    def find(self, lead_id: int) -> Lead | None:
        """One lead, or None."""
        with self._session.reading():
            for row in self._rows.select().where(self._rows.id == lead_id).dicts():
                return Lead(**row)
        return None

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
        for row in self._session.locking(self._rows.select().where(self._rows.id == lead_id)).dicts():
            return Lead(**row)
        raise _no_lead(lead_id)

    def first(self) -> Lead | None:
        """The oldest lead."""
        with self._session.reading():
            for row in self._rows.select().order_by(self._rows.id).limit(1).dicts():
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
            rows = leads.select(*columns(leads, "leads"), standing.alias("notification")).where(chosen)
            return [_listed(row) for row in rows.order_by(leads.id.desc()).limit(limit).dicts()], total

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


def _no_lead(lead_id: int) -> NotFound:
    return NotFound(f"there is no lead {lead_id}", hint="See: leadq lead list")


def _listed(row: dict[str, Any]) -> ListedLead:
    notification = row.pop("notification")
    return ListedLead(lead=Lead(**row), notification=notification)
