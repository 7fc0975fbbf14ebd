"""How long a failed job waits before its next attempt."""

from __future__ import annotations

import random
from collections.abc import Sequence

JITTER = 0.1  # so that jobs that failed together do not come back together


def backoff_seconds(steps: Sequence[float], attempt: int, *, chance: float | None = None) -> float:
    """The wait after a failed attempt.

    Args:
        steps: seconds after the first, second … attempt; the last value repeats; empty means no wait.
        attempt: the number of the attempt that failed, from 1.
        chance: a number from 0 to 1 in place of a random one.

    Returns:
        Seconds, within ±10 % of the step; 0 stays 0.
    """
    if not steps:
        return 0.0
    step = steps[min(attempt, len(steps)) - 1]
    share = random.random() if chance is None else chance  # noqa: S311 - not a secret
    return step * (1 + JITTER * (2 * share - 1))


def later_than(seconds: float, *, chance: float | None = None) -> float:
    """A wait that somebody else has asked for: never shorter than `seconds`, and up to 10 % longer.

    Args:
        seconds: the wait.
        chance: a number from 0 to 1 in place of a random one.
    """
    return seconds * (1 + JITTER * (random.random() if chance is None else chance))  # noqa: S311 - not a secret
