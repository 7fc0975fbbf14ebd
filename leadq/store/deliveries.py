"""Deliveries: the record of each notification, and the events that make up its story."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from peewee import Value

from leadq.store.outcomes import Completed, Failed, GivenBack, Held, Outcome, Released
from leadq.store.prepared import Prepared, PreparedRows, Slot
from leadq.store.records import Delivery, DeliveryStatus, Event
from leadq.store.session import Session, in_transaction
from leadq.store.tables import COLUMNS

# characters that the columns have room for: that a mail was accepted is recorded, whatever words a job finds for it
MESSAGE_ID_LIMIT = 255
REPLY_LIMIT = 16_000


class Deliveries:
    """The rows of `deliveries` and `delivery_events`. A delivery's uuid is its job's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.deliveries
        self._events = session.tables.delivery_events

    @in_transaction
    def create(self, *, uuid: str, lead_id: int, user_id: int, queued_at: int, test: bool = False) -> Delivery:
        """Opens the record of a notification."""
        delivery = Delivery(
            uuid=uuid,
            lead_id=lead_id,
            user_id=user_id,
            status=DeliveryStatus.QUEUED,
            attempts=0,
            message_id=None,
            reply=None,
            error=None,
            queued_at=queued_at,
            sent_at=None,
            test=test,
        )
        self._insert.execute([(uuid, lead_id, user_id, delivery.status.value, 0, queued_at, int(test))])
        return delivery

    @in_transaction
    def create_many(self, notifications: Sequence[tuple[str, int, int]], *, queued_at: int) -> None:
        """Opens the records of notifications, each given by its uuid, lead and user."""
        if notifications:
            waiting = DeliveryStatus.QUEUED.value
            self._insert.execute([(*notification, waiting, 0, queued_at, 0) for notification in notifications])

    def find(self, uuid: str) -> Delivery | None:
        """One delivery."""
        with self._session.reading():
            row = self._one.row(uuid=uuid)
        return None if row is None else _delivery(dict(zip(COLUMNS["deliveries"], row, strict=True)))

    def of_lead(self, lead_id: int) -> list[Delivery]:
        """A lead's deliveries, oldest first."""
        with self._session.reading():
            rows = self._rows.select().where(self._rows.lead_id == lead_id).order_by(self._rows.id)
            return [_delivery(row) for row in rows.dicts()]

    def events(self, uuid: str) -> list[Event]:
        """What happened to a delivery, apart from its beginning and a good end, oldest first."""
        with self._session.reading():
            rows = self._events.select().where(self._events.uuid == uuid).order_by(self._events.id)
            return [
                Event(at=row["at"], event=row["event"], attempt=row["attempt"], detail=row["detail"])
                for row in rows.dicts()
            ]

    def record(self, uuid: str, *, attempts: int, outcome: Outcome, owned: bool) -> None:
        """Writes how an attempt ended, where the job has a delivery. One that was sent stays so, whatever follows.

        Args:
            uuid: the job's.
            attempts: the number of the attempt.
            outcome: how it ended.
            owned: whether the claim still held. A lost claim changes nothing, but for a mail that went out.
        """
        match outcome:
            case Completed(receipt=receipt) if receipt is not None:
                self._note_sent.execute(
                    uuid=uuid,
                    attempts=attempts,
                    message_id=receipt.message_id[:MESSAGE_ID_LIMIT],
                    reply=receipt.reply[:REPLY_LIMIT],
                    now=self._session.now(),
                )
            case Released() if owned:
                if self._update_unsent(uuid, attempts=attempts, error=outcome.error):
                    self.add_event(uuid, event="released", attempt=attempts, detail=outcome.error)
            case Failed() if owned:
                counted = attempts if outcome.ran else attempts - 1
                if self._update_unsent(uuid, attempts=counted, error=outcome.error):
                    self._fail_waiting(uuid)
                    self.add_event(uuid, event="failed", attempt=counted, detail=outcome.error)
            case GivenBack() if owned and self.find(uuid):
                self.add_event(uuid, event="given back", attempt=attempts, detail=outcome.reason)
            case Held() if owned and self.find(uuid):
                self.add_event(uuid, event="held", attempt=attempts, detail=outcome.error)

    def reopen(self, uuids: Sequence[str], *, force: bool) -> None:
        """Makes deliveries wait again because their jobs are retried; those that were sent only with `force`."""
        again = [DeliveryStatus.FAILED.value] + ([DeliveryStatus.SENT.value] if force else [])
        chosen = self._rows.uuid.in_(list(uuids)) & self._rows.status.in_(again)
        locked = self._session.locking(self._rows.select(self._rows.uuid).where(chosen).order_by(self._rows.uuid))
        found = [uuid for (uuid,) in locked.tuples()]
        if not found:
            return
        chosen, events = self._rows.uuid.in_(found), self._events
        story = self._rows.select(self._rows.uuid, Value(self._session.now()), Value("retried")).where(chosen)
        events.insert(story, columns=[events.uuid, events.at, events.event]).execute()
        self._rows.update(status=DeliveryStatus.QUEUED.value, sent_at=None).where(chosen).execute()

    @in_transaction
    def drop_unsent(self, uuids: Sequence[str], *, event: str) -> None:
        """Gives up the notifications with these uuids that have not been sent."""
        unsent = self._rows.status.in_([DeliveryStatus.QUEUED.value, DeliveryStatus.FAILED.value])
        chosen = self._rows.uuid.in_(list(uuids)) & unsent
        story = self._rows.select(self._rows.uuid, Value(self._session.now()), Value(event)).where(chosen)
        events = self._events
        events.insert(story, columns=[events.uuid, events.at, events.event]).execute()
        self._rows.update(status=DeliveryStatus.DROPPED.value).where(chosen).execute()

    def note_abandoned(self, uuid: str, *, attempts: int, reason: str) -> None:
        """Writes that an attempt ended with its worker, where the job has a delivery."""
        if self._update_unsent(uuid, attempts=attempts, error=reason):
            self.add_event(uuid, event="abandoned", attempt=attempts, detail=reason)

    def add_event(self, uuid: str, *, event: str, attempt: int | None, detail: str | None) -> None:
        """Adds a line to a delivery's story."""
        self._events.insert(uuid=uuid, at=self._session.now(), event=event, attempt=attempt, detail=detail).execute()

    @cached_property
    def _insert(self) -> PreparedRows:
        columns = ("uuid", "lead_id", "user_id", "status", "attempts", "queued_at", "test")
        return self._session.prepare_rows(self._rows, columns)

    @cached_property
    def _one(self) -> Prepared:
        return self._session.prepare(self._rows.select().where(self._rows.uuid == Slot("uuid")))

    @cached_property
    def _note_sent(self) -> Prepared:
        sent = self._rows.update(
            status=DeliveryStatus.SENT.value,
            attempts=Slot("attempts"),
            message_id=Slot("message_id"),
            reply=Slot("reply"),
            error=None,
            sent_at=Slot("now"),
        )
        return self._session.prepare(sent.where(self._rows.uuid == Slot("uuid")))

    def _fail_waiting(self, uuid: str) -> None:
        # one that was dropped stays so: its lead is somebody else's now, and a retry must not tell this user
        waiting = (self._rows.uuid == uuid) & (self._rows.status == DeliveryStatus.QUEUED.value)
        self._rows.update(status=DeliveryStatus.FAILED.value).where(waiting).execute()

    def _update_unsent(self, uuid: str, **changes: Any) -> int:
        unsent = (self._rows.uuid == uuid) & (self._rows.status != DeliveryStatus.SENT.value)
        changed: int = self._rows.update(**changes).where(unsent).execute()
        return changed


def _delivery(row: dict[str, Any]) -> Delivery:
    values = {key: value for key, value in row.items() if key != "id"}
    return Delivery(**{**values, "status": DeliveryStatus(row["status"]), "test": bool(row["test"])})
