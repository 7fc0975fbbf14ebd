"""The schema's version: bringing a database up to date, and refusing one that is not."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import Database, OperationalError, ProgrammingError

from leadq.errors import SchemaMismatch, StoreContended, StoreUnavailable
from leadq.store.ddl import create_missing
from leadq.store.dialect import DDL_SECONDS, dialect_of
from leadq.store.trouble import explain, explained_errors

MIGRATIONS = Path(__file__).parent / "migrations"
HISTORY = "leadq_migration"  # Peewee's default belongs to the application, whose first migration has the same name
LATEST = "0001_initial"  # the newest file in MIGRATIONS: spelled out, so that no command lists a folder
TURN_SECONDS = 1.0  # so long others have their turn where a migration could not get hold of a table

_log = logging.getLogger("leadq.store")


@dataclass(frozen=True, kw_only=True)
class MigrationStatus:
    """One migration. `known` is False where the database has one that this program lacks."""

    name: str
    applied_at: str | None
    known: bool


def migrate(database: Database) -> list[str]:
    """Applies what is missing and returns the names of what was applied.

    A second host waits meanwhile and then finds nothing to do. One that dies on the way leaves nothing behind on
    SQLite; on MySQL, which commits each table by itself, the next run finishes what is left.

    Raises:
        SchemaMismatch: the database is newer than this program, or has tables of another one under the same names.
        StoreError: the account may not change tables, the server cannot be reached, or another program keeps a
            transaction open (StoreContended).
    """
    with explained_errors(), _alone(database):
        applied = _applied(database)
        _refuse_newer(applied)
        if applied and applied[-1] == LATEST:  # an account that may not make tables can say so, too
            return []
        from playhouse.migrations import Runner

        runner = Runner(database, str(MIGRATIONS), table_name=HISTORY)
        create_missing(database, [runner.History])  # its index, too, where the run before was broken off
        _apply(runner)
        return [name for name in _applied(database) if name not in applied]


def migration_status(database: Database) -> list[MigrationStatus]:
    """Every migration, applied or not, in order."""
    from playhouse.migrations import Runner

    with explained_errors():
        return [
            MigrationStatus(
                name=migration.name,
                applied_at=migration.applied and str(migration.applied)[:19],
                known=migration.path is not None,
            )
            for migration in Runner(database, str(MIGRATIONS), table_name=HISTORY).status()
        ]


def require_current_schema(database: Database, *, or_newer: bool = False) -> None:
    """Returns where the tables fit this program.

    Args:
        or_newer: whether those of a newer version are taken for such, with a warning in the log: migrations only add.

    Raises:
        SchemaMismatch: they are missing, older or newer.
    """
    with explained_errors():
        applied = _applied(database)
    if or_newer and _is_newer(applied):
        _log.warning("The database is newer than this program (it is at %s, expected %s)", applied[-1], LATEST)
        return
    _refuse_newer(applied)
    if not applied:
        raise SchemaMismatch("the database has no tables of leadq", hint="Run: leadq migrate")
    if applied[-1] != LATEST:
        raise SchemaMismatch(
            f"the database is older than this program (it is at {applied[-1]}, expected {LATEST})",
            hint="Run: leadq migrate",
        )


def _apply(runner: Any) -> None:
    """Applies what is missing, from where it was broken off wherever others have kept a table for too long.

    A worker has no transaction open while a job runs; an application or a backup may have one.
    """
    dialect = dialect_of(runner.database)
    if dialect.short_ddl_wait:
        runner.database.execute_sql(dialect.short_ddl_wait)
    give_up_at = time.monotonic() + DDL_SECONDS
    while True:
        try:
            runner.up()
            return
        except OperationalError as error:
            if not isinstance(explain(error), StoreContended) or time.monotonic() > give_up_at:
                raise
        time.sleep(TURN_SECONDS)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keeps a second migration out."""
    dialect = dialect_of(database)
    ((alone,),) = database.execute_sql(dialect.before_ddl).fetchall()
    if not alone:
        raise StoreUnavailable(
            f"another migration has been running for {DDL_SECONDS} s",
            hint="Try again; if it stays so: SHOW PROCESSLIST",
        )
    try:
        with database.atomic(*dialect.begin):
            yield
    finally:
        if dialect.after_ddl:
            database.execute_sql(dialect.after_ddl)


def _applied(database: Database) -> list[str]:
    try:
        rows = database.execute_sql(f"SELECT name FROM {HISTORY} ORDER BY name").fetchall()  # noqa: S608 - a constant
    except (OperationalError, ProgrammingError) as error:
        if isinstance(explain(error), SchemaMismatch):
            return []
        raise
    return [name for (name,) in rows]


def _is_newer(applied: list[str]) -> bool:
    return bool(applied) and applied[-1] > LATEST


def _refuse_newer(applied: list[str]) -> None:
    if _is_newer(applied):
        raise SchemaMismatch(
            f"the database is newer than this program (it is at {applied[-1]}, this program knows {LATEST})",
            hint="Install the newer leadq on this host.",
        )
