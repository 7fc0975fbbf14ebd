"""The tables as Peewee's query builder sees them, bound to one database each.

Bound `Table` objects rather than models: two stores in one process (an application's and a test's) share
no state, and a row is a plain tuple or dict.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, Table

COLUMNS: dict[str, tuple[str, ...]] = {
    "users": ("id", "name", "email", "email_key", "active", "last_lead_at", "last_lead_id", "created_at"),
    "leads": ("id", "name", "email", "phone", "company", "source", "message", "user_id", "created_at", "email_key"),
    "deliveries": (
        "id",
        "uuid",
        "lead_id",
        "user_id",
        "status",
        "attempts",
        "message_id",
        "reply",
        "error",
        "queued_at",
        "sent_at",
        "test",
    ),
    "delivery_events": ("id", "uuid", "at", "event", "attempt", "detail"),
    "workers": (
        "id",
        "name",
        "host",
        "pid",
        "pid_space",
        "pid_started",
        "queues",
        "started_at",
        "seen_at",
        "done",
        "failed",
        "paused",
    ),
    "job_counts": ("worker_id", "minute", "queue", "done", "failed", "attempts", "run_ms"),
    "jobs": (
        "id",
        "queue",
        "payload",
        "attempts",
        "reserved_at",
        "available_at",
        "created_at",
        "priority",
        "stage",
        "worker_id",
        "last_error",
        "uuid",
        "batch_id",
    ),
    "mail_outage": ("id", "since", "error", "probes", "next_probe_at"),
    "mail_pace": ("id", "next_at_ms"),
    "pauses": ("queue", "since", "until", "reason"),
    "restart_signal": ("id", "counter"),
    "failed_jobs": (
        "id",
        "uuid",
        "connection",
        "queue",
        "payload",
        "exception",
        "failed_at",
        "attempts",
        "priority",
        "batch_id",
    ),
    "job_batches": (
        "id",
        "name",
        "total_jobs",
        "pending_jobs",
        "failed_jobs",
        "failed_job_ids",
        "options",
        "cancelled_at",
        "created_at",
        "finished_at",
    ),
}


class Tables:
    """Every table, bound to `database`."""

    def __init__(self, database: Database) -> None:
        def bound(name: str) -> Any:  # a table's columns are attributes that no type checker sees
            return Table(name, COLUMNS[name], _database=database)

        self.users = bound("users")
        self.leads = bound("leads")
        self.deliveries = bound("deliveries")
        self.delivery_events = bound("delivery_events")
        self.workers = bound("workers")
        self.job_counts = bound("job_counts")
        self.jobs = bound("jobs")
        self.failed_jobs = bound("failed_jobs")
        self.mail_outage = bound("mail_outage")
        self.mail_pace = bound("mail_pace")
        self.pauses = bound("pauses")
        self.restart_signal = bound("restart_signal")
        self.job_batches = bound("job_batches")


def columns(table: Any, name: str) -> list[Any]:
    """Every column of a bound table, for a query that joins."""
    return [getattr(table, column) for column in COLUMNS[name]]
