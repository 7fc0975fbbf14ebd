"""Time as leadq stores and prints it: integer UTC seconds inside, ISO 8601 UTC outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

ASK_AGAIN_SECONDS = 10.0
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, where the calendar of Python ends


def now() -> int:
    """The current time in whole UTC seconds, as every time column holds it."""
    return int(time.time())


class DatabaseClock:
    """The clock of a database server: asked every few seconds, and reckoned on by the monotonic clock in between.

    Args:
        ask: returns the server's time in UTC seconds.
    """

    def __init__(self, ask: Callable[[], float]) -> None:
        self._ask = ask
        self._answer: tuple[float, float] | None = None  # the server's time, and when it said so

    def now(self) -> float:
        """The server's time in UTC seconds."""
        here = time.monotonic()
        if self._answer is None or here - self._answer[1] > ASK_AGAIN_SECONDS:
            self._answer = self._ask(), time.monotonic()
        there, asked_at = self._answer
        return there + time.monotonic() - asked_at


def iso(seconds: int | float | None) -> str | None:
    """`1767225600` → `2026-01-01T00:00:00Z`; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(within_calendar(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def within_calendar(seconds: int | float) -> int | float:
    """`seconds`, or the end of the calendar where another program has written a time beyond it."""
    return min(max(seconds, 0), LAST_SECOND)


def human_duration(seconds: float) -> str:
    """A run time as artisan prints it: `12.34ms` up to a second, then whole units such as `2m 5s`."""
    if seconds < 1:
        return f"{seconds * 1000:,.2f}ms"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return " ".join(f"{value}{unit}" for value, unit in parts if value)


def local_zone(name: str | None) -> tzinfo | None:
    """The zone for times that people read; None stands for the system's."""
    if name is None:
        return None
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
