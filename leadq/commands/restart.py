"""`leadq restart`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.command(epilog=example("leadq restart"))
@json_option
@pass_app
def command(app: App) -> None:
    """Have all workers end after their current job.

    On every host, with exit code 0, so that what keeps them running (supervisor, systemd) starts them with the code
    and the settings of now. leadq itself starts none.
    """
    app.start_logging()
    # first: an idle one ends within milliseconds
    workers = app.store.workers.serving(retry_after=app.settings.retry_after)
    app.store.control.restart()
    app.log("Restart asked for", workers=len(workers))
    if app.out.as_json:
        app.out.document({"workers": len(workers)})
    elif workers:
        count = "1 worker ends" if len(workers) == 1 else f"{len(workers)} workers end"
        app.out.line(f"{count} after the current job; what keeps workers running starts them anew.")
    else:
        app.out.line("No worker is running, so none has to end.")
