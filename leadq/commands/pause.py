"""`leadq pause`."""

from __future__ import annotations

import math

import click

from leadq.app import App
from leadq.commands.options import SECONDS, WORDS, example, json_option, pass_app
from leadq.commands.queue_names import chosen_queues, queues_or_all

LONGEST_REASON = 500  # characters


@click.command(
    epilog=example("leadq pause high", "leadq pause high,low --for 10m", "leadq pause --all --reason 'mail is down'")
)
@queues_or_all
@click.option("--for", "duration", type=SECONDS, help="End the pause after so long: 90s, 10m, 2h.")
@click.option("--reason", type=WORDS, help="Why: whoever looks at the queues is told.")
@json_option
@pass_app
def command(
    app: App, lists: tuple[tuple[str, ...], ...], everything: bool, duration: float | None, reason: str | None
) -> None:
    """Have workers take no more jobs of a queue.

    On every host, within a few seconds; jobs that are running go on to their end, and new ones are stored as ever. A
    queue that is paused already gets the new reason and end.
    """
    queues = chosen_queues(lists, everything)
    if duration == 0:
        raise click.BadParameter("expected more than 0 seconds", param_hint="'--for'")
    from leadq.output.documents import pause_document
    from leadq.output.pauses import queues_phrase
    from leadq.output.times import local_time
    from leadq.text import one_line

    app.start_logging()
    control = app.store.control
    until = None if duration is None else app.store.now() + math.ceil(duration)
    words = one_line(reason, limit=LONGEST_REASON) or None if reason is not None else None

    def pause() -> None:
        for queue in queues:
            control.pause(queue, until=until, reason=words)

    app.store.transact(pause)
    app.log("Queues paused", queues=",".join(queue or "all" for queue in queues), seconds=duration, reason=words)
    if app.out.as_json:
        app.out.document({"paused": [pause_document(pause) for pause in control.pauses() if pause.queue in queues]})
    else:
        end = f" until {local_time(until, app.settings.timezone)}" if until is not None else ""
        app.out.line(f"Paused {queues_phrase(queues)}{end}.")
        names = "--all" if everything else " ".join(map(str, queues))
        app.out.note(f"Jobs that are running go on to their end. To go on: leadq resume {names}")
    if app.settings.queue_connection == "sync":
        app.out.warn("with QUEUE_CONNECTION=sync jobs run at once, without a worker: a pause does not hold them.")
