"""`leadq prune-batches`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import HOURS, example, json_option, pass_app


@click.command(epilog=example("leadq prune-batches --hours 168", "leadq prune-batches --unfinished 72 --cancelled 72"))
@click.option("--hours", type=HOURS, default=24, show_default=True, help="Batches that finished so long ago.")
@click.option("--unfinished", type=HOURS, help="Unfinished batches, too, that were made so many hours ago.")
@click.option("--cancelled", type=HOURS, help="Cancelled batches, too, that were made so many hours ago.")
@json_option
@pass_app
def command(app: App, hours: int, unfinished: int | None, cancelled: int | None) -> None:
    """Delete batches that are old.

    Their jobs stay: those that wait run, those that failed can be retried one by one. For cron: it never asks.
    """
    app.start_logging()
    batches, now = app.store.batches, app.store.now()
    deleted = {"": batches.prune_finished(now - hours * 3600)}
    if unfinished is not None:
        deleted["unfinished "] = batches.prune_unfinished(now - unfinished * 3600)
    if cancelled is not None:
        deleted["cancelled "] = batches.prune_cancelled(now - cancelled * 3600)
    app.log("Batches pruned", deleted=sum(deleted.values()))
    if app.out.as_json:
        app.out.document({"deleted": sum(deleted.values())})
        return
    for kind, count in deleted.items():
        app.out.line(f"{count} {kind}{'entry' if count == 1 else 'entries'} deleted.")
