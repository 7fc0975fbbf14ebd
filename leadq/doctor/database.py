"""The database: there, of the right schema, writable, safe to share; and its clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from leadq.doctor.check import Finding, Skipped, Step, fail, ok, warn
from leadq.doctor.settings import HomeSettings
from leadq.errors import SchemaMismatch, StoreContended, StoreUnavailable

if TYPE_CHECKING:
    from leadq.store.health import DatabaseHealth, Trait
    from leadq.store.store import Store

REPLY_SECONDS = 8  # less than a check has: what took too long is told by its name
CLOCKS_MAY_DIFFER = 5.0  # seconds
LOCKED = "locked"


class DatabaseArea:
    """The checks of the database, and the connection that those of the queue share.

    Used in one thread: a connection belongs to its thread.
    """

    def __init__(self, settings: HomeSettings) -> None:
        self._settings = settings
        self._health: DatabaseHealth | None = None
        self._store: Store | None = None

    def steps(self) -> list[Step]:
        """The checks, the first of which connects."""
        return [
            Step("database", self._reach),
            Step("schema", self._schema),
            Step("locking", self._locking),
            Step("writing", self._writing),  # from then on this connection waits for no lock as long as leadq's others
            Step("tables", self._tables),
            Step("clock", self._clock),
        ]

    @property
    def health(self) -> DatabaseHealth:
        """The database, where it can be reached. Raises Skipped."""
        if self._health is None:
            raise Skipped("the database cannot be used")
        return self._health

    @property
    def store(self) -> Store:
        """The store, where the schema fits. Raises Skipped."""
        if self._store is None:
            raise Skipped("the database cannot be used" if self._health is None else "the schema does not fit")
        return self._store

    def close(self) -> None:
        """Closes the connection."""
        if self._health is not None:
            self._health.close()

    def _reach(self) -> Finding:
        from leadq.store.health import open_health

        settings = self._settings.require_database()
        health = open_health(settings, reply_seconds=REPLY_SECONDS)
        try:
            told = health.describe()
        except BaseException:
            health.close()
            raise
        self._health = health
        place = settings.socket or f"{settings.host}:{settings.port}"
        return ok(f"{told}, {settings.path}" if settings.path else f"{told}, {settings.name} at {place}")

    def _schema(self) -> Finding:
        from leadq.store.schema import LATEST

        self.health.require_current_schema()
        self._store = self.health.store()
        return ok(LATEST)

    def _writing(self) -> Finding:
        try:
            self.health.try_writing()
        except SchemaMismatch as error:
            raise Skipped("the schema does not fit") from error
        except StoreContended as error:
            return warn(error.message, error.hint)
        except StoreUnavailable as error:
            return warn(error.message, error.hint) if LOCKED in error.message else fail(error.message, error.hint)
        return ok("works (a write was tried and taken back)")

    def _locking(self) -> Finding:
        return _of_traits(self.health.locking(), judge=warn)

    def _tables(self) -> Finding:
        _ = self.store
        traits = self.health.tables()
        return _of_traits(traits, judge=fail) if traits else ok("all there")

    def _clock(self) -> Finding:
        ahead = self.health.clock_ahead()
        if ahead is None:
            return ok("the database goes by this host's")
        if abs(ahead) <= CLOCKS_MAY_DIFFER:
            return ok("this host and the database agree")
        return warn(
            f"the database's clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} this host's, "
            "and leadq goes by the database's",
            "Have both hosts set their clocks by NTP: timedatectl set-ntp true",
        )


def _of_traits(traits: list[Trait], *, judge: Callable[[str, str], Finding]) -> Finding:
    wrong = [trait for trait in traits if trait.remedy is not None]
    if not wrong:
        return ok(", ".join(trait.words for trait in traits))
    return judge("; ".join(trait.words for trait in wrong), "; ".join(dict.fromkeys(one.remedy or "" for one in wrong)))
