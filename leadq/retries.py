"""When retried jobs are due: at once, later, or one after the other, so that a mail server just back is not flooded."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stagger:
    """Spreads jobs evenly over a time.

    Attributes:
        start: UTC seconds.
        delay: seconds from `start` until the first is due.
        spread: seconds over which they are spread from then on.
        total: how many they are.
    """

    start: int
    delay: float = 0
    spread: float = 0
    total: int

    def due_at(self, place: int) -> int:
        """When a job is due, in UTC seconds. The first one's place is 0; the one after the last begins a new spread."""
        return self.start + math.ceil(self.delay + self.spread * place / max(self.total, 1))
