"""Turns a worker's events into log records."""

from __future__ import annotations

import logging
import signal
import time
from typing import Any

from leadq import clock
from leadq.worker import events

_log = logging.getLogger("leadq.worker")
_NOT_LOOKED_UP = dict.fromkeys(("thread", "threadName", "process", "processName"))  # as logging.logThreads=False has it
_IN_ALL = logging.LogRecord(_log.name, logging.INFO, "", 0, "", (), None).__dict__ | _NOT_LOOKED_UP


def report_to_log(event: events.WorkerEvent) -> None:
    """Logs one event, with the job's uuid, lead and attempt where it has them."""
    match event:
        case events.JobEvent():
            _report_job(event)
        case events.WorkerStarted():
            _write(logging.INFO, "Worker started", worker=event.name, queues=",".join(event.queues))
        case events.WorkerStopped():
            _write(logging.INFO, "Worker stopped", worker=event.name, reason=event.reason, jobs=event.jobs_done)
        case events.OrphansReleased():
            for orphan in event.orphans:
                about = {"job": orphan.uuid, "attempt": orphan.attempts, "reason": orphan.reason}
                _write(logging.WARNING, "Job of a worker that is gone is due again", **about)
        case events.MailOutageSeen():
            since = clock.iso(event.since)
            _write(logging.ERROR, "No mail can leave: jobs wait for that", error=event.error, since=since)
        case events.MailOutageOver():
            _write(logging.INFO, "Mail can leave again", held_jobs_released=event.released)
        case events.QueuePaused(queue=queue, pause=order):
            about = {"queue": queue, "since": clock.iso(order.since), "until": clock.iso(order.until)}
            _write(logging.WARNING, "Queue paused", **about, reason=order.reason)
        case events.QueueResumed(queue=queue):
            _write(logging.INFO, "Queue resumed", queue=queue)
        case events.ChildDied():
            _write(logging.ERROR, "Worker process died", **_obituary(event))
        case events.StoreTroubled():
            pause = f"{event.pause_seconds:g}"
            _write(logging.ERROR, "The database cannot be used", error=event.error, next_try_in_s=pause)
        case events.StoreRecovered():
            _write(logging.INFO, "The database can be used again", after_s=round(event.after_seconds, 1))


def _report_job(event: events.JobEvent) -> None:
    claimed = event.claimed
    about: dict[str, Any] = {
        "job": claimed.uuid,
        "name": event.job,
        "lead": event.data.get("lead_id"),
        "queue": claimed.queue,
        "attempt": claimed.attempts,
    }
    if not isinstance(event, events.JobProcessing):
        about["duration_ms"] = round(getattr(event, "duration", 0.0) * 1000, 2)
    match event:
        case events.JobProcessing():
            _write(logging.INFO, "Job started", **about)
        case events.JobProcessed(reply=reply):
            _write(logging.INFO, "Job done" if reply is None else "Mail sent", **about, reply=reply)
        case events.JobReleased():
            message = "Job timed out, will be tried again" if event.timed_out else "Job released, will be tried again"
            _write(logging.WARNING, message, **about, retry_in_s=round(event.delay_seconds), error=event.error)
        case events.JobHeld():
            _write(logging.INFO, "Job held until mail can leave again, the attempt does not count", **about)
        case events.JobGivenBack():
            _write(logging.WARNING, "Job given back, the attempt does not count", **about, reason=event.reason)
        case events.JobFailed():
            message = "Job timed out for the last time" if event.timed_out else "Job failed"
            _write(logging.ERROR, message, **about, error=event.error)
        case events.ClaimLost():
            _write(logging.WARNING, "Job ended after another worker had taken it over; nothing was changed", **about)


def _obituary(event: events.ChildDied) -> dict[str, Any]:
    code = event.exit_code
    end = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
    soon = event.replaced_in_seconds
    return {"pid": event.pid, "end": end, "lived_s": round(event.lived, 1), "replaced_in_s": soon}


def _write(level: int, message: str, **fields: Any) -> None:
    if _log.isEnabledFor(level):
        _log.handle(_record(level, message, {key: value for key, value in fields.items() if value is not None}))


def _record(level: int, message: str, fields: dict[str, Any]) -> logging.LogRecord:
    # made by hand: for two lines a job it takes too long to look up the line of code that logs, the thread and the
    # process, which nobody reads
    record, now = logging.LogRecord.__new__(logging.LogRecord), time.time()
    record.__dict__.update(
        _IN_ALL,
        created=now,
        msecs=now % 1 * 1000,
        levelno=level,
        levelname=logging.getLevelName(level),
        msg=message,
        fields=fields,
    )
    return record
