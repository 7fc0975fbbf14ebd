"""`leadq flush`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.consent import force_option, require_consent
from leadq.commands.options import HOURS, example, json_option, pass_app


@click.command(epilog=example("leadq flush --hours 48", "leadq flush --force"))
@click.option("--hours", type=HOURS, help="Only jobs that failed at least so many hours ago.")
@force_option
@json_option
@pass_app
def command(app: App, hours: int | None, force: bool) -> None:
    """Delete all failed jobs.

    Their notifications are given up for good. With APP_ENV=production it asks first.
    """
    app.start_logging()
    require_consent(app, "This deletes failed jobs for good.", force=force)
    before = None if hours is None else app.store.now() - hours * 3600
    deleted = app.store.triage.flush(failed_before=before)
    if app.out.as_json:
        app.out.document({"deleted": deleted})
    else:
        app.out.line(f"{deleted} failed {'job' if deleted == 1 else 'jobs'} deleted.")
