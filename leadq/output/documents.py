"""Records as the JSON documents that `--json` prints. Times are ISO 8601 UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from leadq.clock import iso
from leadq.payload import describe

if TYPE_CHECKING:  # nearly every command prints some of these, and should not load what only others print
    from pathlib import Path

    from leadq.causes import Cause
    from leadq.dispatching import DispatchedJob
    from leadq.doctor.check import Check
    from leadq.errors import LeadqError
    from leadq.lead_import.importer import Tally
    from leadq.leads import NotifiedLead
    from leadq.monitoring import QueueReport, Report, WorkerReport
    from leadq.store.leads import ListedLead
    from leadq.store.records import (
        Batch,
        Delivery,
        Event,
        FailedJob,
        FailedSummary,
        Lead,
        Pause,
        QueueSize,
        RunningJob,
        StoredJob,
        User,
    )

Document = dict[str, Any]


def user_document(user: User) -> Document:
    """A user."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "active": user.active,
        "created_at": iso(user.created_at),
    }


def lead_document(lead: Lead) -> Document:
    """A lead."""
    return {
        "id": lead.id,
        "name": lead.name,
        "email": lead.email,
        "phone": lead.phone,
        "company": lead.company,
        "source": lead.source,
        "message": lead.message,
        "user_id": lead.user_id,
        "created_at": iso(lead.created_at),
    }


def listed_lead_document(listed: ListedLead) -> Document:
    """A lead in a list."""
    return {**lead_document(listed.lead), "notification": listed.notification}


def notified_lead_document(notified: NotifiedLead) -> Document:
    """What `lead create` and `lead assign` print."""
    return {
        "lead": lead_document(notified.lead),
        "job": _dispatched_document(notified.job) if notified.job else None,
    }


def delivery_document(delivery: Delivery) -> Document:
    """A delivery."""
    return {
        "uuid": delivery.uuid,
        "user_id": delivery.user_id,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "message_id": delivery.message_id,
        "reply": delivery.reply,
        "error": delivery.error,
        "queued_at": iso(delivery.queued_at),
        "sent_at": iso(delivery.sent_at),
    }


def event_document(event: Event) -> Document:
    """One line of a lead's story."""
    return {"at": iso(event.at), "event": event.event, "attempt": event.attempt, "detail": event.detail}


def job_document(job: StoredJob) -> Document:
    """A waiting or running job."""
    name, data = describe(job.payload)
    return {
        "id": job.id,
        "uuid": job.uuid,
        "queue": job.queue,
        "job": name,
        "state": job.state.value,
        "priority": job.priority,
        "attempts": job.attempts,
        "available_at": iso(job.available_at),
        "created_at": iso(job.created_at),
        "reserved_at": iso(job.reserved_at),
        "worker": job.worker,
        "data": data,
    }


def failed_document(job: FailedJob | FailedSummary) -> Document:
    """A failed job in a list."""
    name, data = describe(job.payload)
    return {
        "id": job.id,
        "uuid": job.uuid,
        "connection": job.connection,
        "queue": job.queue,
        "job": name,
        "lead_id": data.get("lead_id"),
        "error": job.error,
        "attempts": job.attempts,
        "failed_at": iso(job.failed_at),
    }


def batch_document(batch: Batch) -> Document:
    """A batch."""
    return {
        "id": batch.id,
        "name": batch.name,
        "total_jobs": batch.total_jobs,
        "pending_jobs": batch.pending_jobs,
        "failed_jobs": batch.failed_jobs,
        "progress": batch.progress,
        "created_at": iso(batch.created_at),
        "finished_at": iso(batch.finished_at),
        "cancelled_at": iso(batch.cancelled_at),
    }


def cause_document(cause: Cause) -> Document:
    """Failed jobs of one cause."""
    return {
        "job": cause.job,
        "error": cause.error,
        "count": cause.count,
        "last_hour": cause.last_hour,
        "last_day": cause.last_day,
        "first_at": iso(cause.first_at),
        "last_at": iso(cause.last_at),
        "leads": cause.leads,
        "users": cause.users,
        "sample": cause.sample,
    }


