"""The schema's version: bringing a database up to date, and refusing one that is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from peewee import Database, OperationalError

from leadq.errors import SchemaMismatch
from leadq.store.dialect import dialect_of
from leadq.store.trouble import explained_errors

MIGRATIONS = Path(__file__).parent / "migrations"
LATEST = "0001_initial"  # the newest file in MIGRATIONS: spelled out, so that no command lists a folder


@dataclass(frozen=True, kw_only=True)
class MigrationStatus:
    """One migration. `known` is False where the database has one that this program lacks."""

    name: str
    applied_at: str | None
    known: bool


def migrate(database: Database) -> list[str]:
    """Applies what is missing, all in one transaction, and returns the names of what was applied.

    Raises:
        SchemaMismatch: the database is newer than this program.
    """
    from playhouse.migrations import Runner

    with explained_errors():
        with database.atomic(*dialect_of(database).begin):  # a second host waits here and then finds nothing to do
            _refuse_newer(_applied(database))
            applied: list[str] = Runner(database, str(MIGRATIONS)).up()
        return applied


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
            for migration in Runner(database, str(MIGRATIONS)).status()
        ]


def require_current_schema(database: Database) -> None:
    """Returns where the tables fit this program.

    Raises:
        SchemaMismatch: they are missing, older or newer.
    """
    with explained_errors():
        applied = _applied(database)
    _refuse_newer(applied)
    if not applied:
        raise SchemaMismatch("the database has no tables of leadq", hint="Run: leadq migrate")
    if applied[-1] != LATEST:
        raise SchemaMismatch(
            f"the database is older than this program (it is at {applied[-1]}, expected {LATEST})",
            hint="Run: leadq migrate",
        )


def _applied(database: Database) -> list[str]:
    try:
        rows = database.execute_sql("SELECT name FROM schema_migration ORDER BY name").fetchall()
    except OperationalError as error:
        if "no such table" in str(error):
            return []
        raise
    return [name for (name,) in rows]


def _refuse_newer(applied: list[str]) -> None:
    if applied and applied[-1] > LATEST:
        raise SchemaMismatch(
            f"the database is newer than this program (it is at {applied[-1]}, this program knows {LATEST})",
            hint="Install the newer leadq on this host.",
        )
