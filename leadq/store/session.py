"""One database as the store's rooms use it: its tables, its transactions, its errors explained."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from peewee import Database

from leadq import clock
from leadq.errors import NotFound, StoreContended, StoreUnavailable
from leadq.store.dialect import Dialect
from leadq.store.prepared import Prepared, PreparedRows
from leadq.store.sqlite import SqliteFile
from leadq.store.tables import Tables
from leadq.store.trouble import explained_errors

P = ParamSpec("P")
T = TypeVar("T")

CONTENTION_SECONDS = 10.0  # for so long a transaction that others took back is begun anew
LONGEST_PAUSE_SECONDS = 0.1

_log = logging.getLogger("leadq.store")


class Session:
    """What the rooms share."""

    def __init__(self, database: Database, dialect: Dialect, tables: Tables) -> None:
        self.database = database
        self.dialect = dialect
        self.tables = tables
        self._here = threading.local()  # each thread has a connection, and so transactions, of its own
        self._clock = clock.DatabaseClock(self._ask_the_time) if dialect.clock else None

    # --- transactions ------------------------------------------------------------------------------

    def transact(self, work: Callable[[], T]) -> T:
        """`work()` in one transaction: all that it writes is committed together, or nothing is.

        Inside another call of `transact` it is a part of that one's transaction. Inside a transaction that
        the application has opened on its own database it is a savepoint of that.

        Args:
            work: begun anew where the database has taken the transaction back for another one's sake (MySQL:
                a deadlock, a lock wait), so it must do nothing else that counts. Not in the application's own
                transaction: that is the application's to begin anew.

        Raises:
            StoreContended: that went on for CONTENTION_SECONDS.
        """
        if getattr(self._here, "in_transaction", False):
            return work()
        self._refuse_replaced_file()
        give_up_at, tries = time.monotonic() + CONTENTION_SECONDS, 0
        while True:
            try:
                return self._transact_once(work)
            except StoreContended as error:
                tries += 1
                if self.database.transaction_depth() > 0 or time.monotonic() > give_up_at:
                    raise
                _log.debug("Transaction begun anew: %s", error.message)
                time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.005 * 2**tries)))  # noqa: S311

    def _transact_once(self, work: Callable[[], T]) -> T:
        self._here.in_transaction = True
        database, dialect = self.database, self.dialect
        is_savepoint = database.transaction_depth() > 0
        try:
            with explained_errors(), database.atomic() if is_savepoint else database.transaction(*dialect.begin):
                if is_savepoint and dialect.before_savepoint:
                    database.execute_sql(dialect.before_savepoint)
                return work()
        finally:
            self._here.in_transaction = False

    def after_commit(self, work: Callable[[], object]) -> None:
        """See Store.after_commit."""
        self.database.after_commit(work)

    def locking(self, query: Any) -> Any:
        """`query`, whose rows nobody else changes until the transaction ends; where somebody has, it waits."""
        return query.for_update(self.dialect.row_lock) if self.dialect.row_lock else query

    def locking_free(self, query: Any) -> Any:
        """`query`, passing over rows that somebody else has locked."""
        return query.for_update(self.dialect.free_row_lock) if self.dialect.free_row_lock else query

    def prepare(self, query: Any) -> Prepared:
        """`query`, for being run many times."""
        return Prepared(self.database, query)

    def prepare_rows(self, table: Any, columns: Sequence[str]) -> PreparedRows:
        """An INSERT of many rows into `table`, each with these columns."""
        return PreparedRows(self.database, table, columns)

    def ids_inserted(self, cursor: Any, count: int) -> range:
        """The ids of the `count` rows that one INSERT has just made, in their order."""
        first = cursor.lastrowid if self.dialect.insert_id_is_first else cursor.lastrowid - count + 1
        step = int(self._row_of(self.dialect.id_step)[0]) if self.dialect.id_step else 1
        return range(first, first + step * count, step)

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

    # --- the database ------------------------------------------------------------------------------

    def now(self) -> int:
        """The time in whole UTC seconds, by the one clock that all of a database's users share."""
        return int(self._clock.now()) if self._clock else clock.now()

    def exact_now(self) -> float:
        """The same with fractions of a second."""
        return self._clock.now() if self._clock else time.time()

    def up_since(self) -> int:
        """Since when the database could be used, by its clock; 0 where nobody knows."""
        if self.dialect.uptime is None:
            return 0
        _, seconds = self._row_of(self.dialect.uptime)
        return self.now() - int(seconds)

    def change_counter(self) -> int | None:
        """See Store.change_counter."""
        self._refuse_replaced_file()
        if self.dialect.change_counter is None:
            return None
        return int(self._row_of(self.dialect.change_counter)[0])

    def _ask_the_time(self) -> float:
        return float(self._row_of(self.dialect.clock)[0])

    def _row_of(self, query: str | None) -> Any:
        with explained_errors():
            return self.database.execute_sql(query).fetchone()

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


class _Room(Protocol):
    _session: Session


R = TypeVar("R", bound=_Room)


def in_transaction(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Makes a method of a room one transaction: see Session.transact."""

    @wraps(method)
    def transacted(room: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return room._session.transact(lambda: method(room, *args, **kwargs))

    return transacted
