"""`leadq resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app
from leadq.commands.paused import note_pauses
from leadq.commands.queue_names import chosen_queues, queues_or_all

if TYPE_CHECKING:
    from leadq.store.records import Pause


@click.command(epilog=example("leadq resume high", "leadq resume --all"))
@queues_or_all
@json_option
@pass_app
def command(app: App, lists: tuple[tuple[str, ...], ...], everything: bool) -> None:
    """End the pause of a queue.

    --all ends every pause, those of single queues included. While all queues are paused a single one loses its own
    pause and stays paused with them, which is an error.
    """
    from leadq.output.documents import pause_document

    queues = chosen_queues(lists, everything)
    app.start_logging()
    control = app.store.control
    resumed = app.store.transact(lambda: [pause for queue in queues for pause in control.resume(queue)])
    if resumed:
        app.log("Queues resumed", queues=",".join(pause.queue or "all" for pause in resumed))
    if not everything:
        _require_that_they_go_on(queues, control.pauses())
    if app.out.as_json:
        app.out.document({"resumed": [pause_document(pause) for pause in resumed]})
        return
    _print_resumed(app, queues, resumed)
    note_pauses(app)


def _require_that_they_go_on(queues: list[str | None], left: list[Pause]) -> None:
    from leadq.errors import StillPaused
    from leadq.output.pauses import pause_line, queues_phrase

    for pause in left:
        if pause.queue is None:
            raise StillPaused(
                f"{queues_phrase(queues)} {'stays' if len(queues) == 1 else 'stay'} paused with {pause_line(pause)}",
                hint="Resume everything with: leadq resume --all (and then pause anew what should wait)",
            )


def _print_resumed(app: App, queues: list[str | None], resumed: list[Pause]) -> None:
    from leadq.output.pauses import resumed_line

    for pause in resumed:
        app.out.line(f"Resumed: {resumed_line(pause)}")
    were_paused = {pause.queue for pause in resumed}
    for queue in queues:
        if queue is not None and queue not in were_paused:
            app.out.line(f"{queue} was not paused.")
    if queues == [None] and not resumed:
        app.out.line("Nothing was paused.")
