"""leadq inside an application: which home and which database its calls go to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from leadq.config import Settings, load_settings
from leadq.errors import ConfigError, HomeNotFound
from leadq.home import MARKER, find_home

if TYPE_CHECKING:
    from peewee import Database

    from leadq.job import Job
    from leadq.leads import NewLead
    from leadq.store.records import Lead, User
    from leadq.store.store import Store

NOWHERE = Path(os.devnull)  # stands in for a home: no file can be in it

_log = logging.getLogger("leadq")


class Target(Protocol):
    """Where the calls of the API go."""

    def create_lead(self, new: NewLead, *, user: str | None, queue: str | None, delay: float, priority: int) -> Lead:
        """See leadq.api.create_lead; `user` is a number or an address, `delay` in seconds."""
        ...

    def create_user(self, *, name: str, email: str) -> User:
        """See leadq.api.create_user."""
        ...

    def dispatch(self, job: Job, *, queue: str | None, delay: float, priority: int | None) -> str:
        """See leadq.api.dispatch; `delay` is in seconds."""
        ...


class Embedding:
    """A home, an application's database, or both.

    Nothing is kept open between two calls, so threads and forked processes share nothing that they must not.

    Args:
        home: a folder; None stands for LEADQ_HOME, else for the nearest home at or above the current folder.
        database: the application's; None stands for the home's.
        environment: beats the home's `.env`; None stands for that of the process.
    """

    def __init__(
        self,
        *,
        home: str | os.PathLike[str] | None = None,
        database: Database | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._given_home = None if home is None else os.fspath(home)
        self._given_database = database
        self._environment = environment
        self._known: tuple[Database, Store] | None = None

    @cached_property
    def settings(self) -> Settings:
        """The home's settings; without a home, those of the environment.

        Raises:
            HomeNotFound: there is no home, and no database either; or the one that is named is none.
            ConfigError: one of them is wrong, or QUEUE_CONNECTION=sync has no home to run jobs for.
        """
        environment = os.environ if self._environment is None else self._environment
        home = self._find_home(environment)
        settings = load_settings(home, environment)
        if home == NOWHERE and settings.queue_connection == "sync":
            raise ConfigError(
                "QUEUE_CONNECTION=sync runs jobs in this process, which needs a home",
                hint="Call leadq.configure(home=…, database=…)",
            )
        return settings

    def _find_home(self, environment: Mapping[str, str]) -> Path:
        if self._given_home == str(NOWHERE):
            return NOWHERE
        if self._given_home is not None:
            home = Path(self._given_home).expanduser().absolute()
            if not (home / MARKER).is_file():
                raise HomeNotFound(
                    f"leadq.configure says {home}, and there is no {MARKER} file in it",
                    hint=f"Make it a home with: leadq init {home}",
                )
            return home
        try:
            return find_home(None, environment, Path.cwd())
        except HomeNotFound:
            if environment.get("LEADQ_HOME"):
                raise
            if self._given_database is not None:
                return NOWHERE
            raise HomeNotFound(
                f"leadq has no home: neither leadq.configure nor LEADQ_HOME names one, and {Path.cwd()} and the "
                f"folders above it have no {MARKER} file",
                hint="Call leadq.configure(home=…), or set LEADQ_HOME.",
            ) from None

    # --- what an application asks for --------------------------------------------------------------

    def create_lead(self, new: NewLead, *, user: str | None, queue: str | None, delay: float, priority: int) -> Lead:
        """See Target."""
        from leadq.leads import Routing, create_lead

        routing = Routing(default_queue=self.settings.default_queue, queue=queue, delay=delay, priority=priority)
        with self.store() as store:
            notified = create_lead(store, new, user=user, routing=routing)
            lead, job = notified.lead, notified.job
            _log.info("Lead created", extra={"fields": {"lead": lead.id, "user": lead.user_id}})
            if job is None:
                _log.warning("Nobody is told of lead %s: there is no active user", lead.id)
                return lead
            self._dispatched(store, job.id, uuid=job.uuid, queue=job.queue, lead=lead.id)
            return lead

    def create_user(self, *, name: str, email: str) -> User:
        """See Target."""
        from leadq.users import create_user

        with self.store() as store:
            return create_user(store, name=name, email=email)

    def dispatch(self, job: Job, *, queue: str | None, delay: float, priority: int | None) -> str:
        """See Target."""
        from leadq.dispatching import dispatch

        with self.store() as store:
            stored = dispatch(
                store, job, default_queue=self.settings.default_queue, queue=queue, delay=delay, priority=priority
            )
            self._dispatched(store, stored.id, uuid=stored.uuid, queue=stored.queue, name=type(job).__name__)
            return stored.uuid

    # --- the store ---------------------------------------------------------------------------------

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, with a connection of this thread's: the application's own where that is open.

        Raises:
            StoreError: it cannot be reached, or its tables do not fit.
            ConfigError: the application's database is of a kind that leadq does not know.
        """
        from leadq.store.embedded import connected, store_in

        known = self._known  # looked at once: threads that come first together may each open one, and keep to it
        database = known[0] if known else self._open_database()
        with connected(database):
            if known is None:
                known = self._known = database, store_in(database)
            yield known[1]

    def _open_database(self) -> Database:
        from leadq.store.dialect import open_database
        from leadq.store.embedded import resolved

        if self._given_database is not None:
            return resolved(self._given_database)
        return open_database(self.settings.database)

    # --- QUEUE_CONNECTION=sync ---------------------------------------------------------------------

    def _dispatched(self, store: Store, job_id: int, **fields: object) -> None:
        _log.info("Job dispatched", extra={"fields": {"job": fields.pop("uuid"), **fields}})
        if self.settings.queue_connection == "sync":
            store.after_commit(self._running(job_id))

    def _running(self, job_id: int) -> Callable[[], None]:
        """What runs a stored job. It raises nothing: the job is stored, and a worker takes it up."""
        from leadq.in_process import run_now

        def run() -> None:
            try:
                with self.store() as store:
                    run_now(store, self.settings, job_id)
            except Exception:  # noqa: BLE001 - what the application has committed must not seem to have failed
                _log.exception("Job %s could not be run at once", job_id)

        return run


_current: Target | None = None
_fallback_home: Path | None = None


def current() -> Target:
    """Where calls go: to what was configured, else to the default home, which is looked for once."""
    global _current
    if _current is None:
        _current = Embedding(home=_fallback_home)
    return _current


def redirect(target: Target | None) -> Target | None:
    """Has calls go to `target`, None standing for the default; returns where they went before."""
    global _current
    before, _current = _current, target
    return before


def load_ahead() -> None:
    """Loads what jobs need that create leads and dispatch jobs: see App.load_ahead."""
    from leadq import api, dispatching, in_process, leads, users  # noqa: F401
    from leadq.store import embedded  # noqa: F401


def fall_back_to(home: Path) -> None:
    """Makes `home` the default one: a job that dispatches another has its worker's home, however that was named."""
    global _fallback_home
    _fallback_home = home
