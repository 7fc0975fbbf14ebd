"""Leads: creating one and giving it to somebody, each with its notification in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leadq.addresses import mailbox
from leadq.dispatching import DispatchedJob, dispatch
from leadq.errors import InvalidInput, NotFound
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.store.records import Delivery, DeliveryStatus, Lead, User
from leadq.store.store import Store
from leadq.text import one_line

FIELD_LIMIT = 255  # characters; the columns' width
MESSAGE_LIMIT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class NewLead:
    """A lead as somebody typed it."""

    name: str
    email: str
    phone: str | None = None
    company: str | None = None
    source: str | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Routing:
    """Where a notification goes. `default_queue` is used where `queue` is None; `delay` is in seconds.

    The caller counts a notification with a `batch_id` in its batch, by `store.batches.add`.
    """

    default_queue: str
    queue: str | None = None
    delay: float = 0
    priority: int = 0
    batch_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotifiedLead:
    """A lead, whose it is, and the job that tells them. `user` and `job` are None where nobody is active."""

    lead: Lead
    user: User | None
    job: DispatchedJob | None


def create_lead(store: Store, new: NewLead, *, user: str | None = None, routing: Routing) -> NotifiedLead:
    """Stores a lead and its notification: both or neither.

    Args:
        store: where.
        new: the lead.
        user: number or address of whose it is; None gives it to the active user who has waited longest.
        routing: the notification's queue, delay and priority.

    Raises:
        InvalidInput: a field is empty, too long, or the address is none.
        NotFound: there is no such user.
    """
    checked = validated(new)

    def create() -> NotifiedLead:
        owner = store.users.locked(user) if user is not None else store.users.next_in_turn()
        lead = store.leads.create(
            name=checked.name,
            email=checked.email,
            phone=checked.phone,
            company=checked.company,
            source=checked.source,
            message=checked.message,
            user_id=owner.id if owner else None,
        )
        return NotifiedLead(lead=lead, user=owner, job=_notify(store, lead, owner, routing) if owner else None)

    return store.transact(create)


def assign_lead(store: Store, lead_id: int, user: str, *, routing: Routing) -> NotifiedLead:
    """Gives a lead to a user, who is told exactly once.

    A notification still waiting for somebody else is dropped. Where the lead is the user's already and
    their notification is waiting or sent, nothing changes and no job is made.

    Raises:
        NotFound: there is no such lead or user.
    """

    def assign() -> NotifiedLead:
        owner, lead = store.users.locked(user), store.leads.locked(lead_id)
        own = [delivery for delivery in store.deliveries.of_lead(lead.id) if not delivery.test]
        deliveries = [delivery for delivery in own if delivery.status is not DeliveryStatus.DROPPED]
        theirs = [d for d in deliveries if d.user_id == owner.id and d.status is not DeliveryStatus.FAILED]
        if lead.user_id == owner.id and theirs:
            return NotifiedLead(lead=lead, user=owner, job=_waiting_job(store, theirs[-1]))
        unsent = [d.uuid for d in deliveries if d.status is not DeliveryStatus.SENT]
        store.deliveries.drop_unsent(unsent, event="reassigned")
        store.leads.set_user(lead.id, owner.id)
        job = _notify(store, lead, owner, routing)
        store.jobs.drop_waiting(unsent)  # last, since it may lock the row of a batch
        return NotifiedLead(lead=replace(lead, user_id=owner.id), user=owner, job=job)

    return store.transact(assign)


def dispatch_test(store: Store, *, lead_id: int | None, user_id: int | None, routing: Routing) -> NotifiedLead:
    """Stores a real notification that is marked as a test.

    Args:
        store: where.
        lead_id: what it is about; None takes the first lead.
        user_id: who is told; None takes the first active user.
        routing: its queue, delay and priority.

    Raises:
        NotFound: there is no such lead or user, or none at all.
    """

    def dispatch_one() -> NotifiedLead:
        lead = store.leads.get(lead_id) if lead_id is not None else store.leads.first()
        if lead is None:
            raise NotFound("there is no lead to test with", hint="Create one with: leadq lead create")
        user = store.users.get(user_id) if user_id is not None else store.users.first_active()
        if user is None:
            raise NotFound(
                "there is no active user to test with",
                hint="Add one with: leadq user create --name NAME --email ADDRESS",
            )
        return NotifiedLead(lead=lead, user=user, job=_notify(store, lead, user, routing, test=True))

    return store.transact(dispatch_one)


def validated(new: NewLead) -> NewLead:
    """`new` with blanks trimmed and the address normalised; otherwise kept as it was typed.

    Raises:
        InvalidInput: the name is empty, a field is too long or no text, or the address is none.
    """
    fields = {
        "name": new.name,
        "email": mailbox(new.email).address,
        "phone": new.phone,
        "company": new.company,
        "source": new.source,
        "message": new.message,
    }
    kept = {field: _trimmed(field, value) for field, value in fields.items()}
    if kept["name"] is None:
        raise InvalidInput("the lead's name is empty")
    return NewLead(**kept)  # type: ignore[arg-type]  # name and email are there


def _trimmed(field: str, value: str | None) -> str | None:
    text = (value or "").strip()
    limit = MESSAGE_LIMIT if field == "message" else FIELD_LIMIT
    if len(text) > limit:
        raise InvalidInput(f"the lead's {field} has {len(text)} characters: expected at most {limit}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(f"the lead's {field} is not valid UTF-8 text") from None
    return text if one_line(text) else None


def _notify(store: Store, lead: Lead, user: User, routing: Routing, *, test: bool = False) -> DispatchedJob:
    job = dispatch(
        store,
        SendLeadCreatedEmail(lead_id=lead.id, user_id=user.id, test=test),
        default_queue=routing.default_queue,
        queue=routing.queue,
        delay=routing.delay,
        priority=routing.priority,
        batch_id=routing.batch_id,
    )
    store.deliveries.create(uuid=job.uuid, lead_id=lead.id, user_id=user.id, queued_at=store.now(), test=test)
    if not test:
        store.users.note_lead(user.id, lead.id)
    return job


def _waiting_job(store: Store, delivery: Delivery) -> DispatchedJob | None:
    row = store.jobs.by_uuid(delivery.uuid)
    if row is None:
        return None
    return DispatchedJob(
        id=row.id,
        uuid=delivery.uuid,
        queue=row.queue,
        priority=row.priority,
        available_at=row.available_at,
    )
