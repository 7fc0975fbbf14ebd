"""A worker's lines as artisan prints them, or one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from datetime import UTC, datetime
from typing import Any

from leadq import clock
from leadq.clock import local_zone
from leadq.output.console import painted
from leadq.worker import events
from leadq.worker.loop import Report


def say(line: str) -> None:
    """Prints a line at once. Where nobody reads on, or the disk is full, the jobs go on without it."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


PIPED_WIDTH = 80
WIDEST = 150  # artisan's, too


def text_reporter(*, timezone: str | None, verbose: bool) -> Report:
    """Prints `time name .... RUNNING`, then `12.34ms DONE` or `FAIL` (yellow: will be tried again).

    Args:
        timezone: for the times; None for the system's.
        verbose: whether id, connection and queue follow the name.
    """
    zone = local_zone(timezone)

    def report(event: events.WorkerEvent) -> None:
        match event:
            case events.WorkerStarted() if sys.stdout.isatty():
                noun = "queue" if len(event.queues) == 1 else "queues"
                say(f"\n   INFO  Processing jobs from the [{','.join(event.queues)}] {noun}.\n")
            case events.JobEvent():
                _print_job(event)
            case events.QueuePaused(queue=queue):
                _print_queue(queue, "PAUSED", "yellow")
            case events.QueueResumed(queue=queue):
                _print_queue(queue, "RESUMED", "green")
            case events.StoreTroubled():
                with contextlib.suppress(OSError):
                    print(f"  {event.error} Next try in {event.pause_seconds:g} s.", file=sys.stderr)

    def now() -> str:
        return datetime.now(zone).strftime("%Y-%m-%d %H:%M:%S")

    def _print_queue(queue: str, status: str, style: str) -> None:
        say(f"  {painted(now(), 'grey', sys.stdout)} Queue {queue} {painted(status, style, sys.stdout)}")

    def _print_job(event: events.JobEvent) -> None:
        status, style = _status(event)
        name = event.job
        if verbose:
            name += f" {event.claimed.id} {event.claimed.connection} {event.claimed.queue}"
        duration = getattr(event, "duration", None)
        took = f"{clock.human_duration(duration)} " if duration is not None else ""
        at = now()
        width = min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else PIPED_WIDTH
        dots = max(3, width - len(f"  {at} {name}  {took}{status}") - 1)
        time_part, dot_part = painted(at, "grey", sys.stdout), painted("." * dots, "grey", sys.stdout)
        took_part = painted(took, "grey", sys.stdout) if took else ""
        say(f"  {time_part} {name} {dot_part} {took_part}{painted(status, style, sys.stdout)}")

    return report


def json_reporter() -> Report:
    """Prints artisan's JSON keys, one object a line; absent values are left out."""

    def report(event: events.WorkerEvent) -> None:
        match event:
            case events.JobEvent():
                say(json.dumps(_job_line(event)))
            case events.QueuePaused(queue=queue):
                say(json.dumps(_queue_line(queue, "paused")))
            case events.QueueResumed(queue=queue):
                say(json.dumps(_queue_line(queue, "resumed")))

    return report


def _status(event: events.JobEvent) -> tuple[str, str]:
    match event:
        case events.JobProcessing():
            return "RUNNING", "yellow"
        case events.JobProcessed():
            return "DONE", "green"
        case events.JobFailed():
            return "FAIL", "red"
        case events.JobGivenBack() | events.ClaimLost():
            return "STOPPED", "yellow"
        case events.JobHeld():
            return "HELD", "yellow"
    return "FAIL", "yellow"


def _job_line(event: events.JobEvent) -> dict[str, Any]:
    status, result = {
        events.JobProcessing: ("starting", None),
        events.JobProcessed: ("success", "deleted"),
        events.JobReleased: ("released_after_exception", "released"),
        events.JobFailed: ("failed", "failed"),
        events.JobGivenBack: ("released_by_shutdown", "released"),
        events.JobHeld: ("held_for_mail_outage", "released"),
        events.ClaimLost: ("claim_lost", None),
    }[type(event)]
    error = getattr(event, "error", None)
    exception, _, message = error.partition(": ") if error else (None, None, None)
    duration = getattr(event, "duration", None)
    line = {
        "level": "info" if status in {"starting", "success"} else "warning",
        "id": event.claimed.id,
        "uuid": event.claimed.uuid,
        "connection": event.claimed.connection,
        "queue": event.claimed.queue,
        "job": event.job,
        "status": status,
        "result": result,
        "attempts": event.claimed.attempts,
        "exception": exception,
        "message": message,
        "duration": round(duration, 6) if duration is not None else None,
        "timestamp": _timestamp(),
    }
    return {key: value for key, value in line.items() if value is not None}


def _queue_line(queue: str, status: str) -> dict[str, str]:
    return {"level": "warning", "queue": queue, "status": status, "timestamp": _timestamp()}


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
