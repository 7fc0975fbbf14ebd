"""Outages of the mail: with MAIL_OUTAGE=hold jobs wait for their end, and one attempt at a time looks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from leadq.store.claims import Claims
from leadq.store.jobs import CHUNK, DUE, HELD
from leadq.store.prepared import Prepared
from leadq.store.records import ClaimedJob, Outage
from leadq.store.session import Session, in_transaction

FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 60  # between two probes, and how long one may take before another worker makes the next
THE_ONE = 1  # mail_outage.id


class Outages:
    """The row of `mail_outage`, and the rows of `jobs` that are held for it.

    A held job keeps its place by priority and age. Whatever becomes of the worker that makes a probe, none is lost: the
    row stays, and the next probe is made by somebody else.
    """

    def __init__(self, session: Session, claims: Claims) -> None:
        self._session = session
        self._rows = session.tables.mail_outage
        self._jobs = session.tables.jobs
        self._claims = claims

    def current(self) -> Outage | None:
        """The outage that lasts, if there is one."""
        with self._session.reading():
            row = self._current.row()
        return None if row is None else Outage(since=row[0], error=row[1], probes=row[2], next_probe_at=row[3])

    def held_jobs(self) -> int:
        """How many jobs wait for its end."""
        with self._session.reading():
            count: int = self._jobs.select().where(self._jobs.stage == HELD).count()
        return count

    @in_transaction
    def note_failure(self, error: str, *, probe: bool) -> None:
        """Begins an outage; in one that lasts a probe's failure makes the pause before the next one longer.

        Args:
            error: why no mail can leave, in one line.
            probe: whether it was a probe that failed. Others were under way when the outage began, and change nothing.
        """
        rows, now = self._rows, self._session.now()
        for probes in self._session.locking(rows.select(rows.probes).where(rows.id == THE_ONE)).tuples():
            if probe:
                tried = probes[0] + 1
                noted = rows.update(error=error, probes=tried, next_probe_at=now + _pause(tried))
                noted.where(rows.id == THE_ONE).execute()
            return
        begun = rows.insert(id=THE_ONE, since=now, error=error, probes=1, next_probe_at=now + _pause(1))
        begun.on_conflict_ignore().execute()  # somebody else may have met it at the same moment

    @in_transaction
    def claim_probe(self, queues: Sequence[str], worker_id: int) -> ClaimedJob | None:
        """Takes a job as the probe, where one is due and nobody else makes it: a held one, or else the next of all."""
        rows, now = self._rows, self._session.now()
        due = (rows.id == THE_ONE) & (rows.next_probe_at <= now)
        if not list(self._session.locking(rows.select(rows.id).where(due)).tuples()):
            return None
        probe = self._claims.claim_held(queues, worker_id) or self._claims.claim_along(queues, worker_id)[1]
        if probe is not None:
            rows.update(next_probe_at=now + LONGEST_PAUSE_SECONDS).where(rows.id == THE_ONE).execute()
        elif not self._is_any_held():  # the next ordinary attempt finds out
            self.end()
        return probe and replace(probe, probe=True)

    @in_transaction
    def probe_again(self) -> None:
        """Makes the next probe due at once: the last one has ended without a word with the mail server."""
        self._rows.update(next_probe_at=self._session.now()).where(self._rows.id == THE_ONE).execute()

    @in_transaction
    def end(self) -> None:
        """Mail can leave again. `release` then lets the held jobs run."""
        self._rows.delete().where(self._rows.id == THE_ONE).execute()

    def release(self, *, due_before: int | None = None) -> int:
        """Makes held jobs due, in chunks so that workers can write in between, and returns how many.

        Args:
            due_before: those that have been due since before that time, in UTC seconds; None for all.
        """
        released = 0
        while found := self._release_chunk(due_before):
            released += found
        return released

    @in_transaction
    def _release_chunk(self, due_before: int | None) -> int:
        jobs = self._jobs
        held = jobs.stage == HELD
        if due_before is not None:
            held &= jobs.available_at < due_before
        ids = [job_id for (job_id,) in jobs.select(jobs.id).where(held).limit(CHUNK).tuples()]
        if not ids:
            return 0
        changed: int = jobs.update(stage=DUE).where(jobs.id.in_(ids) & (jobs.stage == HELD)).execute()
        return changed

    def _is_any_held(self) -> bool:
        return bool(self._jobs.select().where(self._jobs.stage == HELD).exists())

    @cached_property
    def _current(self) -> Prepared:
        rows = self._rows
        return self._session.prepare(
            rows.select(rows.since, rows.error, rows.probes, rows.next_probe_at).where(rows.id == THE_ONE)
        )


def _pause(probes: int) -> int:
    return min(FIRST_PAUSE_SECONDS << min(probes - 1, 16), LONGEST_PAUSE_SECONDS)
