"""`leadq clear`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.consent import force_option, require_consent
from leadq.commands.options import QUEUE_LIST, example, json_option, pass_app


@click.command(epilog=example("leadq clear", "leadq clear --queue high,low", "leadq clear --all --force"))
@click.option("--queue", "queues", type=QUEUE_LIST, help="These queues.  [default: DB_QUEUE]")
@click.option("--all", "everything", is_flag=True, help="All queues.")
@click.option("--reserved", is_flag=True, help="Delete the jobs that are running, too.")
@force_option
@json_option
@pass_app
def command(app: App, queues: tuple[str, ...] | None, everything: bool, reserved: bool, force: bool) -> None:
    """Delete the waiting jobs of a queue.

    Pending and delayed jobs go, and their notifications with them; running ones are left to their workers.
    With APP_ENV=production it asks first.
    """
    if queues and everything:
        raise click.UsageError("--queue and --all exclude each other.")
    chosen = () if everything else queues or (app.settings.default_queue,)
    named = ", ".join(chosen)
    what = "all queues" if everything else f"the [{named}] {'queue' if len(chosen) == 1 else 'queues'}"
    app.start_logging()
    require_consent(app, f"This deletes the waiting jobs of {what}.", force=force)
    cleared, left = app.store.jobs.clear(chosen, reserved=reserved)
    app.log("Jobs cleared", queues=named or "all", cleared=cleared, left_reserved=left)
    if app.out.as_json:
        app.out.document({"cleared": cleared, "left_reserved": left})
        return
    app.out.line(f"Cleared {cleared} {'job' if cleared == 1 else 'jobs'} from {what}.")
    if left:
        app.out.note(f"{left} reserved {'job was' if left == 1 else 'jobs were'} left to the workers.")
