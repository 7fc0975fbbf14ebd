"""`leadq prune-failed`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import HOURS, example, json_option, pass_app


@click.command(epilog=example("leadq prune-failed --hours 168"))
@click.option("--hours", type=HOURS, default=24, show_default=True, help="Jobs that failed so long ago.")
@json_option
@pass_app
def command(app: App, hours: int) -> None:
    """Delete failed jobs that are old.

    For cron: it never asks.
    """
    app.start_logging()
    deleted = app.store.triage.flush(failed_before=app.store.now() - hours * 3600)
    if app.out.as_json:
        app.out.document({"deleted": deleted})
    else:
        app.out.line(f"{deleted} {'entry' if deleted == 1 else 'entries'} deleted.")
