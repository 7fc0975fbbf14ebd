"""How long a server asks to be left alone, where its reply says so."""

from __future__ import annotations

import re

LONGEST_SECONDS = 3600.0  # a server may say what it likes; a lead must not wait for a day

_UNITS = {"s": 1, "m": 60, "h": 3600}
_ASKED = re.compile(
    r"\b(?:again|retry|wait|delay(?:ed)?|defer(?:red)?|greylist(?:ed|ing)?|graylist(?:ed|ing)?)\b\D{0,40}?"
    r"(\d{1,6})\s*(s|m|h)(?:ecs?|econds?|ins?|inutes?|rs?|ours?)?\b",
    re.IGNORECASE | re.ASCII,
)


def seconds_asked_for(reply: str) -> float | None:
    """The wait that a reply names, such as `450 4.7.1 Greylisted, try again in 5 minutes`.

    Returns:
        Seconds, an hour at most; None where the reply names no wait.
    """
    match = _ASKED.search(reply)
    if match is None:
        return None
    return min(float(match[1]) * _UNITS[match[2].lower()], LONGEST_SECONDS)
