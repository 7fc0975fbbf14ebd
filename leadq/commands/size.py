"""`leadq size`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, example, json_option, pass_app
from leadq.commands.paused import note_pauses


@click.command(epilog=example("leadq size", "leadq size --queue high,default --json"))
@click.option("--queue", "queues", type=QUEUE_LIST, default=(), help="Only these queues.")
@json_option
@pass_app
def command(app: App, queues: tuple[str, ...]) -> None:
    """Print how many jobs there are.

    One number: the pending, delayed and reserved jobs of all queues, or of those named. With --json split.
    """
    sizes = app.store.jobs.sizes(queues)
    if app.out.as_json:
        from leadq.output.documents import sizes_document

        app.out.document(sizes_document(sizes, app.store.control.pauses()))
        return
    app.out.line(str(sum(size.size for size in sizes)))
    note_pauses(app, queues)
