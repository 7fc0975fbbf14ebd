"""A transaction that begins along with its first statement: of five answers that a job waits for it needs four."""

from __future__ import annotations

import threading
from typing import Any

import peewee

MULTI_STATEMENTS = 1 << 16  # https://dev.mysql.com/doc/c-api/8.0/en/c-api-multiple-queries.html


class LateBegin(peewee.MySQLDatabase):
    """A server that is sent `BEGIN; STATEMENT` in one packet. Its connections need the flag MULTI_STATEMENTS.

    A transaction without a statement never begins.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._here = threading.local()  # as its connections are
        super().__init__(*args, **kwargs)

    def begin(self, isolation_level: str | None = None) -> None:
        """The next statement begins a transaction; one with a level of its own begins now."""
        if isolation_level is not None:
            super().begin(isolation_level)
            return
        self.connection()  # to connect forgets what transactions there are, so it must not come with the statement
        self._here.begins = True

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Runs a statement and returns the driver's cursor."""
        if not self._takes_begin():
            return super().execute_sql(sql, params)
        cursor = super().execute_sql(f"BEGIN; {sql}", params)
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor.nextset()  # from the reply to BEGIN to the statement's own
        return cursor

    def commit(self) -> None:
        """Ends the transaction."""
        if not self._takes_begin():
            super().commit()

    def rollback(self) -> None:
        """Takes back what it did."""
        if not self._takes_begin():
            super().rollback()

    def _close(self, conn: Any) -> None:
        self._here.begins = False
        super()._close(conn)  # type: ignore[misc]  # Peewee's hook for subclasses

    def _takes_begin(self) -> bool:
        begins = getattr(self._here, "begins", False)
        self._here.begins = False
        return begins
