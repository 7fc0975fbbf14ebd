"""Times as people read them: in the zone of APP_TIMEZONE."""

from __future__ import annotations

from datetime import datetime

from leadq import clock
from leadq.clock import local_zone
from leadq.durations import span


def local_time(seconds: float, zone_name: str | None) -> str:
    """`2026-01-01 13:00:00` in the zone named, the system's if None."""
    return datetime.fromtimestamp(clock.within_calendar(seconds), local_zone(zone_name)).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: int) -> str:
    """How long ago a time is, such as `5m ago`; `in 5m` where it is ahead."""
    distance = clock.now() - seconds
    if distance == 0:
        return "now"
    text = span(abs(distance))
    return f"{text} ago" if distance > 0 else f"in {text}"
