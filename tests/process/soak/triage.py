"""A person who looks at what has failed, and a watchdog: each command must end properly."""

from __future__ import annotations

import random

from tests.homes import Home
from tests.process.soak.figures import Figures
from tests.process.soak.shell import Shell

LOOKS = (
    ("failed",),
    ("failed", "--group"),
    ("failed", "--since", "1h", "--error", "timed out"),
    ("monitor",),
    ("size",),
    ("doctor",),
    ("jobs",),
    ("batches",),
    ("lead", "list", "--limit", "20"),
    ("lead", "show", "1"),
)


class Triage:
    """Looks around, and retries what has failed."""

    def __init__(self, home: Home, figures: Figures, seed: int) -> None:
        self._shell = Shell(home, figures)
        self._figures = figures
        self._chance = random.Random(f"{seed} triage")

    def act(self) -> None:
        """One command."""
        if self._chance.random() < 0.4:
            self.retry_all()
        else:
            self._shell.run(*self._chance.choice(LOOKS))

    def retry_all(self) -> None:
        """`leadq retry all`."""
        done = self._shell.run("retry", "all")
        if done:
            self._figures.note("failed jobs retried", len(done["retried"]))
