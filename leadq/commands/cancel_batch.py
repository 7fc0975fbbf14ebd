"""`leadq cancel-batch`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.command(epilog=example("leadq cancel-batch 4f1c"))
@click.argument("reference", metavar="ID")
@json_option
@pass_app
def command(app: App, reference: str) -> None:
    """Delete the waiting jobs of a batch.

    Their notifications are given up. Jobs that are running are left to their workers, and so are jobs that are added
    or retried later: cancel the batch once more to delete those, too.
    """
    app.start_logging()
    batch = app.store.batches.find(reference)
    dropped = app.store.batches.cancel(batch.id)
    app.log("Batch cancelled", batch=batch.id, dropped=dropped)
    if app.out.as_json:
        app.out.document({"cancelled": batch.id, "dropped": dropped})
        return
    app.out.line(f"Batch {batch.id} cancelled; {dropped} waiting {'job was' if dropped == 1 else 'jobs were'} deleted.")
    left = app.store.batches.find(batch.id).pending_jobs
    if left:
        app.out.note(f"{left} {'job is' if left == 1 else 'jobs are'} still pending: running, or added meanwhile.")
