"""A worker's part in an outage of the mail: it makes a probe when one is due, and lets the held jobs go at its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from leadq.store.outcomes import Failed, Held, Outcome, Released
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from leadq.worker import events

LOOK_SECONDS = 1.0
FIRST_LOOK_SECONDS = 10.0  # … where none is known: a worker with a mail to send finds out by that


class OutageWatch:
    """Looks at the outage: once a second while there is one.

    Args:
        store: where it is kept.
        holds: whether MAIL_OUTAGE=hold.
        outage_max: seconds that a job is held at most.
        report: told when an outage is seen, and when it is over.
    """

    def __init__(
        self,
        store: Store,
        *,
        holds: bool,
        outage_max: float,
        report: Callable[[events.WorkerEvent], None],
    ) -> None:
        self._store = store
        self._holds = holds
        self._outage_max = outage_max
        self._report = report
        self._look_at = 0.0
        self._seen = False

    @property
    def wants_a_look(self) -> bool:
        """Whether the worker should ask for a probe before its next job."""
        return self._seen and time.monotonic() >= self._look_at

    def seconds_until_look(self, at_most: float) -> float:
        """How long the worker may sleep."""
        return min(at_most, max(0.0, self._look_at - time.monotonic())) if self._seen else at_most

    def probe(self, queues: Sequence[str], worker_id: int) -> ClaimedJob | None:
        """A job of `queues` to find out with whether mail can leave again, where that is due."""
        if time.monotonic() < self._look_at:
            return None
        outage = self._store.outages.current()
        if outage is not None and not self._holds:  # the setting was changed: what is held must not stay so
            self._store.outages.end()
            outage = None
        if outage is None:
            self._let_go()
            self._look_at = time.monotonic() + FIRST_LOOK_SECONDS if self._holds else math.inf
            return None
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._see(outage.error, outage.since)
        self._store.outages.release(due_before=self._store.now() - int(self._outage_max))  # they fail now
        return self._store.outages.claim_probe(queues, worker_id)

    def settled(self, claimed: ClaimedJob, outcome: Outcome, *, reached: bool | None) -> None:
        """Draws the conclusion from a job's end.

        Args:
            claimed: the job.
            outcome: its end.
            reached: whether its mail reached a server: see GatedMailer.
        """
        if isinstance(outcome, Held):
            outage = self._store.outages.current()
            if outage is not None:
                self._see(outage.error, outage.since)
        elif claimed.probe and reached:
            self._store.outages.end()
            self._let_go()
        elif claimed.probe and reached is None:
            self._store.outages.probe_again()
        elif claimed.probe and isinstance(outcome, Released | Failed):  # it has waited as long as it may
            self._store.outages.note_failure(outcome.error, probe=True)

    def _see(self, error: str, since: int) -> None:
        if not self._seen:
            self._seen = True
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._report(events.MailOutageSeen(error=error, since=since))

    def _let_go(self) -> None:
        released = self._store.outages.release()
        if self._seen or released:
            self._report(events.MailOutageOver(released=released))
        self._seen = False
