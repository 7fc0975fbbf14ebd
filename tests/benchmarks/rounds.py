"""Measuring several things in turn, so that whatever else the machine does strikes all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def interleaved(rounds: int, measures: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Takes each measure once a round, in their order, and returns the median of each."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(numbers) for name, numbers in taken.items()}
