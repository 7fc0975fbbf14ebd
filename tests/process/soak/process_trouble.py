"""What befalls workers."""

from __future__ import annotations

import random
import signal
import time

from tests.homes import Home
from tests.process.soak.crew import Crew
from tests.process.soak.feeds import QUEUES
from tests.process.soak.figures import Figures
from tests.process.soak.shell import Shell

GENTLE = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class ProcessTrouble:
    """Kills, stops, freezes and pauses them, and has them restart.

    Attributes:
        broken_off: how many attempts it may have broken off at most.
    """

    def __init__(self, home: Home, crew: Crew, figures: Figures, seed: int, *, seconds: float) -> None:
        self._crew = crew
        self._figures = figures
        self._shell = Shell(home, figures)
        self._chance = random.Random(f"{seed} processes")
        self._no_restart_after = time.monotonic() + seconds / 2  # so that the veteran can grow old
        self.broken_off = 0

    def strike(self) -> None:
        """One blow."""
        weights = {
            self._kill: 8,
            self._stop: 4,
            self._stop_twice: 3,
            self._freeze: 4,
            self._pause_by_signal: 2,
            self._pause_queue: 2,
            self._restart: 1 if time.monotonic() < self._no_restart_after else 0,
        }
        self._chance.choices(list(weights), list(weights.values()))[0]()

    def _kill(self) -> None:
        self.broken_off += 1
        what = self._crew.kill(self._crew.victim(self._chance), self._chance)
        self._figures.note(f"kills of {what}")

    def _stop(self) -> None:
        if self._crew.send(self._crew.worker(self._chance), self._chance.choice(GENTLE)):
            self._figures.note("stops")

    def _stop_twice(self) -> None:
        member = self._crew.worker(self._chance)
        self.broken_off += len(member.worker_pids)
        first, second = self._chance.sample(GENTLE, 2)
        if self._crew.send(member, first):
            time.sleep(self._chance.uniform(0, 0.1))
            self._crew.send(member, second)
            self._figures.note("stops at once")

    def _freeze(self) -> None:
        member = self._crew.anybody(self._chance)
        self.broken_off += len(member.worker_pids)  # a mail server's answer may come too late for it
        if self._crew.send(member, signal.SIGSTOP):
            self._figures.note("freezes")
            time.sleep(self._chance.uniform(0.1, 3))
            self._crew.send(member, signal.SIGCONT)

    def _pause_by_signal(self) -> None:
        member = self._crew.worker(self._chance)
        if self._crew.send(member, signal.SIGUSR2):
            self._figures.note("pauses")
            time.sleep(self._chance.uniform(0.1, 2))
            self._crew.send(member, signal.SIGCONT)

    def _pause_queue(self) -> None:
        queues = self._chance.choice([*QUEUES, "--all"])
        if self._shell.run("pause", queues, "--for", "3s", "--reason", "a soak"):
            self._figures.note("pauses")
            time.sleep(self._chance.uniform(0, 2))
            self._shell.run("resume", queues)

    def _restart(self) -> None:
        if self._shell.run("restart"):
            self._figures.note("restarts")
