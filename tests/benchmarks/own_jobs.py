"""The jobs that workers run for a benchmark: LEADQ_JOBS names this module."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from leadq.job import Job, JobContext
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from tests.benchmarks import stopwatch

STARTS, GO = "starts.txt", "go"


@dataclass
class Gate(Job):
    """Waits until every worker has one of these."""

    processes: int

    def handle(self, context: JobContext) -> None:
        stopwatch.wait_for_everyone(self.processes)


@dataclass
class Nothing(Job):
    """Notes its time."""

    def handle(self, context: JobContext) -> None:
        stopwatch.note()


@dataclass(frozen=True)
class TimedMail(SendLeadCreatedEmail):
    """The built-in job, which notes when its mail was accepted."""

    def handle(self, context: JobContext) -> None:
        super().handle(context)
        stopwatch.note()


@dataclass
class Held(Job):
    """Notes its start and runs until it is let go."""

    name: str

    def handle(self, context: JobContext) -> None:
        with Path(STARTS).open("a") as starts:
            starts.write(f"{self.name} {os.getpid()} {time.monotonic()}\n")
        while not Path(GO).exists():
            time.sleep(0.005)
