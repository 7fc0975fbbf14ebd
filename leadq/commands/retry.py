"""`leadq retry`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import QUEUE_NAME, RANGE, example, json_option, pass_app
from leadq.commands.selection import select_failed

SHOWN_ONE_BY_ONE = 50


@click.command(epilog=example("leadq retry 17", "leadq retry 4f1c", "leadq retry all", "leadq retry all --queue high"))
@click.argument("references", metavar="ID…|all", nargs=-1)
@click.option("--queue", type=QUEUE_NAME, help="Only jobs of this queue.")
@click.option("--range", "ranges", type=RANGE, multiple=True, help="Only jobs with these numbers: 5-10.")
@click.option("--force", is_flag=True, help="Send a mail once more even where it is recorded as sent.")
@json_option
@pass_app
def command(
    app: App, references: tuple[str, ...], queue: str | None, ranges: tuple[tuple[int, int], ...], force: bool
) -> None:
    """Put failed jobs back into their queues.

    By number, uuid or the beginning of a uuid, or all of them. They keep their uuid and start anew with no
    attempt spent. A notification that is recorded as sent is not sent again without --force.
    """
    app.start_logging()
    ids, missing = select_failed(app, references, queue=queue, ranges=ranges)
    retried = []
    for failed_id in ids:
        uuid = app.store.triage.retry(failed_id, force=force)
        if uuid is None:
            continue
        app.log("Failed job retried", job=uuid)
        retried.append(uuid)
        if not app.out.as_json and len(retried) <= SHOWN_ONE_BY_ONE:
            app.out.line(f"{uuid}  queued again")
    if app.out.as_json:
        app.out.document({"retried": retried, "not_found": [reference for reference, _ in missing]})
    else:
        for _, error in missing:
            app.out.error(error.message, error.hint)
        if retried:
            app.out.line(f"{len(retried)} failed {'job' if len(retried) == 1 else 'jobs'} queued again.")
        elif not missing:
            app.out.line("No failed jobs to retry.")
    if missing:
        raise click.exceptions.Exit(1)
