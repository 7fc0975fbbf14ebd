"""One database as the store's rooms use it: its tables, its transactions, its errors explained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peewee import Database

from leadq import clock
from leadq.errors import NotFound, StoreUnavailable
from leadq.store.dialect import Dialect, SqliteFile
from leadq.store.tables import Tables
from leadq.store.trouble import explained_errors


class Session:
    """What the rooms share."""

    def __init__(self, database: Database, dialect: Dialect, tables: Tables) -> None:
        self.database = database
        self.dialect = dialect
        self.tables = tables

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that will write; inside another one a savepoint, so that calls can be combined."""
        self._refuse_replaced_file()
        with explained_errors(), self.database.atomic(*self.dialect.begin):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For queries that take no lock.

        Raises:
            NotFound: an id larger than any that a database can hold was asked for.
        """
        try:
            with explained_errors():
                yield
        except OverflowError:
            raise NotFound("there is nothing under so large a number") from None

    def now(self) -> int:
        """The time in whole UTC seconds, by the one clock that all of a database's users share."""
        if self.dialect.clock is None:
            return clock.now()
        return int(self._value_of(self.dialect.clock))

    def change_counter(self) -> int | None:
        """See Store.change_counter."""
        self._refuse_replaced_file()
        if self.dialect.change_counter is None:
            return None
        return int(self._value_of(self.dialect.change_counter))

    def _value_of(self, query: str) -> Any:
        with explained_errors():
            (value,) = self.database.execute_sql(query).fetchone()
        return value

    def _refuse_replaced_file(self) -> None:
        database = self.database
        if isinstance(database, SqliteFile) and not database.transaction_depth() and database.was_replaced():
            self.reset()
            raise StoreUnavailable(
                "the database file was replaced or removed", hint="Trying again opens the one that is there now."
            )

    def reset(self) -> None:
        """See Store.reset."""
        while self.database.transaction_depth():
            self.database.pop_transaction()
        self.close()

    def close(self) -> None:
        """See Store.close."""
        if not self.database.is_closed():
            self.database.close()
