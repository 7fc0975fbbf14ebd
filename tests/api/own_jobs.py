"""A developer's own jobs, as LEADQ_JOBS has workers load them. They note what they did in `notes.txt`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import leadq


def note(text: object) -> None:
    with Path("notes.txt").open("a", encoding="utf-8") as notes:
        notes.write(f"{text}\n")


@dataclass
class Greet(leadq.Job):
    """Says what it was given."""

    lead_id: int
    words: list[str] = field(default_factory=list)

    def handle(self, context: leadq.JobContext) -> None:
        lead = context.store.leads.get(self.lead_id)
        context.log.info("Greeting")
        note(f"{lead.name} {self.words} {context.uuid} attempt {context.attempt} {type(context.mailer).__name__}")


@dataclass
class Doomed(leadq.Job):
    """Fails at every attempt."""

    text: str
    tries = 3
    backoff = 0
    queue = "doomed"

    def handle(self, context: leadq.JobContext) -> None:
        note(f"{self.text}, attempt {context.attempt}")
        raise ValueError("no")

    def failed(self, context: leadq.JobContext, error: BaseException) -> None:
        note(f"{self.text}, failed: {error!r} at attempt {context.attempt}")


@dataclass
class Chain(leadq.Job):
    """Dispatches another."""

    lead_id: int

    def handle(self, context: leadq.JobContext) -> None:
        leadq.dispatch(Greet(lead_id=self.lead_id, words=["from a job"]))


@dataclass
class Waiting(leadq.Job):
    """Waits a day for its second attempt."""

    tries = 2
    backoff = (86400,)

    def handle(self, context: leadq.JobContext) -> None:
        if context.attempt == 1:
            raise ValueError("later")
        note("at last")
