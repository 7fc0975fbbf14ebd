"""`leadq failed`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import LIMIT, QUEUE_NAME, example, json_option, pass_app


@click.command(epilog=example("leadq failed", "leadq failed --queue high --limit 10", "leadq failed 17"))
@click.argument("reference", metavar="[ID]", required=False)
@click.option("--queue", type=QUEUE_NAME, help="Only this queue.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many.")
@json_option
@pass_app
def command(app: App, reference: str | None, queue: str | None, limit: int) -> None:
    """List the failed jobs.

    The newest first; with an ID (the number, the uuid or the beginning of the uuid) everything about one,
    the whole exception included.
    """
    from leadq.output.documents import failed_document
    from leadq.store.failed import FailedFilter

    if reference is not None:
        _show(app, reference)
        return
    jobs, total = app.store.failed.listing(FailedFilter(queue=queue), limit=limit)
    documents = [failed_document(job) for job in jobs]
    if app.out.as_json:
        app.out.document({"failed": documents, "total": total})
        return
    if not jobs:
        app.out.line("No failed jobs.")
        return
    from leadq.output.times import age

    rows = [
        (d["id"], d["queue"], d["job"], d["lead_id"], d["error"], d["attempts"], age(job.failed_at))
        for job, d in zip(jobs, documents, strict=True)
    ]
    app.out.table(("id", "queue", "job", "lead", "error", "attempts", "when"), rows, shrink=("job", "queue", "error"))
    shown = f"The newest {len(jobs)} of {total}" if total > len(jobs) else f"{total}"
    app.out.note(f"{shown} failed. One in full: leadq failed ID. Back into the queue: leadq retry ID, or all")


def _show(app: App, reference: str) -> None:
    from leadq.output.documents import failed_document

    job = app.store.failed.find(reference)
    document = {**failed_document(job), "payload": job.payload, "exception": job.exception}
    if app.out.as_json:
        app.out.document(document)
        return
    del document["error"]
    app.out.facts(document, blocks=("exception",))
