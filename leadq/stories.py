"""Stories: what happened to a lead and its notifications, or to a job, in order."""

from __future__ import annotations

from leadq.clock import human_duration
from leadq.store.records import Delivery, DeliveryStatus, Event, JobState, Lead, Pause, StoredJob
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
    whose = f"{'a test ' if delivery.test else ''}for {recipient.name} <{recipient.email}>"
    queued = Event(at=delivery.queued_at, event="queued", attempt=None, detail=whose)
    chapter = [queued, *store.deliveries.events(delivery.uuid)]
    if delivery.status is DeliveryStatus.SENT and delivery.sent_at is not None:
        detail = f"{delivery.message_id} {delivery.reply or ''}".strip()
        chapter.append(Event(at=delivery.sent_at, event="sent", attempt=delivery.attempts, detail=detail))
    return chapter


def story_of_job(store: Store, job: StoredJob) -> list[Event]:
    """Created, each attempt that failed, due, and how it stands now: it runs, or its queue is paused. Oldest first."""
    story = [Event(at=job.created_at, event="created", attempt=None, detail=f"on {job.queue}")]
    delivery = store.deliveries.find(job.uuid) if job.uuid is not None else None
    if delivery is not None:
        story += story_of_delivery(store, delivery)
    story.append(Event(at=job.available_at, event="due", attempt=None, detail=None))
    if job.state is JobState.RESERVED and job.reserved_at is not None:
        worker = f"on worker {job.worker}" if job.worker else "on a worker that is gone"
        story.append(Event(at=job.reserved_at, event="running", attempt=job.attempts, detail=worker))
    else:
        story += [_told(pause) for pause in store.control.pauses() if pause.covers(job.queue)]
    return sorted(story, key=lambda event: event.at)


def _told(pause: Pause) -> Event:
    what = "all queues" if pause.queue is None else pause.queue
    lasting = f" for {human_duration(pause.until - pause.since)}" if pause.until is not None else ""
    reason = f": {pause.reason}" if pause.reason else ""
    return Event(at=pause.since, event="paused", attempt=None, detail=f"{what}{lasting}{reason}")
