"""`leadq migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app

if TYPE_CHECKING:
    from leadq.store.schema import MigrationStatus


@click.command(epilog=example("leadq migrate", "leadq migrate --status"))
@click.option("--status", is_flag=True, help="Only list the migrations; exit 1 where one is missing.")
@json_option
@pass_app
def command(app: App, status: bool) -> None:
    """Bring the database up to date.

    Safe to run twice, and from two hosts at once.
    """
    from leadq.store.dialect import open_database
    from leadq.store.schema import LATEST, migrate, migration_status

    database = open_database(app.settings.database, create=not status)
    try:
        if status:
            _print_status(app, migration_status(database))
            return
        applied = migrate(database)
    finally:
        database.close()
    if app.out.as_json:
        app.out.document({"home": str(app.home), "schema": LATEST, "applied": applied})
        return
    for name in applied:
        app.out.line(f"Applied {name}.")
    if not applied:
        app.out.line("Nothing to migrate.")


def _print_status(app: App, migrations: list[MigrationStatus]) -> None:
    if app.out.as_json:
        documents = [{"name": m.name, "applied_at": m.applied_at, "known": m.known} for m in migrations]
        app.out.document({"home": str(app.home), "migrations": documents})
    else:
        remarks = ("", "unknown to this program")
        rows = [(m.name, m.applied_at or "not applied", remarks[not m.known]) for m in migrations]
        app.out.table(("migration", "applied", ""), rows)
    if any(m.applied_at is None or not m.known for m in migrations):
        raise click.exceptions.Exit(1)