def pause_document(pause: Pause) -> Document:
    """A pause; its queue is null where it is all of them."""
    return {"queue": pause.queue, "since": iso(pause.since), "until": iso(pause.until), "reason": pause.reason}


def sizes_document(sizes: list[QueueSize], pauses: Sequence[Pause]) -> Document:
    """What `size --json` prints."""
    return {
        "size": sum(size.size for size in sizes),
        "pending": sum(size.pending for size in sizes),
        "delayed": sum(size.delayed for size in sizes),
        "reserved": sum(size.reserved for size in sizes),
        "queues": {
            size.queue: {
                "size": size.size,
                "pending": size.pending,
                "delayed": size.delayed,
                "reserved": size.reserved,
                "paused": any(pause.covers(size.queue) for pause in pauses),
            }
            for size in sizes
        },
    }


def report_document(report: Report) -> Document:
    """What `monitor --json` prints."""
    return {
        "status": report.status.value,
        "queues": [_queue_document(queue) for queue in report.queues],
        "workers": [_worker_document(one, report.at) for one in report.workers],
        "alerts": [{"queue": queue.name, "alert": alert} for queue in report.queues for alert in queue.alerts],
        "warnings": list(report.warnings),
        "pauses": [
            {"queue": pause.queue, "since": iso(pause.since), "until": iso(pause.until), "reason": pause.reason}
            for pause in report.pauses
        ],
        "mail_outage": _outage_document(report),
    }


def _queue_document(queue: QueueReport) -> Document:
    from leadq.store.claims import CONNECTION

    mean = queue.mean_run_ms
    return {
        "connection": CONNECTION,
        "queue": queue.name,
        "size": queue.size.size,
        "pending": queue.size.pending,
        "delayed": queue.size.delayed,
        "reserved": queue.size.reserved,
        "oldest_pending_seconds": queue.oldest_pending_seconds,
        "failed": queue.failed,
        "jobs_per_minute": round(queue.jobs_per_minute, 2),
        "mean_run_ms": None if mean is None else round(mean, 2),
        "status": queue.status.value,
    }


def _worker_document(one: WorkerReport, at: int) -> Document:
    worker = one.worker
    return {
        "name": worker.name,
        "host": worker.process.host,
        "pid": worker.process.pid,
        "queues": list(worker.queues),
        "state": one.state.value,
        "job": None if one.job is None else _running_document(one.job, at),
        "done": worker.done,
        "failed": worker.failed,
        "started_at": iso(worker.started_at),
        "seen_at": iso(worker.seen_at),
    }


def _running_document(job: RunningJob, at: int) -> Document:
    return {
        "id": job.id,
        "uuid": job.uuid,
        "queue": job.queue,
        "job": describe(job.payload)[0],
        "attempts": job.attempts,
        "reserved_at": iso(job.reserved_at),
        "running_seconds": max(0, at - job.reserved_at),
    }


def _outage_document(report: Report) -> Document | None:
    outage = report.outage
    if outage is None:
        return None
    return {"since": iso(outage.since), "error": outage.error, "held": report.held}


def import_document(tally: Tally, rejects_file: Path | None) -> Document:
    """What `lead import` prints."""
    return {
        "batch": tally.batch_id,
        **tally.counts,
        "rejects_file": None if rejects_file is None else str(rejects_file.absolute()),
    }


def examination_document(checks: Sequence[Check]) -> Document:
    """What `doctor --json` prints."""
    from leadq.doctor.check import worst

    return {
        "status": worst(check.status for check in checks).value,
        "checks": [
            {"name": check.name, "status": check.status.value, "detail": check.detail, "remedy": check.remedy}
            for check in checks
        ],
    }


def error_document(error: LeadqError) -> Document:
    """What a failing command prints."""
    return {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}


def _dispatched_document(job: DispatchedJob) -> Document:
    return {
        "id": job.id,
        "uuid": job.uuid,
        "queue": job.queue,
        "priority": job.priority,
        "available_at": iso(job.available_at),
    }
