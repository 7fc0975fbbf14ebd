"""What a soak has counted."""

from __future__ import annotations

import threading
from collections import Counter


class Figures:
    """Counts of what was done and what befell, each under the words that it is told with."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, what: str, count: int = 1) -> None:
        """Counts something that has happened."""
        with self._lock:
            self._counts[what] += count

    def set(self, what: str, count: int) -> None:
        """Tells a number that was counted elsewhere."""
        with self._lock:
            self._counts[what] = count

    def __getitem__(self, what: str) -> int:
        return self._counts[what]

    def __str__(self) -> str:
        with self._lock:
            return ", ".join(f"{what} {count:,}" for what, count in sorted(self._counts.items()) if count)
