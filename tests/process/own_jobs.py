"""The application's own jobs that the tests here run; `home.add_module` copies this file into a home.

A job says where it is by files in the home: lines of `notes.txt` for what it did, `NAME.running` while it runs.
It waits for `NAME.go`.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import itertools
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from leadq.errors import PermanentFailure
from leadq.job import Job, JobContext
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail

HOARD: list[bytes] = []


def note(text: str) -> None:
    with Path("notes.txt").open("a", encoding="utf-8") as notes:
        notes.write(text + "\n")


def hold(name: str) -> None:
    """Runs until `NAME.go` is there; `NAME.running` grows meanwhile."""
    with Path(f"{name}.running").open("ab", buffering=0) as beats:
        while not Path(f"{name}.go").exists():
            beats.write(b".")
            time.sleep(0.01)


@dataclass
class Note(Job):
    """Notes its text."""

    text: str

    def handle(self, context: JobContext) -> None:
        note(self.text)


@dataclass
class Held(Job):
    """Runs until it is let go, then notes its name."""

    name: str

    def handle(self, context: JobContext) -> None:
        hold(self.name)
        note(self.name)


@dataclass
class Flaky(Job):
    """Fails so many times, then succeeds."""

    failures: int
    text: str = "at last"

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        if context.attempt <= self.failures:
            raise RuntimeError(f"not yet, {self.text}")

    def failed(self, context: JobContext, error: BaseException) -> None:
        note(f"failed for good: {type(error).__name__}")


@dataclass
class HeldInFailed(Job):
    """Fails, and what it does about that runs until it is let go."""

    name: str

    def handle(self, context: JobContext) -> None:
        raise PermanentFailure("it cannot work")

    def failed(self, context: JobContext, error: BaseException) -> None:
        hold(self.name)


@dataclass
class Raising(Job):
    """Raises what the test asks for."""

    what: str

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        kinds = (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)
        raise {kind.__name__: kind for kind in kinds}[self.what]


@dataclass
class Endless(Job):
    """Never ends by itself; catches every Exception."""

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                note("ate it")


@dataclass
class Uninterruptible(Job):
    """Never ends by itself; catches everything that is raised in it."""

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(60)


@dataclass
class InC(Job):
    """Never ends by itself, and never lets Python look at a signal, nor another thread run."""

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        collections.deque(itertools.repeat(None), maxlen=0)


@dataclass
class Exiting(Job):
    """Ends its process without a word."""

    code: int = 3

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        os._exit(self.code)


@dataclass
class Crashing(Job):
    """Reads where there is no memory."""

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        ctypes.string_at(0)


@dataclass
class Fatal(Job):
    """Kills its worker."""

    def handle(self, context: JobContext) -> None:
        note(f"attempt {context.attempt}")
        os.kill(os.getpid(), signal.SIGKILL)

    def failed(self, context: JobContext, error: BaseException) -> None:
        note(f"failed for good: {type(error).__name__}")


@dataclass
class Greedy(Job):
    """Keeps 200 MB for ever."""

    def handle(self, context: JobContext) -> None:
        HOARD.append(b"x" * 200_000_000)
        note("greedy")


@dataclass
class Tick(Job):
    """Notes when it ran."""

    def handle(self, context: JobContext) -> None:
        note(json.dumps(time.monotonic()))


@dataclass
class WriteToStore(Job):
    """Runs until it is let go, then writes to the store."""

    name: str
    lead_id: int

    def handle(self, context: JobContext) -> None:
        hold(self.name)
        context.store.leads.set_user(self.lead_id, 1)
        note(self.name)


@dataclass(frozen=True)
class MailThenHold(SendLeadCreatedEmail):
    """The built-in job, which is held once its mail was accepted."""

    def handle(self, context: JobContext) -> None:
        super().handle(context)
        hold("mailed")


@dataclass
class Lasting(Job):
    """Takes so many seconds; notes when it begins and ends."""

    seconds: float

    def handle(self, context: JobContext) -> None:
        note(f"begins, attempt {context.attempt}")
        time.sleep(self.seconds)
        note("ends")
