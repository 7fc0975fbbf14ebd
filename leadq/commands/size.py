"""`leadq size`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, example, json_option, pass_app
from leadq.commands.paused import note_pauses

if TYPE_CHECKING:
    from leadq.store.records import Pause, QueueSize


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

        pauses = app.store.control.pauses()
        app.out.document(sizes_document(sizes if queues else _with_paused(sizes, pauses), pauses))
        return
    app.out.line(str(sum(size.size for size in sizes)))
    note_pauses(app, queues)


def _with_paused(sizes: list[QueueSize], pauses: Sequence[Pause]) -> list[QueueSize]:
    """Those queues, too, that are paused and have no jobs."""
    from leadq.store.records import QueueSize

    missing = {pause.queue for pause in pauses if pause.queue is not None} - {size.queue for size in sizes}
    empty = [QueueSize(queue=queue, pending=0, delayed=0, reserved=0) for queue in missing]
    return sorted([*sizes, *empty], key=lambda size: size.queue)
