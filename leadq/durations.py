"""Seconds as people type and read them: `90`, `90s`, `10m`, `2h`, `1d`."""

from __future__ import annotations

import re

from leadq.errors import InvalidInput

UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.ASCII)
LONGEST_SECONDS = 10 * 365 * 86400


def parse_seconds(text: str) -> float:
    """The seconds that a duration such as `90`, `1.5s`, `10m` or `2h` stands for.

    Raises:
        InvalidInput: not a duration, negative, or longer than ten years.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput(f"{text!r} is not a duration; expected seconds or 90s, 10m, 2h, 1d")
    seconds = float(match[1]) * UNIT_SECONDS[match[2]]
    if seconds > LONGEST_SECONDS:
        raise InvalidInput(f"{text!r} is too long; expected at most ten years")
    return seconds


def span(seconds: float) -> str:
    """`21m`: a time in the largest unit of which it has one."""
    unit, size = max(
        ((unit, size) for unit, size in UNIT_SECONDS.items() if unit and (size <= seconds or size == 1)),
        key=lambda one: one[1],
    )
    return f"{int(seconds // size)}{unit}"
