"""How much a run of the benchmarks does."""

from __future__ import annotations

from dataclasses import dataclass

JOBS = 2000
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The size of a run: how many jobs a drain has, and how often each thing is measured."""

    jobs: int = JOBS
    rounds: int = ROUNDS

    def share(self, amount: int, *, least: int = 1) -> int:
        """What `amount` becomes where a drain has not JOBS jobs but `jobs`, in proportion."""
        return max(least, round(amount * self.jobs / JOBS))
