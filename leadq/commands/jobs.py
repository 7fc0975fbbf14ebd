"""`leadq jobs`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import LIMIT, QUEUE_LIST, example, json_option, pass_app
from leadq.commands.paused import note_pauses


@click.command(epilog=example("leadq jobs", "leadq jobs --state delayed --queue high", "leadq jobs 17"))
@click.argument("job_id", metavar="[ID]", required=False, type=int)
@click.option("--queue", "queues", type=QUEUE_LIST, default=(), help="Only these queues.")
@click.option("--state", type=click.Choice(["pending", "delayed", "reserved"]), help="Only these jobs.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many.")
@json_option
@pass_app
def command(app: App, job_id: int | None, queues: tuple[str, ...], state: str | None, limit: int) -> None:
    """List the waiting and running jobs.

    In the order in which they run; with an ID, everything about one job, and what has happened to it so far.
    """
    from leadq.output.documents import job_document
    from leadq.store.records import JobState

    if job_id is not None:
        _show(app, job_id)
        return
    jobs, total = app.store.jobs.listing(queues=queues, state=JobState(state) if state else None, limit=limit)
    documents = [job_document(job) for job in jobs]
    if app.out.as_json:
        app.out.document({"jobs": documents, "total": total})
        return
    if not jobs:
        app.out.line("No jobs.")
        note_pauses(app, queues)
        return
    from leadq.output.times import age

    rows = [
        (d["id"], d["queue"], d["job"], d["data"].get("lead_id"), d["state"], d["priority"], d["attempts"],
         age(job.available_at), job.worker)
        for job, d in zip(jobs, documents, strict=True)
    ]  # fmt: skip
    columns = ("id", "queue", "job", "lead", "state", "priority", "attempts", "due", "worker")
    app.out.table(columns, rows, shrink=("job", "worker", "queue"))
    if total > len(jobs):
        app.out.note(f"The first {len(jobs)} of {total}; see more with --limit.")
    note_pauses(app, queues)


def _show(app: App, job_id: int) -> None:
    from leadq.output.documents import job_document

    job = app.store.jobs.find(job_id)
    document = {**job_document(job), "payload": job.payload}
    if app.out.as_json:
        app.out.document(document)
        return
    from leadq.output.stories import story_lines
    from leadq.stories import story_of_job

    app.out.facts(document)
    app.out.line()
    for line in story_lines(story_of_job(app.store, job), app.settings.timezone, width=app.out.width):
        app.out.line(line)
