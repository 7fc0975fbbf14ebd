"""`leadq init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.command(epilog=example("leadq init", "leadq init /srv/leadq"))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False))
@json_option
@pass_app
def command(app: App, folder: str | None) -> None:
    """Make a folder the home of a queue.

    Puts the marker file .leadq, a .env with every setting explained, storage/ and the database there. What
    is there already is kept.
    """
    from leadq.config import load_settings
    from leadq.home import make_home
    from leadq.store.dialect import open_database
    from leadq.store.schema import LATEST, migrate

    home = make_home(Path(folder or app.home_option or os.environ.get("LEADQ_HOME") or ".").expanduser().absolute())
    settings = load_settings(home)
    database = open_database(settings.database, create=True)
    try:
        applied = migrate(database)
    finally:
        database.close()
    if app.out.as_json:
        app.out.document({"home": str(home), "schema": LATEST, "applied": applied})
        return
    app.out.line(f"{home} is a home of leadq now." if applied else f"{home} is a home of leadq.")
    app.out.note("Next: leadq user create --name NAME --email ADDRESS, then: leadq lead create")
