"""The story of a lead: what happened to it and to each of its notifications, in order."""

from __future__ import annotations

from leadq.store.records import Delivery, DeliveryStatus, Event, Lead
from leadq.store.store import Store


def story_of(store: Store, lead: Lead, deliveries: list[Delivery]) -> list[Event]:
    """Created, queued, each attempt that failed, retried, sent: oldest first."""
    story = [Event(at=lead.created_at, event="created", attempt=None, detail=lead.source)]
    for delivery in deliveries:
        story += story_of_delivery(store, delivery)
    return sorted(story, key=lambda event: event.at)  # stable: within a second as they were written


def story_of_delivery(store: Store, delivery: Delivery) -> list[Event]:
    """The same for one notification."""
    recipient = store.users.get(delivery.user_id)
    queued = Event(
        at=delivery.queued_at, event="queued", attempt=None, detail=f"for {recipient.name} <{recipient.email}>"
    )
    chapter = [queued, *store.deliveries.events(delivery.uuid)]
    if delivery.status is DeliveryStatus.SENT and delivery.sent_at is not None:
        detail = f"{delivery.message_id} {delivery.reply or ''}".strip()
        chapter.append(Event(at=delivery.sent_at, event="sent", attempt=delivery.attempts, detail=detail))
    return chapter
