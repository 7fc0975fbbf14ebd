"""Processes that are kept running, as a supervisor keeps them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from types import TracebackType

from tests.homes import Home, heed_hangups
from tests.process.soak.figures import Figures
from tests.process.soak.process_files import children_of

GOODBYE_SECONDS = 60
COULD_NOT_START = 1


class Member:
    """One of them.

    Args:
        home: where it runs.
        name: for the file of its output.
        command: what is started.

    Attributes:
        is_worker: whether it works, or has workers as its children.
    """

    def __init__(self, home: Home, name: str, command: list[str], *, is_worker: bool = True) -> None:
        self.name = name
        self.is_worker = is_worker
        self.output = home.path / f"crew-{name}.out"
        self._home = home
        self._command = command
        self.start()

    def start(self) -> None:
        """Starts it, or starts it anew."""
        self._signals: set[int] = set()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._home.path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=heed_hangups,
            )

    @property
    def pids(self) -> list[int]:
        """Its process and that one's children."""
        return [self.process.pid, *children_of(self.process.pid)]

    @property
    def worker_pids(self) -> list[int]:
        """The processes that run jobs."""
        if not self.is_worker:
            return []
        return children_of(self.process.pid) or [self.process.pid]

    def send(self, number: int) -> bool:
        """Sends a signal; whether anybody was there to get it."""
        if self.process.poll() is not None:
            return False
        self._signals.add(number)
        self.process.send_signal(number)
        return True

    def assert_ended_properly(self, *, could_not_start: bool) -> None:
        """It has ended with the exit code of a good end, or by a signal that it was sent (before it could heed it)."""
        code = self.process.returncode
        expected = {0, *(-number for number in self._signals)} | ({COULD_NOT_START} if could_not_start else set())
        assert code in expected, f"{self.name} has ended with {code}, expected {expected}:\n{self._last_lines()}"

    def _last_lines(self) -> str:
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


class Crew:
    """Workers alone, two under one parent, and an application; a context manager.

    Attributes:
        members: all of them.
        veteran: a worker that is never killed or told to stop, so that its memory can be watched.
    """

    def __init__(self, home: Home, figures: Figures, *flags: object) -> None:
        self._home = home
        self._figures = figures
        self._lock = threading.Lock()
        leadq = [sys.executable, "-m", "leadq", "work", *map(str, flags)]
        self.veteran = Member(home, "veteran", leadq)
        self._others = [
            Member(home, "first", leadq),
            Member(home, "second", leadq),
            Member(home, "pair", [*leadq, "--processes", "2"]),
        ]
        self._application = Member(home, "application", [sys.executable, "application.py"], is_worker=False)
        self.members = [self.veteran, *self._others, self._application]

    @property
    def worker_pids(self) -> list[int]:
        """The processes that run jobs."""
        return [pid for member in self.members for pid in member.worker_pids]

    def worker(self, chance: random.Random) -> Member:
        """One that may be killed or told to stop."""
        return chance.choice(self._others)

    def victim(self, chance: random.Random) -> Member:
        """One that may be killed: a worker or the application."""
        return chance.choice([*self._others, self._application])

    def anybody(self, chance: random.Random) -> Member:
        """Any of them, the application included."""
        return chance.choice(self.members)

    def tend(self) -> None:
        """Starts those anew that have ended."""
        for member in self.members:
            with self._lock:
                if member.process.poll() is None:
                    continue
                member.assert_ended_properly(could_not_start=True)
                self._figures.note("processes started anew")
                if member.process.returncode == COULD_NOT_START:
                    self._figures.note("starts that found no database")
                member.start()

    def send(self, member: Member, number: int) -> bool:
        """Sends a signal to one of them; whether it was there."""
        with self._lock:
            return member.send(number)

    def kill(self, member: Member, chance: random.Random) -> str:
        """Kills it, or one of its children, as `kill -9` does; what that was."""
        victim = chance.choice(member.pids)
        if victim != member.process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            return "children"
        is_parent = bool(children_of(victim))
        self.send(member, signal.SIGKILL)
        return "applications" if not member.is_worker else "parents" if is_parent else "workers"

    def end_application(self) -> None:
        """Has nobody create leads any more."""
        self._application.send(signal.SIGTERM)
        self._application.process.wait(GOODBYE_SECONDS)
        self.members.remove(self._application)

    def dismiss(self) -> None:
        """Has them all stop, which they must do by themselves."""
        for member in self.members:
            member.send(signal.SIGTERM)
        for member in self.members:
            member.process.wait(GOODBYE_SECONDS)
            member.assert_ended_properly(could_not_start=False)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for pid in [pid for member in self.members for pid in (*children_of(member.process.pid), member.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for member in self.members:
            member.process.wait()
