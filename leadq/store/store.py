"""The store: one database, and a room for each kind of row, opened on first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from peewee import Database

from leadq.config import DatabaseSettings
from leadq.store.batch_counts import BatchCounts
from leadq.store.dialect import dialect_of, open_database
from leadq.store.schema import require_current_schema
from leadq.store.session import Session
from leadq.store.tables import Tables

if TYPE_CHECKING:
    from leadq.store.batches import Batches
    from leadq.store.claims import Claims
    from leadq.store.control import Control
    from leadq.store.deliveries import Deliveries
    from leadq.store.failed import FailedJobs
    from leadq.store.jobs import Jobs
    from leadq.store.leads import Leads
    from leadq.store.mail_pace import MailPace
    from leadq.store.metrics import Metrics
    from leadq.store.outages import Outages
    from leadq.store.queue_names import QueueNames
    from leadq.store.settle import Settlements
    from leadq.store.triage import Triage
    from leadq.store.users import Users
    from leadq.store.workers import Workers

T = TypeVar("T")


class Store:
    """Everything that is kept, behind plain calls.

    Args:
        database: a Peewee database; the application's own works too, and then its open transaction is
            joined.
        or_newer: whether the tables of a newer version will do, too: see require_current_schema.

    Raises:
        SchemaMismatch: its tables are missing, older or newer.
    """

    def __init__(self, database: Database, *, or_newer: bool = False) -> None:
        require_current_schema(database, or_newer=or_newer)
        self._session = Session(database, dialect_of(database), Tables(database))
        self._batch_counts = BatchCounts(self._session)

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

    def after_commit(self, work: Callable[[], object]) -> None:
        """Calls `work` once this thread's open transaction is committed, or now where there is none.

        Nothing is called where the transaction is rolled back. Where a savepoint of it is, `work` is called.

        Args:
            work: raises nothing: what is committed would seem not to be.
        """
        self._session.after_commit(work)

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

    def open_rooms(self) -> None:
        """Opens every room: for a program that lasts, which could find other files than its own later."""
        for name, room in vars(Store).items():
            if isinstance(room, cached_property):
                getattr(self, name)

    # --- the rooms: a short command pays for those that it enters -----------------------------------

    @cached_property
    def users(self) -> Users:
        """The colleagues who receive leads."""
        from leadq.store.users import Users

        return Users(self._session)

    @cached_property
    def leads(self) -> Leads:
        """The leads."""
        from leadq.store.leads import Leads

        return Leads(self._session)

    @cached_property
    def deliveries(self) -> Deliveries:
        """The record of each notification."""
        from leadq.store.deliveries import Deliveries

        return Deliveries(self._session)

    @cached_property
    def workers(self) -> Workers:
        """Who works here."""
        from leadq.store.workers import Workers

        return Workers(self._session, self.deliveries, self.metrics)

    @cached_property
    def jobs(self) -> Jobs:
        """Waiting and running jobs."""
        from leadq.store.jobs import Jobs

        return Jobs(self._session, self.deliveries, self._batch_counts)

    @cached_property
    def claims(self) -> Claims:
        """Takes jobs for workers."""
        from leadq.store.claims import Claims

        return Claims(self._session)

    @cached_property
    def settlements(self) -> Settlements:
        """Ends attempts."""
        from leadq.store.settle import Settlements

        return Settlements(self._session, self.claims, self.deliveries, self.outages, self._batch_counts)

    @cached_property
    def outages(self) -> Outages:
        """Outages of the mail."""
        from leadq.store.outages import Outages

        return Outages(self._session, self.claims)

    @cached_property
    def control(self) -> Control:
        """What workers are told: pauses and restarts."""
        from leadq.store.control import Control

        return Control(self._session)

    @cached_property
    def mail_pace(self) -> MailPace:
        """The pace of mails."""
        from leadq.store.mail_pace import MailPace

        return MailPace(self._session)

    @cached_property
    def metrics(self) -> Metrics:
        """What workers have done of late."""
        from leadq.store.metrics import Metrics

        return Metrics(self._session)

    @cached_property
    def failed(self) -> FailedJobs:
        """Failed jobs, to be looked at."""
        from leadq.store.failed import FailedJobs

        return FailedJobs(self._session)

    @cached_property
    def triage(self) -> Triage:
        """Failed jobs, to be moved and deleted."""
        from leadq.store.triage import Triage

        return Triage(self._session, self.deliveries, self._batch_counts)

    @cached_property
    def batches(self) -> Batches:
        """Batches of jobs."""
        from leadq.store.batches import Batches

        return Batches(self._session, self.jobs, self._batch_counts)

    @cached_property
    def queue_names(self) -> QueueNames:
        """The names of the queues."""
        from leadq.store.queue_names import QueueNames

        return QueueNames(self._session)
