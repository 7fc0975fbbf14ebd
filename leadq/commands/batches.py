"""`leadq batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import LIMIT, example, json_option, pass_app

if TYPE_CHECKING:
    from leadq.store.records import Batch

SHORTEST_ID = 8  # characters: enough to tell a few thousand batches apart


@click.command(epilog=example("leadq batches", "leadq batches 4f1c", "leadq batches --limit 10 --json"))
@click.argument("reference", metavar="[ID]", required=False)
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many.")
@json_option
@pass_app
def command(app: App, reference: str | None, limit: int) -> None:
    """List the batches of jobs and how far they are.

    The newest first; with an ID, or the beginning of one, everything about one batch, its failed jobs included.
    """
    from leadq.output.documents import batch_document

    if reference is not None:
        _show(app, reference)
        return
    batches, total = app.store.batches.listing(limit=limit)
    if app.out.as_json:
        app.out.document({"batches": [batch_document(batch) for batch in batches]})
        return
    if not batches:
        app.out.line("No batches.")
        return
    from leadq.output.times import age

    length = _telling_length([batch.id for batch in batches])
    rows = [
        (batch.id[:length], batch.name, f"{batch.progress} %", batch.pending_jobs, batch.failed_jobs,
         age(batch.created_at), _end(batch))
        for batch in batches
    ]  # fmt: skip
    app.out.table(("id", "name", "progress", "pending", "failed", "created", "finished"), rows, shrink=("name",))
    if total > len(batches):
        app.out.note(f"The newest {len(batches)} of {total}; see more with --limit.")


def _telling_length(ids: list[str]) -> int:
    """To how many characters ids can be cut so that each is still one batch's."""
    longest = max(map(len, ids))
    lengths = range(SHORTEST_ID, longest)
    return next((length for length in lengths if len({one[:length] for one in ids}) == len(ids)), longest)


def _end(batch: Batch) -> str:
    from leadq.output.times import age

    if batch.cancelled_at is not None:
        return f"cancelled {age(batch.cancelled_at)}"
    return "" if batch.finished_at is None else age(batch.finished_at)


def _show(app: App, reference: str) -> None:
    from leadq.output.documents import batch_document

    batch = app.store.batches.find(reference)
    failed = app.store.batches.failed_job_ids(batch.id)
    document = {**batch_document(batch), "failed_job_ids": failed}
    if app.out.as_json:
        app.out.document(document)
        return
    app.out.facts({**document, "failed_job_ids": "\n".join(failed)}, blocks=("failed_job_ids",))
    if failed:
        app.out.note(f"One in full: leadq failed ID. All of them back into the queue: leadq retry-batch {batch.id}")
