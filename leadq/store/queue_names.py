"""The names of the queues that the database knows."""

from __future__ import annotations

from leadq.store.session import Session


class QueueNames:
    """What stands in the rows of jobs, failed jobs and workers: a queue has no row of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tables = session.tables

    def all(self) -> list[str]:
        """The names in order. They may have been written by anybody."""
        tables = self._tables
        names: set[str] = set()
        with self._session.reading():
            for rows in (tables.jobs, tables.failed_jobs):
                names |= {name for (name,) in rows.select(rows.queue).distinct().tuples()}
            for (listed,) in tables.workers.select(tables.workers.queues).distinct().tuples():
                names |= set(listed.split(","))
        return sorted(names - {""})
