"""The store: one database, and a room for each kind of row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from peewee import Database

from leadq.config import DatabaseSettings
from leadq.store.claims import Claims
from leadq.store.deliveries import Deliveries
from leadq.store.dialect import dialect_of, open_database
from leadq.store.failed import FailedJobs
from leadq.store.jobs import Jobs
from leadq.store.leads import Leads
from leadq.store.schema import require_current_schema
from leadq.store.session import Session
from leadq.store.settle import Settlements
from leadq.store.tables import Tables
from leadq.store.triage import Triage
from leadq.store.users import Users
from leadq.store.workers import Workers

T = TypeVar("T")


class Store:
    """Everything that is kept, behind plain calls.

    Args:
        database: a Peewee database; the application's own works too, and then its open transaction is
            joined.

    Raises:
        SchemaMismatch: its tables are missing, older or newer.
    """

    def __init__(self, database: Database) -> None:
        require_current_schema(database)
        self._session = Session(database, dialect_of(database), Tables(database))
        self.users = Users(self._session)
        self.leads = Leads(self._session)
        self.deliveries = Deliveries(self._session)
        self.workers = Workers(self._session, self.deliveries)
        self.jobs = Jobs(self._session, self.deliveries)
        self.claims = Claims(self._session)
        self.settlements = Settlements(self._session, self.claims, self.deliveries)
        self.failed = FailedJobs(self._session)
        self.triage = Triage(self._session, self.deliveries)

    @classmethod
    def open(cls, settings: DatabaseSettings) -> Store:
        """The store of a home.

        Raises:
            StoreError: it cannot be reached, or its tables do not fit.
        """
        database = open_database(settings)
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    def transact(self, work: Callable[[], T]) -> T:
        """`work()` in one transaction: what it does with this store is committed together, or not at all.

        Args:
            work: may be begun anew, so it must do nothing else that counts: see Session.transact.
        """
        return self._session.transact(work)

    def now(self) -> int:
        """The time in whole UTC seconds, by the database's clock where it has one."""
        return self._session.now()

    @property
    def glance_seconds(self) -> float:
        """How often an idle worker should look whether there is something new."""
        return self._session.dialect.glance_seconds

    def change_counter(self) -> int | None:
        """A number that differs from the last one when another process has committed; None where unknown."""
        return self._session.change_counter()

    def reset(self) -> None:
        """Drops the connection and whatever transaction is open on it; the next call opens a new one.

        For after an interruption that may have struck inside a statement.
        """
        self._session.reset()

    def close(self) -> None:
        """Closes the connection of this thread."""
        self._session.close()
