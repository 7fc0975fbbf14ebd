"""`leadq forget`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import QUEUE_NAME, RANGE, example, json_option, pass_app
from leadq.commands.selection import select_failed


@click.command(epilog=example("leadq forget 17", "leadq forget 4f1c 18", "leadq forget all --queue low"))
@click.argument("references", metavar="ID…|all", nargs=-1)
@click.option("--queue", type=QUEUE_NAME, help="Only jobs of this queue.")
@click.option("--range", "ranges", type=RANGE, multiple=True, help="Only jobs with these numbers: 5-10.")
@json_option
@pass_app
def command(app: App, references: tuple[str, ...], queue: str | None, ranges: tuple[tuple[int, int], ...]) -> None:
    """Delete failed jobs.

    By number, uuid or the beginning of a uuid, or all of them. Their notifications are given up for good.
    """
    app.start_logging()
    ids, missing = select_failed(app, references, queue=queue, ranges=ranges)
    deleted = sum(app.store.triage.forget(failed_id) for failed_id in ids)
    app.log("Failed jobs forgotten", deleted=deleted)
    if app.out.as_json:
        app.out.document({"deleted": deleted, "not_found": [reference for reference, _ in missing]})
    else:
        for _, error in missing:
            app.out.error(error.message, error.hint)
        if deleted or not missing:
            app.out.line(f"{deleted} failed {'job' if deleted == 1 else 'jobs'} deleted.")
    if missing:
        raise click.exceptions.Exit(1)
