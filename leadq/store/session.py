"""One database as the store's rooms use it: its tables, its transactions, its errors explained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import Database

from leadq.store.dialect import Dialect
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
        with explained_errors(), self.database.atomic(*self.dialect.begin):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For queries that take no lock."""
        with explained_errors():
            yield

    def change_counter(self) -> int | None:
        """See Store.change_counter."""
        if self.dialect.change_counter is None:
            return None
        with explained_errors():
            (number,) = self.database.execute_sql(self.dialect.change_counter).fetchone()
        return int(number)

    def reset(self) -> None:
        """See Store.reset."""
        while self.database.transaction_depth():
            self.database.pop_transaction()
        self.close()

    def close(self) -> None:
        """See Store.close."""
        if not self.database.is_closed():
            self.database.close()
