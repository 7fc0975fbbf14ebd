"""What memory workers use as they grow old."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.process.soak.process_files import resident_megabytes

GROWN_UP_SECONDS = 10  # it has done jobs of every kind by then


@dataclass
class Life:
    """One process: since when it was seen, and what it used when it was young and used last."""

    since: float
    first: float | None = None
    last: float = 0.0
    seen: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it was seen."""
        return self.seen - self.since

    @property
    def growth(self) -> float:
        """What it uses more than when it was young."""
        return 0 if self.first is None else self.last - self.first


class Memory:
    """Megabytes by process."""

    def __init__(self) -> None:
        self._lives: dict[int, Life] = {}

    def note(self, pids: Iterable[int]) -> None:
        """Looks at workers."""
        now = time.monotonic()
        for pid in pids:
            used = resident_megabytes(pid)
            if used is None:
                continue
            life = self._lives.setdefault(pid, Life(since=now))
            life.last, life.seen = used, now
            if life.first is None and life.seconds >= GROWN_UP_SECONDS:
                life.first = used

    @property
    def longest(self) -> Life:
        """The worker that has lived longest."""
        return max(self._lives.values(), key=lambda life: life.seconds)

    @property
    def most(self) -> float:
        """The most that any of them has used last, in megabytes."""
        return max(life.last for life in self._lives.values())

    def __str__(self) -> str:
        life = self.longest
        grown = f"{life.first or 0:.1f} to {life.last:.1f} MB"
        return f"the worker that lived longest grew from {grown} in {life.seconds:.0f} s"
