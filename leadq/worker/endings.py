"""How an attempt ended, as an event."""

from __future__ import annotations

from leadq.store.outcomes import Completed, Failed, GivenBack, Held, Outcome, Released
from leadq.worker import events
from leadq.worker.executor import Attempt


def event_of(attempt: Attempt, outcome: Outcome, *, owned: bool) -> events.JobEvent:
    """The event that tells how an attempt ended; `owned` is whether its claim still held."""
    claimed, job, data, duration = attempt.claimed, attempt.name, attempt.data, attempt.duration
    if not owned:
        return events.ClaimLost(claimed=claimed, job=job, data=data, duration=duration)
    match outcome:
        case Completed(receipt=receipt):
            reply = receipt.reply if receipt else None
            return events.JobProcessed(claimed=claimed, job=job, data=data, duration=duration, reply=reply)
        case Released():
            return events.JobReleased(
                claimed=claimed,
                job=job,
                data=data,
                duration=duration,
                delay_seconds=outcome.delay_seconds,
                error=outcome.error,
                timed_out=outcome.timed_out,
            )
        case GivenBack(reason=reason):
            return events.JobGivenBack(claimed=claimed, job=job, data=data, duration=duration, reason=reason)
        case Held(error=error):
            return events.JobHeld(claimed=claimed, job=job, data=data, duration=duration, error=error)
        case Failed():
            return events.JobFailed(
                claimed=claimed,
                job=job,
                data=data,
                duration=duration,
                error=outcome.error,
                timed_out=outcome.timed_out,
            )
