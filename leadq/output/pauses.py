"""Pauses as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from leadq.output.times import age
from leadq.store.records import Pause


def pause_line(pause: Pause) -> str:
    """`high, 5m ago, resumes by itself in 10m (mail is down)`."""
    end = f", resumes by itself {age(pause.until)}" if pause.until is not None else ""
    return f"{_name(pause)}, {age(pause.since)}{end}{_reason(pause)}"


def resumed_line(pause: Pause) -> str:
    """`high, paused 5m ago (mail is down)`."""
    return f"{_name(pause)}, paused {age(pause.since)}{_reason(pause)}"


def queues_phrase(queues: Sequence[str | None]) -> str:
    """`all queues`, `the [high] queue`, `the [high, low] queues`; None stands for all."""
    names = [queue for queue in queues if queue is not None]
    if len(names) < len(queues):
        return "all queues"
    return f"the [{', '.join(names)}] {'queue' if len(names) == 1 else 'queues'}"


def _name(pause: Pause) -> str:
    return "all queues" if pause.queue is None else pause.queue


def _reason(pause: Pause) -> str:
    return f" ({pause.reason})" if pause.reason else ""
